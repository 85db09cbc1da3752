"""`elan explain`: one community's curve, baseline, phases and alerts, and what they rest on."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from pipeline.cli.interruptible import run_interruptible
from pipeline.cli.output_files import make_picture_folder, writing
from pipeline.cli.replay_options import EVENTS_HELP, KNOWN_NETWORK_HELP, SOURCE_HELP

if TYPE_CHECKING:
    from pipeline.lab.runs import CommunityRun
    from pipeline.model import AlertTransition
    from pipeline.settings import Settings

SKETCH_WIDTH = 110
SHOWN_HOLIDAYS = 5


def explain(
    community: Annotated[str, typer.Argument(help="Id of the community.")],
    events: Annotated[
        Path | None, typer.Option(help=f"{EVENTS_HELP} Without it, what the workers left in Redis.", allow_dash=True)
    ] = None,
    source: Annotated[str, typer.Option(help=SOURCE_HELP)] = "jsonl",
    network: Annotated[str | None, typer.Option(help=KNOWN_NETWORK_HELP)] = None,
    plot: Annotated[Path | None, typer.Option(help="Folder for a picture.")] = None,
) -> None:
    """Explain a community: its curve, its baseline, its phases, and every alert with its evidence.

    With --events a file is replayed in memory, boundary by boundary; its alerts equal those of a live run over the same
    events. Without, the last year is read from Redis: the curve, where the community stands now, and its open alert.

    Example: elan explain general --events events.jsonl.gz --plot pictures/

    Exit codes: 0 done, 2 no such community or a setting is wrong, 3 Redis cannot be reached, 4 the file cannot be used.
    """
    from pipeline.settings import load_settings  # noqa: PLC0415 - quick --help

    make_picture_folder(plot)
    settings = load_settings()
    if events is None:
        run = run_interruptible(_live(settings, community, network))
    else:
        run = run_interruptible(_replayed(settings, community, events, source, network))
    console = Console()
    show(run, console)
    if plot is not None:
        from pipeline.lab.plots import draw  # noqa: PLC0415 - half a second

        with writing(plot):
            picture = draw(run, plot)
        console.print(f"picture: {escape(str(picture))}", highlight=False, soft_wrap=True)


async def _replayed(settings: Settings, community: str, events: Path, source: str, network: str | None) -> CommunityRun:
    from pipeline.lab.explained import replayed_run  # noqa: PLC0415 - quick --help
    from pipeline.lab.replay_file import read_one_network  # noqa: PLC0415
    from pipeline.sources.report import ImportReport  # noqa: PLC0415

    report = ImportReport()
    return await replayed_run(read_one_network(events, source, network, report), settings, community, report)


async def _live(settings: Settings, community: str, network: str | None) -> CommunityRun:
    from pipeline.lab.live_run import read_live_run  # noqa: PLC0415
    from pipeline.redis_clients import async_redis_client  # noqa: PLC0415 - quick --help

    async with async_redis_client(settings) as client:
        return await read_live_run(client, settings, community, network)


def show(run: CommunityRun, console: Console) -> None:
    """Print a community's run."""
    from pipeline.lab.plots import date_of, sketch  # noqa: PLC0415 - quick --help

    title = escape(f"{run.network} / {run.name or run.community}")
    console.print(f"[bold]{title}[/bold]", highlight=False)
    console.print(Text.from_ansi(sketch(run, min(console.width, SKETCH_WIDTH))))
    newest = run.baselines[-1]
    console.print(
        f"{date_of(run.days[-1])}: {run.weekly_participants[-1]} participants in the last 7 days, own baseline "
        f"{'not known yet' if newest is None else f'{newest:.1f}'}, phase {run.phases[-1]}.",
        highlight=False,
    )
    _show_place(run, console)
    changes = run.phase_changes()
    if changes:
        console.print("phases: " + ", ".join(f"{phase} from {date_of(day)}" for day, phase in changes), highlight=False)
    if run.quadrants:
        counted = ", ".join(f"{count} {quadrant.value}" for quadrant, count in run.quadrants.items())
        console.print(f"members active in the last 28 days: {counted}.", highlight=False)
    for champion in run.champions:
        made = f"{champion.contributions} contributions in 91 days, {champion.share:.0%}"
        console.print(f"champion {champion.pseudonym}: {made} (elan resolve says who).", highlight=False, markup=False)
    for line in alert_lines(run.alerts) or ["No alerts."]:
        console.print(line, highlight=False, markup=False)


def _show_place(run: CommunityRun, console: Console) -> None:
    """Where the community stands in the abaque of its age."""
    from pipeline.lab.plots import date_of  # noqa: PLC0415 - quick --help

    band = run.bands()[-1]
    if run.engagement_percentile is None or band is None:
        console.print("place among communities of its age: too few are known.", highlight=False)
    else:
        low, median, high = band[1], band[2], band[3]
        console.print(
            f"place among communities of its age: percentile {run.engagement_percentile:g} of the engagement index "
            f"(p25 {low:g}, median {median:g}, p75 {high:g}).",
            highlight=False,
        )
    if run.holidays:
        named = ", ".join(f"{date_of(day)} {name}" for day, name in sorted(run.holidays.items())[-SHOWN_HOLIDAYS:])
        console.print(f"public holidays, the last of them: {named}.", highlight=False, markup=False)


def alert_lines(steps: list[AlertTransition]) -> list[str]:
    """Each alert under its name, one line a step: when it was known, what it is, and the figures it rests on."""
    lines = []
    for step in steps:
        if step.stage is None:
            lines.append(f"notice {step.at[:10]} {step.alert.value}: {step.summary}")
            continue
        if step.state.value == "raised":
            lines.append(f"alert {step.id}: losing momentum since {step.since[:10]}")
        reason = f" ({step.reason})" if step.reason else ""
        lines.append(
            f"  {step.at[:10]}  {step.state.value}{reason}, {step.stage.value}, {step.severity.value}: {figures(step)}"
        )
        if step.action and step.state.value == "raised":
            lines.append(f"              {step.action}")
    return lines


def figures(step: AlertTransition) -> str:
    """The evidence of a step in one line."""
    evidence = step.evidence
    present = f"{evidence['present_weekly_participants']} participants a week in the last"
    baseline = f"{evidence['baseline_weekly_participants']} in the {evidence['baseline_window_days']} days before"
    words = [f"{present} {evidence['present_window_days']} days against {baseline}"]
    if evidence["quiet_days"]:
        words.append(f"{evidence['quiet_days']} quiet days")
    if evidence.get("lost_regulars"):
        words.append(f"{evidence['lost_regulars']} lost regulars")
    if evidence.get("champions_silent"):
        words.append(f"{evidence['champions_silent']} of {evidence['champions']} champions silent")
    if evidence.get("comparable_troughs"):
        back = evidence["comparable_troughs_back_in_year_ratio"]
        came_back = "too short ago to say" if back is None else f"{back:.0%} back within a year"
        words.append(f"{evidence['comparable_troughs']} comparable troughs, {came_back}")
    if evidence.get("alive_in_12_months_probability") is not None:
        words.append(f"communities like it are alive in a year with {evidence['alive_in_12_months_probability']:.0%}")
    words.append(f"confidence {evidence['confidence']}, by chance {evidence['chance_probability']:.1g}")
    return "; ".join(words)
