"""What is left of a client that Kafka does not answer: nothing, or a worker would drown in a long outage."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from pipeline import kafka_clients
from pipeline.duties import LEASE_SECONDS
from pipeline.errors import ServerError
from pipeline.kafka_clients import PRODUCER_REQUEST_MILLISECONDS, aiokafka_producer, kafka_admin
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


def test_a_relay_of_alerts_gives_up_before_its_lease_is_another_ones() -> None:
    # A record is tried again for one time limit, and the last try may take another.
    assert 2 * PRODUCER_REQUEST_MILLISECONDS / 1000 <= 0.7 * LEASE_SECONDS


def test_a_producer_waits_for_an_answer_no_longer_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_clients, "PRODUCER_REQUEST_MILLISECONDS", 300)

    async def start(place: str) -> None:
        async with aiokafka_producer(
            load_settings(environ={"ELAN_MODE": "development", "ELAN_KAFKA_BOOTSTRAP_SERVERS": place})
        ):
            pass

    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ServerError, match="does not answer as expected"):
            asyncio.run(asyncio.wait_for(start(place), 10))
