"""The demo's screen, drawn into a file: as a terminal would show it, and as lines."""

from __future__ import annotations

import io
from datetime import date

import pytest
from rich.console import Console

from pipeline.history import Reading
from pipeline.lab.company_plan import Decline
from pipeline.lab.screen import DemoScreen, summary
from pipeline.lab.screen_parts import sparkline
from pipeline.lab.verdicts import Comparison, Found
from pipeline.model import AlertKind, AlertState, AlertTransition, Severity, Stage

MARCH_14_SECONDS = 1_773_446_400.0


class Seconds:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def reading(name: str, active: int, *, stage: str | None = None, ratio: float | None = 1.0) -> Reading:
    return Reading(
        community=name.lower(),
        boundary_day=20_500,
        verdict="holding",
        phase="plateau",
        momentum_ratio=ratio,
        engagement_index=1.0,
        conversational_index=1.0,
        relational_index=1.0,
        age_days=400,
        active_members={"7d": active, "28d": active * 2},
        weekly_active_members=[active] * 26,
        weekly_participants=active,
        name=name,
        alert_stage=stage,
    )


def step(
    name: str, state: AlertState = AlertState.RAISED, stage: Stage = Stage.WATCH, at: str = "2026-03-14T00:00:00Z"
) -> AlertTransition:
    return AlertTransition(
        id=f"momentum-{name}",
        network="acme",
        community=name.lower(),
        alert=AlertKind.MOMENTUM,
        stage=stage,
        state=state,
        at=at,
        since="2026-03-01T00:00:00Z",
        severity=Severity.WARNING,
        evidence={"present_weekly_participants": 5.1, "baseline_weekly_participants": 12.4},
        communityname=name,
        reason="recovered" if state is AlertState.RESOLVED else None,
    )


def terminal() -> Console:
    return Console(record=True, width=120, height=50, force_terminal=True, file=io.StringIO())


def picture(rows: list[Reading], steps: list[AlertTransition]) -> str:
    """The text of the last picture of a terminal, 2 s after the start."""
    console, seconds = terminal(), Seconds()
    with DemoScreen(console, 1_000, "http://127.0.0.1:9465", seconds=seconds) as screen:
        seconds.now += 2
        screen.communities(rows)
        for each in steps:
            screen.alert(each)
        screen.progress(MARCH_14_SECONDS, 500)
        # Only what is drawn last counts.
        console.export_text(clear=True)
    return console.export_text()


def test_the_header_tells_the_date_of_events_the_records_their_rate_and_the_metrics() -> None:
    text = picture([], [])

    assert "2026-03-14" in text
    assert "500 of 1,000 records counted, 250 a second" in text
    assert "http://127.0.0.1:9465/metrics" in text


def test_open_alerts_come_first_then_the_largest_and_no_more_than_twelve() -> None:
    rows = [reading(f"Guild {size}", size) for size in range(20, 40)]
    rows.append(reading("Lean circle", 6, stage="watch", ratio=0.45))

    lines = [line for line in picture(rows, []).splitlines() if "plateau" in line]

    # The same picture is drawn when the block ends and once more when the terminal is given back.
    assert lines[:12] == lines[12:]
    lines = lines[:12]
    assert lines[0].startswith("Lean circle")
    assert "0.45" in lines[0]
    assert "watch" in lines[0]
    assert lines[1].startswith("Guild 39")
    assert lines[-1].startswith("Guild 29")


def test_a_name_with_square_brackets_is_shown_as_it_is() -> None:
    assert "Draft[/b] [red]" in picture([reading("Draft[/b] [red]", 20)], [])


def test_the_last_eight_alert_lines_tell_from_which_level_to_which() -> None:
    text = picture([], [step(f"Team {number}") for number in range(1, 10)])

    assert "Team 1 " not in text
    assert "2026-03-14 raised   watch     Team 2  12.4 → 5.1 participants a week" in text
    assert "Team 9  12.4" in text


@pytest.mark.parametrize(
    ("values", "line"), [([0, 5, 10], "▁▅█"), ([0, 0], "▁▁"), ([], ""), ([7] * 26, "█" * 26), ([8, 4, 0], "█▅▁")]
)
def test_a_sparkline_stands_on_zero_and_reaches_up_to_the_largest(values: list[int], line: str) -> None:
    assert sparkline(values) == line


def test_without_a_terminal_there_are_plain_lines_for_raised_and_resolved_alerts_alone() -> None:
    written = io.StringIO()
    with DemoScreen(Console(file=written, width=60), 1_000, "http://localhost", seconds=Seconds()) as screen:
        screen.alert(step("Lean circle"))
        screen.alert(step("Lean circle", AlertState.UPDATED, Stage.CONFIRMED))
        screen.alert(step("Lean circle", AlertState.RESOLVED, at="2026-05-02T00:00:00Z"))

    assert written.getvalue().splitlines() == [
        "2026-03-14 raised   watch     Lean circle  12.4 → 5.1 participants a week",
        "2026-05-02 resolved watch     Lean circle  12.4 → 5.1 participants a week (recovered)",
    ]


def test_without_a_terminal_progress_is_told_every_five_seconds() -> None:
    # 0 ---- 4.9 silent -- 5 line -- 6 silent ---- 10 line
    written, seconds = io.StringIO(), Seconds()
    with DemoScreen(Console(file=written), None, "http://localhost", seconds=seconds) as screen:
        for passed, counted in [(4.9, 49), (5.0, 50), (6.0, 60), (10.0, 200)]:
            seconds.now = 100.0 + passed
            screen.progress(MARCH_14_SECONDS, counted, 400 if passed > 5 else None)

    assert written.getvalue().splitlines() == [
        "2026-03-14  50 records counted, 10 a second",
        "2026-03-14  200 of 400 records counted, 20 a second",
    ]


def test_before_the_first_event_the_date_is_not_known() -> None:
    console = terminal()
    with DemoScreen(console, 10, "http://localhost", seconds=Seconds()) as screen:
        screen.progress(None, 0)

    assert "-  0 of 10 records counted, 0 a second" in console.export_text()


def test_the_summary_tells_what_was_found_how_late_and_what_was_raised_for_nothing() -> None:
    lean = Decline("lean", "Lean circle", date(2026, 3, 2), 0.3, "its champions left")
    desk = Decline("desk", "Returns desk", date(2026, 1, 27), 0.0, "the project ended")
    comparison = Comparison(
        found=[Found(lean, date(2026, 3, 14), 12, date(2026, 3, 21))], missed=[desk], for_nothing=[step("Night shift")]
    )
    console = terminal()

    summary(console, comparison, [step("Lean circle"), step("Night shift")], 42.4)

    text = console.export_text()
    assert "Declined on purpose" in text
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line[:1] == "│"]
    assert rows == [
        ["Returns desk", "2026-01-27", "0", "the project ended", "missed", "-", "-"],
        ["Lean circle", "2026-03-02", "30", "its champions left", "2026-03-14", "12", "2026-03-21"],
    ]
    assert "1 of 2 found, 1 missed, 1 raised for nothing:" in text
    assert "Night shift" in text
    assert "2 alerts raised, 0 confirmed, 0 resolved, 0 notices, in 42 s." in text


def test_the_summary_of_somebody_elses_data_counts_alone() -> None:
    console = terminal()

    summary(console, None, [step("Lean circle"), step("Lean circle", AlertState.UPDATED, Stage.CONFIRMED)], 3)

    assert console.export_text() == "1 alerts raised, 1 confirmed, 0 resolved, 0 notices, in 3 s.\n"
