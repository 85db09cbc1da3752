"""The page on running Élan: the rights it asks for are enough, and no more than it says."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from tests.integration.pipeline.deployment import Deployment
from tests.servers import absence
from tests.servers.process import ServerUnavailableError
from tests.servers.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
PASSWORD = "of-this-test"
DAYS = 30
SET_ANOTHERS_KEY = "return redis.call('SET', 'other:1', 'theirs')"


def documented_user() -> list[str]:
    """The words of the line that makes the user, with a password of ours."""
    found = re.search(r"^user elan (.+)$", PAGE, re.MULTILINE)
    assert found is not None
    return found.group(1).replace(">PASSWORD", f">{PASSWORD}").split()


def line(day: int) -> str:
    """A post of one member, so many days after the first."""
    time = datetime(2026, 3, 2, 8, tzinfo=timezone.utc) + timedelta(days=day)
    post = {"id": str(day), "time": time.isoformat(), "kind": "post", "network": "acme", "community": "general"}
    return json.dumps(post | {"actor": "u1"}) + "\n"


@pytest.fixture
def restricted_url(tmp_path: Path) -> Iterator[str]:
    """Give the URL of a Valkey on which the user of the page is the only one who may do anything."""
    try:
        server = Valkey(tmp_path / "valkey")
    except ServerUnavailableError as error:
        absence.leave_out("Valkey", error)
    server.start()
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("ACL", "SETUSER", "elan", *documented_user())
        client.execute_command("ACL", "SETUSER", "default", "off")
    yield server.url.replace("redis://", f"redis://elan:{PASSWORD}@")
    server.stop()


@pytest.mark.timeout(120)
def test_the_documented_rights_in_redis_are_enough(kafka_bootstrap: str, restricted_url: str, tmp_path: Path) -> None:
    deployment = Deployment(kafka_bootstrap, restricted_url, "elan", tmp_path).prepare()
    try:
        deployment.start_worker()
        (tmp_path / "flat.jsonl").write_text("".join(map(line, range(DAYS))), encoding="utf-8")
        deployment.elan("import", "jsonl", "flat.jsonl", "--to-topic")
        deployment.wait_until_counted()
        checked = deployment.elan("check", check=False)
        status = deployment.elan("status")
    finally:
        deployment.stop()
    assert "refuses" not in checked.stdout + checked.stderr
    assert re.search(r"namespace +elan: 4 shards", checked.stdout)
    assert "acme: 1 communities" in status.stdout
    assert "NOPERM" not in (tmp_path / "worker-0.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "command",
    [("FLUSHALL",), ("CONFIG", "GET", "*"), ("KEYS", "*"), ("GET", "other:1"), ("EVAL", SET_ANOTHERS_KEY, "0")],
    ids=lambda command: command[0],
)
def test_the_documented_rights_in_redis_go_no_further(restricted_url: str, command: tuple[str, ...]) -> None:
    with redis.Redis.from_url(restricted_url) as client:
        client.set("elan:1", "ours")
        with pytest.raises(redis.ResponseError, match=r"(?i)permission|noperm|ACL"):
            client.execute_command(*command)
