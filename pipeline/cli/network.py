"""`elan network`: a network as a whole, its index and its year, and on how few communities it rests."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from pipeline.cli.interruptible import run_interruptible
from pipeline.cli.replay_options import EVENTS_HELP, KNOWN_NETWORK_HELP, SOURCE_HELP

if TYPE_CHECKING:
    from pipeline.lab.network_picture import Memberships, NetworkPicture, Transverse
    from pipeline.scoring.concentration import Concentration
    from pipeline.scoring.network_index import NetworkIndex


def network(
    events: Annotated[
        Path | None, typer.Option(help=f"{EVENTS_HELP} Without it, what the workers left in Redis.", allow_dash=True)
    ] = None,
    source: Annotated[str, typer.Option(help=SOURCE_HELP)] = "jsonl",
    network: Annotated[str | None, typer.Option(help=KNOWN_NETWORK_HELP)] = None,
) -> None:
    """Show a network as a whole: engagement now and a year ago, concentration, transverse communities, members, phases.

    Example: elan network --events events.jsonl.gz

    Exit codes: 0 done, 2 a setting or option is wrong, 3 Redis cannot be reached, 4 the file cannot be used.
    """
    from pipeline.lab.network_picture import read_network_picture  # noqa: PLC0415 - quick --help
    from pipeline.settings import load_settings  # noqa: PLC0415

    show(run_interruptible(read_network_picture(load_settings(), events, source, network)), Console())


def show(picture: NetworkPicture, console: Console) -> None:
    """Print a network's picture."""
    from pipeline.lab.plots import date_of  # noqa: PLC0415 - quick --help

    head = f"[bold]{escape(picture.network)}[/bold]: {picture.communities} communities, as of {date_of(picture.day)}"
    console.print(head, highlight=False)
    lines = [_index(picture.engagement)]
    lines += [_concentration(days, found) for days, found in picture.concentration.items()]
    lines += _transverse(picture)
    lines += _members(picture.memberships)
    lines.append(
        "phases: " + (", ".join(f"{count} {phase}" for phase, count in picture.phases.items()) or "none") + "."
    )
    for line in lines:
        console.print(line, highlight=False, markup=False)


def _index(found: NetworkIndex) -> str:
    if found.index is None:
        return "engagement index: nobody was active in the last 28 days."
    now = (
        f"engagement index: {found.index:.1f} weighted activities in 28 days for each membership active in a week "
        f"({found.weekly_memberships:.0f} a week)"
    )
    if found.change is None or found.index_before is None:
        return f"{now}; {found.days_apart} days before too few were active to compare."
    return f"{now}; {found.index_before:.1f} {found.days_apart} days before: {found.change:+.0%}."


def _concentration(days: int, found: Concentration | None) -> str:
    if found is None:
        return f"concentration, last {days} days: no activities."
    return (
        f"concentration, last {days} days: the most active tenth of communities made {found.top_tenth_share:.0%} of "
        f"{found.activities:,} activities, the first alone {found.top_share:.0%}; Gini {found.gini:.2f}."
    )


def _transverse(picture: NetworkPicture) -> list[str]:
    if not picture.departments_known:
        return ["transverse communities: no member's department is known."]
    if not picture.transverse:
        return ["transverse communities: none among the most active tenth."]
    return ["transverse communities among the most active tenth, last 91 days:", *map(_one, picture.transverse)]


def _one(found: Transverse) -> str:
    return (
        f"  {found.name or found.community}: {found.activities:,} activities; of its {found.mix.known} members whose "
        f"department is known, {found.mix.share or 0.0:.0%} of pairs are of different ones."
    )


def _members(found: Memberships) -> list[str]:
    counted = ", ".join(f"{count} {quadrant.value}" for quadrant, count in found.quadrants.items()) or "nobody"
    share = found.active / found.active_in_a_year if found.active_in_a_year else 0.0
    of_year = (
        f"{share:.0%} of the {found.active_in_a_year:,} memberships active in the last 365 days were so in the last "
        f"28; {found.median_share_of_active:.0%} in the median community"
    )
    return [
        f"memberships active in the last 28 days: {counted}.",
        f"share of active: {of_year}.",
        f"regulars of 90 days: {found.lost_regulars} lost, {found.reactivated} reactivated.",
    ]
