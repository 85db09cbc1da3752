"""A worker ends at the first signal, also where a library loses the cancellation of a duty."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.duty_loops import end_duties


@pytest.mark.timeout(10)
def test_a_duty_that_loses_a_cancellation_is_cancelled_again() -> None:
    # cancel ── lost ── 0.1 s ── cancel ── ended
    cancellations = 0

    async def sleep_on() -> None:
        nonlocal cancellations
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancellations += 1
            if cancellations > 1:
                raise

    async def duty() -> None:
        while True:
            await sleep_on()

    async def run() -> list[asyncio.Task[None]]:
        duties = [asyncio.create_task(duty()), asyncio.create_task(asyncio.sleep(60))]
        await asyncio.sleep(0)
        await end_duties(duties)
        return duties

    assert [task.cancelled() for task in asyncio.run(run())] == [True, True]
    assert cancellations == 2
