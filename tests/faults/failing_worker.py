"""Runs `elan worker` with one method wrapped, so that the process does something to itself at a chosen moment.

    python failing_worker.py POINT PASSAGE [--stop] [--greedy]

At the PASSAGE-th time it comes to POINT the process kills itself, as `kill -9` does; with --stop it freezes instead,
until somebody sends SIGCONT. With --greedy every lease is taken to be its own: two such workers judge the same
boundaries and relay the same outbox.
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
from typing import TYPE_CHECKING, Any

from pipeline.cli.worker import worker
from pipeline.ingest.batch_transport import BatchConsumerThread
from pipeline.intake import Intake
from pipeline.publish.relay import AlertsTopic
from pipeline.windows.redis_progress import RedisProgress
from pipeline.windows.redis_scripts import Script
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.redis_verdicts import Lease, RedisVerdicts

if TYPE_CHECKING:
    from collections.abc import Callable

BEFORE: dict[str, tuple[type, str]] = {
    "after-fetch": (Intake, "take"),
    "before-standing": (RedisProgress, "stand"),
    "before-kafka-commit": (BatchConsumerThread, "commit"),
    "before-verdicts": (RedisVerdicts, "commit"),
    "before-telling": (AlertsTopic, "write"),
    "before-clearing-outbox": (RedisVerdicts, "relayed"),
}
AFTER: dict[str, tuple[type, str]] = {
    "before-ack": (Intake, "apply"),
    "after-apply": (RedisStore, "apply"),
    "after-standing": (RedisProgress, "stand"),
    "after-kafka-commit": (BatchConsumerThread, "commit"),
    "after-verdicts": (RedisVerdicts, "commit"),
}
BEFORE_APPLY = "before-apply"
"""A batch that adds something is about to be written; a clock event alone adds nothing."""
HALF_SENT = "half-sent"
"""Some shards of a batch were written, the others were not."""
POINTS = (*BEFORE, *AFTER, BEFORE_APPLY, HALF_SENT)


def wrap_before(owner: type, name: str, fail: Callable[[], None]) -> None:
    """Fail before a method does anything."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        fail()
        return original(*arguments, **options)

    setattr(owner, name, wrapped)


def wrap_after(owner: type, name: str, fail: Callable[[], None]) -> None:
    """Fail once an asynchronous method has done its work, and before anybody knows."""
    original = getattr(owner, name)

    @functools.wraps(original)
    async def wrapped(*arguments: Any, **options: Any) -> Any:
        answer = await original(*arguments, **options)
        fail()
        return answer

    setattr(owner, name, wrapped)


def wrap_writing(fail: Callable[[], None], *, half: bool) -> None:
    """Fail before anything of a batch is written, or when every other shard of it was."""
    make, run = Script.__init__, Script.run

    def remember_file(self: Script, client: Any, *files: str) -> None:
        make(self, client, *files)
        vars(self)["file"] = files[-1]

    async def run_and_fail(self: Script, calls: Any) -> Any:
        if vars(self)["file"] == "apply.lua" and len(calls) > half:
            if half:
                await run(self, calls[::2])
            fail()
        return await run(self, calls)

    setattr(Script, "__init__", remember_file)  # noqa: B010 - the type checker allows no assignment to a method
    setattr(Script, "run", run_and_fail)  # noqa: B010


async def _always_ours(_lease: Lease) -> bool:
    return True


class Failure:
    """Sends a signal to its own process at the n-th call."""

    def __init__(self, passage: int, number: signal.Signals) -> None:
        self._left = passage
        self._number = number

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._number)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("point", choices=POINTS)
    parser.add_argument("passage", type=int)
    parser.add_argument("--stop", action="store_true")
    parser.add_argument("--greedy", action="store_true")
    given = parser.parse_args()
    fail = Failure(given.passage, signal.SIGSTOP if given.stop else signal.SIGKILL)
    if given.point in BEFORE:
        wrap_before(*BEFORE[given.point], fail)
    elif given.point in AFTER:
        wrap_after(*AFTER[given.point], fail)
    else:
        wrap_writing(fail, half=given.point == HALF_SENT)
    if given.greedy:
        setattr(Lease, "take", _always_ours)  # noqa: B010
    worker(log_level="info")


if __name__ == "__main__":
    main()
