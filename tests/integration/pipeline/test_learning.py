"""What a survey teaches is the same wherever it is learnt; the process that learns it is there only while it does."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import msgspec
import pytest

from pipeline.errors import RetryLater
from pipeline.learning import Learner, learn_here
from pipeline.scoring.life import Life
from pipeline.scoring.trough_tracking import Trough

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 20_020
ENDS_WITHIN_SECONDS = 10.0
ASK_AND_STAY = """
import asyncio
from pipeline.learning import Learner
from tests.integration.pipeline.test_learning import LIVES, DAY
async def ask():
    learner = Learner()
    await learner.learn(LIVES, DAY)
    print(learner._process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(ask())
"""
ASK_AND_LIST = """
import asyncio, sys
import pipeline.worker
from pipeline.learning import Learner
from tests.integration.pipeline.test_learning import LIVES, DAY
async def ask():
    learner = Learner()
    await learner.learn(LIVES, DAY)
    await learner.end()
asyncio.run(ask())
print([name for name in sys.modules if name.startswith("scipy.stats")])
"""


def lives() -> Iterator[Life]:
    for number in range(40):
        first_day = DAY - 900 + 20 * number
        yield Life(
            first_day=first_day,
            last_active_day=min(DAY, first_day + 30 * (number % 20)),
            active_weeks=number,
            size=float(number % 12),
            index_by_month=[1.0 + number / 10] * (number % 9),
            troughs=[Trough(first_day + 60, 8.0, first_day + 90 if number % 3 else None)],
        )


LIVES = [msgspec.json.encode(life) for life in lives()]


def test_another_process_learns_the_same() -> None:
    async def run() -> None:
        learner = Learner()
        here = [await learn_here(LIVES, DAY), await learn_here(LIVES[:30], DAY)]
        assert [await learner.learn(LIVES, DAY), await learner.learn(LIVES[:30], DAY)] == here
        await learner.end()
        assert here[0] != here[1], "something was learnt"

    asyncio.run(run())


def test_a_process_that_ends_too_early_is_told_and_another_is_asked_next_time() -> None:
    async def run() -> None:
        learner = Learner()
        await learner.learn(LIVES, DAY)
        assert learner._process is not None
        learner._process.kill()
        await learner._process.wait()
        with pytest.raises(RetryLater, match="ended too early"):
            await learner.learn(LIVES, DAY)
        assert await learner.learn(LIVES, DAY) == await learn_here(LIVES, DAY)
        await learner.end()

    asyncio.run(run())


def test_a_process_that_is_asked_no_more_ends() -> None:
    async def run() -> int:
        learner = Learner()
        with patch("pipeline.learning.IDLE_SECONDS", 0.05):
            await learner.learn(LIVES, DAY)
        process = learner._process
        assert process is not None
        ended = await asyncio.wait_for(process.wait(), ENDS_WITHIN_SECONDS)
        assert await learner.learn(LIVES, DAY) == await learn_here(LIVES, DAY)
        await learner.end()
        return ended

    assert asyncio.run(run()) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists processes in /proc")
def test_the_process_ends_with_the_one_that_asked_it_however_that_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", ASK_AND_STAY], stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        learning = int(asking.stdout.readline())
        assert Path(f"/proc/{learning}").exists()
        asking.kill()
    deadline = time.monotonic() + ENDS_WITHIN_SECONDS
    while _runs(learning):
        assert time.monotonic() < deadline, "it goes on without anybody to answer"
        time.sleep(0.05)


def test_a_worker_that_learns_does_not_load_what_learning_takes() -> None:
    found = subprocess.run([sys.executable, "-c", ASK_AND_LIST], stdout=subprocess.PIPE, text=True, check=True)
    assert found.stdout.strip() == "[]"


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
