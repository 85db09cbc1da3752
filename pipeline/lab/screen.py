"""The demo's screen: a live picture on a terminal, plain lines anywhere else, and the summary at the end."""

from __future__ import annotations

from collections import Counter, deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipeline.clock import monotonic_seconds
from pipeline.lab.screen_parts import UNKNOWN, alert_line, communities_table, declines_table
from pipeline.model import AlertState, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from rich.console import Console
    from typing_extensions import Self

    from pipeline.history import Reading
    from pipeline.lab.verdicts import Comparison
    from pipeline.model import AlertTransition

SHOWN_ALERTS = 8
PLAIN_PROGRESS_SECONDS = 5.0
BAR_WIDTH = 30


class DemoScreen:
    """Shows a replay of `total_records` (None while not known); `url` is where the metrics are.

    `communities` and `alert` are kept and drawn at the next `progress`. `seconds` is a clock that never steps.
    """

    def __init__(
        self,
        console: Console,
        total_records: int | None,
        url: str,
        *,
        seconds: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._console = console
        self._total_records = total_records
        self._url = url
        self._seconds = seconds
        self._started = self._line_at = seconds()
        self._event_time_seconds: float | None = None
        self._counted_records = 0
        self._rows: Sequence[Reading] = ()
        self._alerts: deque[AlertTransition] = deque(maxlen=SHOWN_ALERTS)
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        """Take over the terminal, if it is one."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Draw a last time and give the terminal back."""
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)
            self._live.stop()

    def progress(
        self, event_time_seconds: float | None, counted_records: int, total_records: int | None = None
    ) -> None:
        """How far the replay is, in Unix seconds of event time and in records; draws the screen anew."""
        self._event_time_seconds = event_time_seconds
        self._counted_records = counted_records
        self._total_records = self._total_records if total_records is None else total_records
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)
        elif self._seconds() - self._line_at >= PLAIN_PROGRESS_SECONDS:
            self._line_at = self._seconds()
            self._console.print(self._position(), highlight=False, soft_wrap=True)

    def communities(self, rows: Sequence[Reading]) -> None:
        """The newest reading of every community."""
        self._rows = rows

    def alert(self, step: AlertTransition) -> None:
        """One more alert step; without a terminal, updates are left out."""
        self._alerts.append(step)
        if self._live is None and step.state is not AlertState.UPDATED:
            self._console.print(alert_line(step).plain, highlight=False, markup=False, soft_wrap=True)

    @staticmethod
    def summary(
        console: Console, comparison: Comparison | None, steps: Sequence[AlertTransition], seconds: float
    ) -> None:
        """The same as the function `summary`."""
        summary(console, comparison, steps, seconds)

    def _position(self) -> str:
        passed_seconds = max(self._seconds() - self._started, 1e-9)
        total = "" if self._total_records is None else f" of {self._total_records:,}"
        rate = self._counted_records / passed_seconds
        return f"{self._event_date()}  {self._counted_records:,}{total} records counted, {rate:,.0f} a second"

    def _event_date(self) -> str:
        if self._event_time_seconds is None:
            return UNKNOWN
        return datetime.fromtimestamp(self._event_time_seconds, timezone.utc).date().isoformat()

    def _picture(self) -> Group:
        header = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=self._total_records, completed=self._counted_records, width=BAR_WIDTH)
        header.add_row(Text(self._position(), style="bold"), bar, Text(f"{self._url}/metrics", style="blue"))
        lines = [alert_line(step) for step in self._alerts] or [Text("no alert yet", style="dim")]
        return Group(header, Text(), communities_table(self._rows), Text(), *lines)


def summary(console: Console, comparison: Comparison | None, steps: Sequence[AlertTransition], seconds: float) -> None:
    """Print what was found of the truth (None where nobody knows it), what was raised, and the time it took."""
    if comparison is not None:
        console.print(declines_table(comparison))
        _print_for_nothing(console, comparison)
    states = Counter(step.state for step in steps)
    confirmed = len({step.id for step in steps if step.stage is Stage.CONFIRMED})
    counts = (
        f"{states[AlertState.RAISED]} alerts raised, {confirmed} confirmed, {states[AlertState.RESOLVED]} resolved, "
        f"{states[AlertState.NOTICE]} notices"
    )
    console.print(f"{counts}, in {seconds:.0f} s.", highlight=False)


def _print_for_nothing(console: Console, comparison: Comparison) -> None:
    found, missed = len(comparison.found), len(comparison.missed)
    console.print(
        f"{found} of {found + missed} found, {missed} missed, {len(comparison.for_nothing)} raised for nothing"
        + (":" if comparison.for_nothing else "."),
        highlight=False,
    )
    for step in comparison.for_nothing:
        console.print(alert_line(step))
