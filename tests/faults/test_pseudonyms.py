"""The key of the pseudonyms is changed, and a person erased, in the middle of a load (docs/privacy.md says what for).

What holds exactly: every activity counts once, and what came before and after the border counts as if it were of two
persons. Against a run under one key there differ, as documented, only what tells persons apart: distinct members of
windows that reach across the border, and members.
"""

from __future__ import annotations

import re
import urllib.request
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
import pytest
import redis

from pipeline.pseudonyms import PSEUDONYM_CHARACTERS, pseudonyms_of
from tests.faults.oracle import Expected, activity_of, last_steps
from tests.faults.producer import Record
from tests.faults.topic_changes import log_of, small_load

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model import Activity
    from pipeline.settings import Settings
    from tests.faults.trial import Trial, Trials
    from tests.servers.valkey import Valkey

KEYS = {"before": "the first key, 2023", "after": "the second key, 2024"}
KEY_VARIABLE = "ELAN_PRIVACY_PSEUDONYM_KEY"
ERASED = "erased".ljust(PSEUDONYM_CHARACTERS, "-")
FROM_MEMBERS = {
    "champions",
    "champions_silent",
    "champions_first_share_ratio",
    "lost_participants",
    "action_source",
}
"""Evidence of an alert that is read from the members there are, so without who was erased; and what goes by it."""
PERSON = re.compile(rb"person-\d")
"""An actor of the load."""
POISON = (
    b'{"specversion":"1.0","id":"p%d","source":"/esn/faults/acme","type":"esn.activity.post.v9",'
    b'"time":"2024-01-01T00:00:00Z","data":{"network":"acme","community":"community-1","actor":"person-%d"}}'
)


class TwoEras:
    """Makes the undisturbed run of a trial in which a member of the days before a border is another one after it."""

    def __init__(self, trial: Trial, after: str, erased: str = "") -> None:
        """The border lies where the partitions stand now; `after` is the key from there on."""
        standings = trial.deployment.standings()
        counted = (activity_of(one.value) for one in log_of(trial) if one.offset < standings[one.partition])
        self._before = {activity.id for activity in counted if activity is not None}
        self._pseudonyms = {"before": pseudonyms_of(KEYS["before"].encode()), "after": pseudonyms_of(after.encode())}
        self._erased = erased
        self.made: Expected | None = None

    def __call__(self, activities: list[Activity], settings: Settings) -> Expected:
        in_their_eras = [self._in_its_era(activity) for activity in activities]
        self.made = _WithoutErased(in_their_eras, settings, self._pseudonym)
        return self.made

    def _in_its_era(self, activity: Activity) -> Activity:
        era = "before" if activity.id in self._before else "after"
        return msgspec.structs.replace(activity, actor=f"{era} {activity.actor}")

    def _pseudonym(self, network: str, actor_of_era: str) -> str:
        era, _, actor = actor_of_era.partition(" ")
        return ERASED if (era, actor) == ("before", self._erased) else self._pseudonyms[era](network, actor)


class _WithoutErased(Expected):
    async def compute(self) -> None:
        await super().compute()
        for cell in [cell for cell in self.cells if cell[0] == "member" and cell[2] == ERASED]:
            del self.cells[cell]


def begin(trials: Trials, server: Valkey, **changes: str) -> Trial:
    """Two workers that have counted a part of a load, in which each day has a record that nobody can use."""
    trial = trials.begin(redis_url=server.url, changes={KEY_VARIABLE: KEYS["before"], **changes})
    workers = [trial.deployment.start_worker() for _ in range(2)]
    trial.deployment.wait_for_assignment(*workers)
    producer = trial.prepare_producer(small_load(trial), 600)

    def with_poison(records: list[Record]) -> list[Record]:
        number = len(producer.acknowledged)
        seconds = records[0].milliseconds / 1000 if records else 0.0
        return [*records, Record(POISON % (number, number % 32), b"poison", number % producer.partitions, seconds)]

    producer.spoil = with_poison
    producer.start()
    trial.deployment.wait_for_records(trial.random.randint(1_000, 3_000))
    return trial


def stop_workers(trial: Trial) -> None:
    for worker in list(trial.deployment.workers):
        trial.deployment.end(worker)


