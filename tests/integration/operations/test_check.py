"""`elan check` against real servers: nothing wrong where all is well, and each thing told where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from pipeline.windows.redis_progress import LAYOUT_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result

    Elan = Callable[..., Result]


@pytest.fixture
def client(valkey_url: str) -> Iterator[redis.Redis]:
    """Give a client whose changes of the server's configuration are taken back."""
    with redis.Redis.from_url(valkey_url) as client:
        yield client
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")


def wrong(result: Result) -> list[str]:
    return [line for line in result.stdout.splitlines() if line.startswith("wrong")]


def test_all_is_well(elan: Elan, valkey_url: str) -> None:
    elan("topics", "create")
    result = elan("check", ELAN_REDIS_URL=valkey_url)
    assert result.exit_code == 0, result.stdout
    assert {line.split()[0] for line in result.stdout.splitlines()} == {"ok"}
    assert {line.split()[1] for line in result.stdout.splitlines()} == {
        *("settings", "key", "Kafka", "topic", "Redis", "clock", "namespace")
    }


def test_topics_that_are_missing_are_told(elan: Elan, valkey_url: str) -> None:
    result = elan("check", ELAN_REDIS_URL=valkey_url)
    assert result.exit_code == 1
    assert ["elan topics create" in line for line in wrong(result)] == [True, True, True]


def test_a_server_that_may_forget_is_wrong(elan: Elan, client: redis.Redis, valkey_url: str) -> None:
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("appendonly", "no")
    elan("topics", "create")
    result = elan("check", ELAN_REDIS_URL=valkey_url)
    assert result.exit_code == 1
    policy, append_only = wrong(result)
    assert "maxmemory-policy allkeys-lru" in policy
    assert "appendonly yes" in append_only


def test_a_namespace_started_with_other_shards_is_wrong(elan: Elan, client: redis.Redis, valkey_url: str) -> None:
    client.hset("elan:layout", mapping={"version": LAYOUT_VERSION, "shards": "16", "topic": "any"})
    elan("topics", "create")
    result = elan("check", ELAN_REDIS_URL=valkey_url)
    assert result.exit_code == 1
    assert "elan was started with 16 shards, the settings say 64" in wrong(result)[0]


def test_a_namespace_laid_out_by_another_version_is_wrong(elan: Elan, client: redis.Redis, valkey_url: str) -> None:
    client.hset("elan:layout", mapping={"version": "1", "shards": "64", "topic": "any"})
    elan("topics", "create")
    result = elan("check", ELAN_REDIS_URL=valkey_url)
    assert result.exit_code == 1
    assert "elan was begun by another version of Élan" in wrong(result)[0]
    assert "choose another redis.namespace" in wrong(result)[0]


def test_a_user_without_rights_is_told_by_its_setting(elan: Elan, client: redis.Redis, valkey_url: str) -> None:
    client.acl_setuser("reader", enabled=True, passwords=["+secret word"], keys=["*"], commands=["+ping", "+hello"])
    user = {"ELAN_REDIS_USERNAME": "reader", "ELAN_REDIS_PASSWORD": "secret word"}
    result = elan("check", ELAN_REDIS_URL=valkey_url, **user)
    assert "allow INFO, TIME and HGETALL" in wrong(result)[-1]
    assert "secret word" not in result.stdout
    result = elan("check", ELAN_REDIS_URL=valkey_url, **{**user, "ELAN_REDIS_PASSWORD": "another word"})
    assert "check redis.username and redis.password" in wrong(result)[-1]
    client.acl_deluser("reader")
