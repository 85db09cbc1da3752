"""The connection to Redis breaks between a write and its answer: nobody may conclude that nothing was written."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from pipeline.windows.redis_scripts import Script
from pipeline.windows.redis_store import APPLY_FILES
from tests.faults.load import Load

if TYPE_CHECKING:
    from random import Random

    from tests.faults.proxy import Proxy
    from tests.faults.trial import Trial, Trials
    from tests.servers.valkey import Valkey

EVENTS_PER_SECOND = 2_000
TIMEOUT_SECONDS = 1
HELD_SECONDS = 3
CHANCE = 0.25
"""Of an answer to be cut; the first of each kind always is. The client tries three times before the worker has to."""


def sha(*files: str) -> bytes:
    """What is sent to run a script."""
    return Script(None, *files)._sha.encode()  # type: ignore[arg-type]


class Cuts:
    """Cuts answers to some kinds of requests by chance, and counts how often."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.signs = {"counts": sha(*APPLY_FILES), "verdicts": sha("commit.lua"), "outbox": b"XDEL"}
        self.made: Counter[str] = Counter()

    def __call__(self, request: bytes) -> bool:
        found = [kind for kind, sign in self.signs.items() if sign in request]
        if not found or (self._random.random() >= CHANCE and all(self.made[kind] for kind in found)):
            return False
        self.made.update(found)
        return True


def begin_behind(proxy: Proxy, trials: Trials, server: Valkey, **for_workers: str) -> Trial:
    """A trial whose workers reach Redis through the proxy alone."""
    return trials.begin(redis_url=server.url, for_workers={"ELAN_REDIS_URL": proxy.url, **for_workers})


@pytest.mark.timeout(180)
def test_answers_that_are_cut_make_nothing_double(trials: Trials, own_valkey: Valkey, proxy: Proxy) -> None:
    # w1 =x==x=xx===x===x=    x: written, the answer cut
    # w2 ==x===x==x=xx===x
    trial = begin_behind(proxy, trials, own_valkey)
    cuts = Cuts(trial.random)
    for _ in range(2):
        trial.deployment.start_worker()
    proxy.cut_answers(cuts)
    trial.produce(Load(trial.seed, members=8), EVENTS_PER_SECOND)
    outcome = trial.settle()
    for kind, number in cuts.made.items():
        outcome.faults += [f"answer about {kind} cut"] * number
    outcome.assert_exact()
    assert min(cuts.made[kind] for kind in cuts.signs) > 0


@pytest.mark.long
@pytest.mark.timeout(180)
def test_what_a_black_hole_delivers_late_changes_nothing(trials: Trials, own_valkey: Valkey, proxy: Proxy) -> None:
    # old connections ====[.....]                [: passes nothing on, longer than the client waits
    # new connections      =====================  ]: delivers what it held, after what the new ones brought meanwhile
    trial = begin_behind(proxy, trials, own_valkey, ELAN_REDIS_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS))
    for _ in range(2):
        trial.deployment.start_worker()
    trial.produce(Load(trial.seed), EVENTS_PER_SECOND)
    for start, new in ((2_000, False), (7_000, True), (12_000, False)):
        trial.deployment.wait_for_records(start + trial.random.randrange(3_000))
        proxy.hold("requests", "answers", new=new)
        time.sleep(HELD_SECONDS)
        proxy.release()
        trial.fault(f"black hole of {HELD_SECONDS} s{'' if new else ' for old connections'}")
    trial.heal()
    trial.settle().assert_exact()