def assert_nobody_can_be_read(trial: Trial, folder: Path) -> None:
    """Neither an actor's id nor a key in Redis's file, the logs, the metrics and what is ours of the dead letters."""
    deployment = trial.deployment
    # Unlike the answer to DUMP the append-only file is not compressed.
    texts = [path.read_bytes() for path in folder.glob("redis/appendonlydir/*.aof")]
    assert sum(map(len, texts)) > 100_000
    texts += [log.read_bytes() for log in deployment.logs.values()]
    for worker in deployment.workers:
        with urllib.request.urlopen(f"{deployment.url_of(worker)}/metrics", timeout=10) as answer:
            texts.append(answer.read())
    letters = deployment.records("ELAN_KAFKA_DEAD_LETTER_TOPIC")
    assert len(letters) > 50
    assert all(PERSON.search(letter.value) for letter in letters), "a dead letter is as it came"
    texts += [value for letter in letters for name, value in letter.headers if name.startswith("elan-")]
    for text in texts:
        assert not PERSON.search(text), PERSON.findall(text)[:3]
        assert not any(key.encode() in text for key in KEYS.values())


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_new_key_counts_everybody_anew_and_nothing_twice(trials: Trials, own_valkey: Valkey, tmp_path: Path) -> None:
    # events  ########################
    # old key ==========|
    # new key            =============
    trial = begin(trials, own_valkey)
    stop_workers(trial)
    trial.expect = TwoEras(trial, after=KEYS["after"])
    trial.fault(f"another key after {trial.deployment.counted()} records")
    for _ in range(2):
        trial.deployment.start_worker(**{KEY_VARIABLE: KEYS["after"]})
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    assert_nobody_can_be_read(trial, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_person_erased_is_gone_and_is_somebody_new_when_he_returns(
    trials: Trials, own_valkey: Valkey, tmp_path: Path
) -> None:
    # the others ##################
    # one person ########  ########   forgotten in between: the sums of the communities keep what he did
    trial = begin(trials, own_valkey, ELAN_PRIVACY_CHAMPION_NOTICES="false")
    stop_workers(trial)
    member = pseudonyms_of(KEYS["before"].encode())("acme", "person-3")
    erased = erase(own_valkey.url, trial.deployment.name, member)
    eras = trial.expect = TwoEras(trial, after=KEYS["before"], erased="person-3")
    trial.fault(f"a person erased from {erased} communities after {trial.deployment.counted()} records")
    for _ in range(2):
        trial.deployment.start_worker()
    trial.heal()
    outcome = trial.settle()
    told = trial.deployment.records("ELAN_KAFKA_ALERTS_TOPIC")
    found = last_steps((one.key.decode(), orjson.loads(one.value)) for one in told)
    assert eras.made is not None
    outcome.alerts_equal = without_members(found) == without_members(eras.made.alerts)
    outcome.assert_exact(fewest_alerts=2)
    assert_nobody_can_be_read(trial, tmp_path)


def erase(url: str, namespace: str, member: str) -> int:
    """Do what docs/privacy.md says for one person -> the communities and departments he was erased from."""
    with redis.Redis.from_url(url) as client:
        erased = sum(int(client.hdel(key, member)) for key in client.scan_iter(f"{namespace}:*:[mp]:acme*"))
        logs = [key for key in client.scan_iter(f"{namespace}:*:h:acme/*") if member.encode() in client.get(key)]
        assert client.delete(*logs) >= 1
        for key in client.scan_iter(f"{namespace}:*:o:acme/*"):
            if any(member.encode() in sums for sums in client.lrange(key, 0, -1)):
                client.delete(key)
        strings = [client.get(key) for key in client.scan_iter(f"{namespace}:*", _type="STRING")]
        hashes = [client.hgetall(key) for key in client.scan_iter(f"{namespace}:*", _type="HASH")]
        assert not any(member.encode() in value for value in strings)
        assert not any(member.encode() in text for found in hashes for pair in found.items() for text in pair)
    assert erased > 1
    return erased


def without_members(alerts: dict[str, Any]) -> dict[str, Any]:
    """Alerts without what is read from members, and the advice that goes by it."""
    return {
        name: {
            **{key: value for key, value in alert.items() if key != "action"},
            "evidence": {key: value for key, value in alert["evidence"].items() if key not in FROM_MEMBERS},
        }
        for name, alert in alerts.items()
    }
