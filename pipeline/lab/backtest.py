"""The live stages on the memory stores, with event time as the clock: what would have been told, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.judging import Judge
from pipeline.model import Details, trusted_activity
from pipeline.scoring.life import SURVEY_DAYS, survey_day
from pipeline.windows.aggregate import Aggregator, departments_of, local_day
from pipeline.windows.columns import KIND_COLUMN
from pipeline.windows.memory_store import MemoryStore
from pipeline.windows.memory_verdicts import MemoryVerdicts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from pipeline.judging import OnReadings, Rules
    from pipeline.model import Activity, AlertTransition, TrustedActivity

SHARD = 0
PARTITION = "backtest:0"
DAY_SECONDS = 86_400
DAYS_A_STEP = 7
"""Days applied before the boundaries they passed are judged; a boundary never sees what is dated after it."""


class Backtest:
    """Activities in time order in, alert steps in order out; the stores keep what `explain` asks for afterwards."""

    def __init__(
        self,
        rules: Rules,
        time_zone_of: Callable[[str], str],
        pseudonym: Callable[[str, str], str],
        on_readings: OnReadings | None = None,
    ) -> None:
        self.store, self.verdicts = MemoryStore(), MemoryVerdicts()
        self._judge = Judge(self.store, self.verdicts, rules, on_readings=on_readings)
        self._rules = rules
        self._aggregator = Aggregator(1, time_zone_of)
        self._pseudonym = pseudonym
        self._first_days: dict[str, int] = {}
        self._offset = 0

    async def run(self, activities: Iterable[Activity]) -> AsyncIterator[AlertTransition]:
        """Feed all activities, which must be in time order, and yield every alert step."""
        pending: list[TrustedActivity] = []
        next_judging: float | None = None
        seconds = 0.0
        for activity in activities:
            seconds = activity.time.timestamp()
            if next_judging is None:
                next_judging = seconds + DAYS_A_STEP * DAY_SECONDS
            if seconds >= next_judging:
                async for step in self._pass(pending, next_judging):
                    yield step
                pending = []
                # A silence longer than a step is judged in one go: zero is a value, and needs no activity.
                next_judging += (
                    DAYS_A_STEP * DAY_SECONDS * (1 + (seconds - next_judging) // (DAYS_A_STEP * DAY_SECONDS))
                )
            pending.append(self._trusted(activity, seconds))
        if pending:
            async for step in self._pass(pending, seconds + DAY_SECONDS):
                yield step

    def _trusted(self, activity: Activity, seconds: float) -> TrustedActivity:
        if activity.network not in self._first_days:
            zone = self._rules.of_network(activity.network).zone
            self._first_days[activity.network] = local_day(seconds, zone)
        member = None if activity.actor is None else self._pseudonym(activity.network, activity.actor)
        self._offset += 1
        return trusted_activity(
            self._offset - 1,
            seconds,
            KIND_COLUMN[activity.kind],
            activity.network,
            activity.community,
            member,
            Details(
                activity.bot,
                activity.count,
                activity.timeprecision == "of_object",
                activity.communityname,
                activity.line,
                activity.department,
            ),
        )

    async def _pass(self, pending: list[TrustedActivity], watermark_seconds: float) -> AsyncIterator[AlertTransition]:
        """Count what is pending, then judge every boundary the watermark has passed."""
        await self.store.describe(departments_of(pending))
        await self.store.apply(PARTITION, pending[0][0], self._offset, self._aggregator.add(pending))
        for network in await self.store.networks():
            passed = local_day(watermark_seconds, self._rules.of_network(network).zone) - 1
            judged = (await self.verdicts.judged(network)).get(SHARD, self._first_days[network] - 1)
            while judged < passed:
                last_day = min(passed, survey_day(judged) + SURVEY_DAYS)
                for step in await self._judge.judge(network, [SHARD], judged + 1, last_day):
                    yield step
                if last_day == survey_day(last_day):
                    await self._judge.learn(network, [SHARD], last_day)
                judged = last_day
