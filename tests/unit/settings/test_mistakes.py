"""A mistake in the settings is one sentence: which key, where it was set, and what it may be."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SettingsError
from pipeline.settings import load_settings
from pipeline.settings.given import leaves
from pipeline.settings.keys import Key, keys
from pipeline.settings.loading import settings_of

if TYPE_CHECKING:
    from pathlib import Path

SASL = {"ELAN_KAFKA_SASL_USERNAME": "elan", "ELAN_KAFKA_SASL_PASSWORD": "canary"}

MISTAKES: list[tuple[dict[str, str], list[str]]] = [
    # unknown
    ({"ELAN_KAFKA_PARTITION": "3"}, ["ELAN_KAFKA_PARTITION is not", "did you mean ELAN_KAFKA_PARTITIONS?"]),
    ({"ELAN_NONSENSE": "3"}, ["ELAN_NONSENSE is not", "docs/settings.md"]),
    ({"ELAN_KAFKA_PARTITIONS_FILE": "x"}, ["ELAN_KAFKA_PARTITIONS_FILE is not"]),
    ({"ELAN_NETWORKS": '{"a": {"time_zon": "UTC"}}'}, ["networks.a.time_zon", "did you mean networks.a.time_zone?"]),
    # no value of that kind
    ({"ELAN_KAFKA_PARTITIONS": "many"}, ["kafka.partitions = 'many'", "ELAN_KAFKA_PARTITIONS", "valid integer"]),
    ({"ELAN_KAFKA_PARTITIONS": "0"}, ["kafka.partitions = '0'", "greater than or equal to 1"]),
    ({"ELAN_KAFKA_PARTITIONS": "99999999999"}, ["kafka.partitions", "less than or equal to 100000"]),
    ({"ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": "1e9"}, ["kafka.session_timeout_seconds", "less than or equal to 86400"]),
    ({"ELAN_REDIS_TIMEOUT_SECONDS": "1e300"}, ["redis.timeout_seconds", "less than or equal to 86400"]),
    ({"ELAN_MODE": "developement"}, ["'production' or 'development'", "did you mean development?"]),
    ({"ELAN_DETECTION_DROP_RATIO": "nan"}, ["detection.drop_ratio", "finite"]),
    # weeks that the detector does not have
    ({"ELAN_DETECTION_BASELINE_WEEKS": "28"}, ["detection.baseline_weeks = '28'", "less than or equal to 27"]),
    ({"ELAN_DETECTION_BASELINE_WEEKS": "5"}, ["detection.baseline_weeks = '5'", "greater than or equal to 6"]),
    ({"ELAN_DETECTION_HISTORY_WEEKS_NEEDED": "32"}, ["history_weeks_needed", "less than or equal to 31"]),
    ({"ELAN_DETECTION_CONFIRMED_WEEKS_AT_MOST": "32"}, ["confirmed_weeks_at_most", "less than or equal to 31"]),
    (
        {"ELAN_DETECTION_CONFIRMED_WEEKS": "13"},
        ["detection.confirmed_weeks (from ELAN_DETECTION_CONFIRMED_WEEKS) is 13", "lower the one or raise the other"],
    ),
    ({"ELAN_PRIVACY_SMALLEST_GROUP": "4"}, ["privacy.smallest_group", "greater than or equal to 5"]),
    ({"ELAN_SERVE_PORT": "70000"}, ["serve.port", "65535"]),
    ({"ELAN_KAFKA_BOOTSTRAP_SERVERS": "kafka"}, ["'kafka' is no address", "host:port"]),
    ({"ELAN_KAFKA_BOOTSTRAP_SERVERS": "a:9092,b:0"}, ["'b:0' is no address"]),
    ({"ELAN_KAFKA_ACTIVITY_TOPIC": "a topic"}, ["kafka.activity_topic"]),
    ({"ELAN_REDIS_NAMESPACE": "{elan}"}, ["redis.namespace"]),
    ({"ELAN_SCORING_WEIGHTS": "4"}, ["ELAN_SCORING_WEIGHTS should hold a JSON object", '{"post": 4}']),
    ({"ELAN_SCORING_WEIGHTS": '{"posts": 4}'}, ["'posts' has no weight", "did you mean post?"]),
    ({"ELAN_SCORING_WEIGHTS": '{"post": -1}'}, ["scoring.weights.post = '-1'", "greater than or equal to 0"]),
    ({"ELAN_NETWORKS": '{"a": 3}'}, ["networks.a", "a table of keys and values"]),
    # Redis
    ({"ELAN_REDIS_URL": "http://localhost"}, ["redis.url", "rediss+cluster://host:port"]),
    ({"ELAN_REDIS_URL": "redis+cluster://localhost:7000/1"}, ["a Redis Cluster has no numbered databases", "/1"]),
    ({"ELAN_REDIS_URL": "redis://localhost:6379/one"}, ["/one should be the number of a database"]),
    ({"ELAN_REDIS_URL": "redis://localhost:99999"}, ["its port"]),
    ({"ELAN_REDIS_URL": "rediss://localhost?ssl_cert_reqs=none"}, ["it takes nothing after ?"]),
    ({"ELAN_REDIS_TLS_CA_FILE": "ca.pem"}, ["redis.tls_ca_file (from ELAN_REDIS_TLS_CA_FILE)", "not encrypted"]),
    ({"ELAN_REDIS_USERNAME": "elan"}, ["redis.username", "redis.password"]),
    # Kafka's security
    (
        {"ELAN_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", **SASL},
        ["ELAN_KAFKA_SECURITY_PROTOCOL", "in the clear", "kafka.allow_plaintext_sasl = true"],
    ),
    ({"ELAN_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, ["SASL_SSL", "kafka.sasl_username"]),
    (SASL, ["kafka.security_protocol PLAINTEXT", "use SASL_SSL"]),
    ({"ELAN_KAFKA_SASL_USERNAME": "elan"}, ["kafka.sasl_username", "kafka.sasl_password"]),
    (
        {"ELAN_KAFKA_SECURITY_PROTOCOL": "SSL", "ELAN_KAFKA_TLS_KEY_FILE": "key.pem"},
        ["kafka.tls_key_file", "tls_certificate_file"],
    ),
    ({"ELAN_KAFKA_HEARTBEAT_INTERVAL_SECONDS": "6"}, ["kafka.heartbeat_interval_seconds", "half"]),
    ({"ELAN_KAFKA_ALERTS_TOPIC": "esn.activity.v1"}, ["three different topics"]),
    # places
    ({"ELAN_NETWORK_DEFAULT_TIME_ZONE": "Europe/Pari"}, ["network_default.time_zone", "did you mean Europe/Paris?"]),
    ({"ELAN_NETWORK_DEFAULT_TIME_ZONE": "../etc/passwd"}, ["network_default.time_zone", "IANA"]),
    ({"ELAN_NETWORK_DEFAULT_COUNTRY": "XX"}, ["network_default.country = 'XX'", "ISO 3166"]),
    ({"ELAN_NETWORK_DEFAULT_REGION": "BY"}, ["network_default.region", "country"]),
    (
        {"ELAN_NETWORK_DEFAULT_COUNTRY": "DE", "ELAN_NETWORK_DEFAULT_REGION": "ZZ"},
        ["network_default.region (from ELAN_NETWORK_DEFAULT_REGION)", "'ZZ'", "BY"],
    ),
    # secrets and files
    ({"ELAN_PRIVACY_PSEUDONYM_KEY": "canary"}, ["privacy.pseudonym_key", "at least 16 characters"]),
    ({"ELAN_REDIS_PASSWORD_FILE": "/nowhere/at/all"}, ["/nowhere/at/all", "ELAN_REDIS_PASSWORD_FILE"]),
    ({"ELAN_REDIS_PASSWORD": "canary", "ELAN_REDIS_PASSWORD_FILE": "x"}, ["both set"]),
    ({"ELAN_CONFIG": "/nowhere/elan.toml"}, ["/nowhere/elan.toml does not exist", "ELAN_CONFIG"]),
]


@pytest.mark.parametrize(("environ", "parts"), MISTAKES)
def test_a_wrong_variable_is_one_sentence(environ: dict[str, str], parts: list[str]) -> None:
    with pytest.raises(SettingsError) as mistake:
        load_settings(environ=environ)
    sentence = str(mistake.value)
    assert [part for part in parts if part not in sentence] == []
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert "canary" not in sentence
    assert mistake.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[kafka]\npartitons = 3\n", ["kafka.partitons (from ", "elan.toml)", "did you mean kafka.partitions?"]),
        ("[kafkaa]\npartitions = 3\n", ["kafkaa"]),
        ("partitions = 3\n", ["partitions (from ", "is not a setting"]),
        ("kafka = 3\n", ["kafka = '3'", "a table of keys and values"]),
        ("[kafka]\npartitions = [3]\n", ["kafka.partitions", "elan.toml"]),
        ("[kafka\n", ["is no TOML", "line 1"]),
    ],
)
def test_a_mistake_in_the_file_names_the_file(tmp_path: Path, text: str, parts: list[str]) -> None:
    file = tmp_path / "elan.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as mistake:
        load_settings(file, {"ELAN_KAFKA_GROUP": "elan"})
    assert [part for part in parts if part not in str(mistake.value)] == []


TABLES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=9), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(keys()), st.text(max_size=30) | TABLES.map(json.dumps))
def test_whatever_a_variable_holds_there_is_no_traceback(key: Key, value: str) -> None:
    told = ""
    try:
        load_settings(environ={key.variable: value})
    except SettingsError as mistake:
        told = str(mistake)
    assert not told or key.name.partition(".")[0] in told or key.variable in told


@given(st.sampled_from(keys()), TABLES)
def test_whatever_the_file_holds_there_is_no_traceback(key: Key, value: object) -> None:
    section, _, name = key.name.partition(".")
    tables = {section: {name: value} if name else value}
    with contextlib.suppress(SettingsError):
        settings_of(list(leaves((), tables, "elan.toml")))


def test_an_empty_secret_file_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "password"
    empty.write_text("\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="is empty"):
        load_settings(environ={"ELAN_REDIS_PASSWORD_FILE": str(empty)})


def test_sasl_in_the_clear_is_possible_for_who_asks_for_it() -> None:
    environ = {"ELAN_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "ELAN_KAFKA_ALLOW_PLAINTEXT_SASL": "true", **SASL}
    assert load_settings(environ=environ).kafka.allow_plaintext_sasl
