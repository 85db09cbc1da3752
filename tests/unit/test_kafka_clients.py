"""What is left of a client that Kafka does not answer: nothing, or a worker would drown in a long outage."""

from __future__ import annotations

import socket
import threading

import pytest

from pipeline import kafka_clients
from pipeline.errors import ServerError
from pipeline.kafka_clients import kafka_admin
from pipeline.settings import load_settings


def test_a_client_for_administration_that_is_not_answered_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_clients, "BOOTSTRAP_MILLISECONDS", 300)
    before = threading.enumerate()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        settings = load_settings(environ={"ELAN_MODE": "development", "ELAN_KAFKA_BOOTSTRAP_SERVERS": place})
        with pytest.raises(ServerError, match="takes connections but does not answer as expected"):
            kafka_admin(settings)
    assert threading.enumerate() == before
