"""What the clients are given: TLS with our own context, and never a silent fall-back to plain text."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from faust.types.auth import AuthProtocol

from pipeline.errors import SettingsError
from pipeline.kafka_clients import broker_credentials
from pipeline.redis_clients import redis_client
from pipeline.settings import load_settings
from pipeline.tls import ssl_context

if TYPE_CHECKING:
    from pathlib import Path

SASL = {"ELAN_KAFKA_SASL_USERNAME": "elan", "ELAN_KAFKA_SASL_PASSWORD": "a password"}


@pytest.mark.parametrize(
    ("protocol", "more"),
    [
        ("SSL", {}),
        ("SASL_SSL", SASL),
        ("SASL_PLAINTEXT", {**SASL, "ELAN_KAFKA_ALLOW_PLAINTEXT_SASL": "yes"}),
    ],
)
def test_faust_speaks_the_protocol_of_the_settings(protocol: str, more: dict[str, str]) -> None:
    settings = load_settings(environ={"ELAN_KAFKA_SECURITY_PROTOCOL": protocol, **more})
    credentials = broker_credentials(settings)
    assert credentials.protocol == AuthProtocol(protocol)
    if protocol.endswith("SSL"):
        context = credentials.context if protocol == "SSL" else credentials.ssl_context
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
    if more:
        assert (credentials.username, credentials.password) == ("elan", "a password")
        assert credentials.mechanism.value == "SCRAM-SHA-512"


def test_plain_text_needs_no_credentials() -> None:
    assert broker_credentials(load_settings(environ={})) is None


def test_a_file_that_is_no_certificate_is_told(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    kafka = {"ELAN_KAFKA_SECURITY_PROTOCOL": "SSL", "ELAN_KAFKA_TLS_CA_FILE": str(authority)}
    redis = {"ELAN_REDIS_URL": "rediss://127.0.0.1:1", "ELAN_REDIS_TLS_CA_FILE": str(authority)}
    for content in (None, "no certificate"):
        if content is not None:
            authority.write_text(content, encoding="utf-8")
        with pytest.raises(SettingsError, match=r"ca\.pem cannot be used"):
            ssl_context(load_settings(environ=kafka).kafka)
        with pytest.raises(SettingsError, match=r"ca\.pem cannot be used"):
            redis_client(load_settings(environ=redis))
