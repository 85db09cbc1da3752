"""What the demo's screen is made of: sparklines, the table of communities, a line per alert step, the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.model import AlertState, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.history import Reading
    from pipeline.lab.verdicts import Comparison, Found
    from pipeline.model import AlertTransition

SPARKS = "▁▂▃▄▅▆▇█"
WEEK_WINDOW = "7d"
MOST_COMMUNITIES = 12
HOLDING_RATIO = 0.9
SHAKY_RATIO = 0.7
UNKNOWN = "-"
DATE_HEADINGS = frozenset({"since", "found on", "confirmed on"})
STAGE_STYLES = {Stage.WATCH.value: "yellow", Stage.CONFIRMED.value: "bold red"}
STATE_STYLES = {
    AlertState.RAISED: "bold red",
    AlertState.UPDATED: "yellow",
    AlertState.RESOLVED: "green",
    AlertState.NOTICE: "cyan",
}
_DATE_CHARACTERS = 10


def sparkline(values: Sequence[int]) -> str:
    """One character a value; the lowest is zero, the highest the largest of them."""
    most = max(values, default=0)
    if most == 0:
        return SPARKS[0] * len(values)
    return "".join(SPARKS[round(max(value, 0) * (len(SPARKS) - 1) / most)] for value in values)


def communities_table(rows: Iterable[Reading]) -> Table:
    """The communities with an open alert first, then the largest; no more than fit a screen."""
    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column("community", no_wrap=True, ratio=1)
    table.add_column("active members a week, half a year", no_wrap=True)
    table.add_column("now", justify="right")
    table.add_column("momentum", justify="right")
    table.add_column("phase", no_wrap=True)
    table.add_column("alert", no_wrap=True)
    for reading in sorted(rows, key=_urgency)[:MOST_COMMUNITIES]:
        stage = reading.alert_stage
        table.add_row(
            escape(reading.name or reading.community),
            Text(sparkline(reading.weekly_active_members), style="cyan"),
            str(reading.active_members.get(WEEK_WINDOW, 0)),
            _momentum(reading.momentum_ratio),
            reading.phase,
            Text(stage, style=STAGE_STYLES.get(stage, "")) if stage else "",
        )
    return table


def alert_line(step: AlertTransition) -> Text:
    """`2026-03-14 raised watch Lean circle 12.4 → 5.1 participants a week`; a notice has its kind for a stage."""
    line = Text(f"{day_of(step)} ", no_wrap=True, overflow="ellipsis")
    line.append(f"{step.state.value:<8} ", style=STATE_STYLES[step.state])
    what = step.stage.value if step.stage else step.alert.value
    line.append(f"{what:<9} ", style=STAGE_STYLES.get(what, ""))
    line.append(f"{name_of(step)}  ", style="bold")
    line.append(levels_of(step) or step.summary or "")
    if step.reason:
        line.append(f" ({step.reason})")
    return line


def name_of(step: AlertTransition) -> str:
    """The community's name where it has one, else its id; the network's where it is about all of it."""
    return step.communityname or step.community or step.network


def day_of(step: AlertTransition) -> str:
    """The date, ISO, at which the step was known."""
    return step.at[:_DATE_CHARACTERS]


def levels_of(step: AlertTransition) -> str:
    """From which level to which, as the evidence has it; empty without evidence."""
    before, now = (step.evidence.get(f"{when}_weekly_participants") for when in ("baseline", "present"))
    return "" if before is None or now is None else f"{before:.1f} → {now:.1f} participants a week"


def declines_table(comparison: Comparison) -> Table:
    """Every decline on purpose in the order of its onset, and what was found of it."""
    table = Table(title="Declined on purpose", title_justify="left")
    for heading in ("community", "since", "to %", "why", "found on", "days later", "confirmed on"):
        numbers = heading in {"to %", "days later"}
        # On a narrow terminal the words are broken, never a date.
        table.add_column(heading, justify="right" if numbers else "left", no_wrap=heading in DATE_HEADINGS)
    found = {(each.decline.community, each.decline.since): each for each in comparison.found}
    declines = [*(each.decline for each in comparison.found), *comparison.missed]
    for decline in sorted(declines, key=lambda each: (each.since, each.community)):
        share = f"{decline.to_share:.0%}".rstrip("%")
        hit = found.get((decline.community, decline.since))
        table.add_row(decline.name, decline.since.isoformat(), share, decline.why, *_hit_cells(hit))
    return table


def _hit_cells(hit: Found | None) -> tuple[Text | str, str, str]:
    if hit is None:
        return Text("missed", style="bold red"), UNKNOWN, UNKNOWN
    confirmed = UNKNOWN if hit.confirmed_on is None else hit.confirmed_on.isoformat()
    return Text(hit.raised_on.isoformat(), style="green"), str(hit.delay_days), confirmed


def _urgency(reading: Reading) -> tuple[bool, int, str]:
    return reading.alert_stage is None, -reading.active_members.get(WEEK_WINDOW, 0), reading.community


def _momentum(ratio: float | None) -> Text:
    if ratio is None:
        return Text(UNKNOWN, style="dim")
    if ratio >= HOLDING_RATIO:
        return Text(f"{ratio:.2f}", style="green")
    return Text(f"{ratio:.2f}", style="yellow" if ratio >= SHAKY_RATIO else "bold red")
