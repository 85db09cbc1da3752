"""The sources by name: what `elan import`, `elan backtest`, the help texts and the README's table are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pipeline.cloudevents import MOST_COUNT
from pipeline.errors import InputError, SettingsError
from pipeline.model import EARLIEST_SECONDS, LATEST_SECONDS, NAME, NETWORK, Kind
from pipeline.sources import discourse_topics, flat, lecko, slack_export, zulip_archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.model import Activity
    from pipeline.sources.report import ImportReport


class Reader(Protocol):
    """Reads an export as it stands; rejects go to the report, which also hears where the reader is."""

    def __call__(self, path: Path, network: str | None, report: ImportReport) -> Iterator[Activity]:
        """Activities in the order of the export."""


@dataclass(frozen=True, slots=True)
class Source:
    """A platform's export that Élan can read."""

    name: str
    description: str
    """One line."""
    reader: Reader

    def read(self, path: Path, network: str | None, report: ImportReport) -> Iterator[Activity]:
        """All usable activities in the order of the export, each counted in the report; memory is bounded.

        Raises:
            InputError: the export is missing, damaged, cut in the middle, or of another platform.
            SettingsError: the network must be named, or its name is impossible.
        """
        if network is not None and not NETWORK.fullmatch(network):
            message = f"The network {network!r} has no usable name; give 1 to 200 printable characters without a slash."
            raise SettingsError(message)
        for activity in self.reader(path, network, report):
            reason = unusable(activity)
            if reason is not None:
                report.reject(reason)
                continue
            report.count(activity)
            yield activity
        if report.rejects and not report.activities:
            reason, places = next(iter(report.places.items()))
            message = f"{path} holds nothing that {self.name} can read ({reason}, {places[0]}); is it another source?"
            raise InputError(message)


def unusable(activity: Activity) -> str | None:
    """Why workers would refuse an activity, whenever it is written; None where it is fine."""
    for field in ("platform", "network"):
        if not NETWORK.fullmatch(getattr(activity, field)):
            return f"{field} is empty, too long or has control characters or a slash"
    for field in ("id", "community", "actor", "communityname"):
        name = getattr(activity, field)
        if name is not None and not NAME.fullmatch(name):
            return f"{field} is empty, too long or has control characters"
    if activity.actor is None and activity.kind is not Kind.VIEW:
        return "only a view may have no actor"
    if not 1 <= activity.count <= MOST_COUNT:
        return f"count is not 1 to {MOST_COUNT}"
    seconds = activity.time.timestamp()
    if seconds < EARLIEST_SECONDS:
        return "time is before 1990"
    return "time is after 2148" if seconds >= LATEST_SECONDS else None


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source("slack-export", "Slack workspace export, zip or folder; public channels only", slack_export.read),
        Source("zulip-archive", "zulip-archive's zulip_json/STREAM/TOPIC.json, zip or folder", zulip_archive.read),
        Source("discourse-topics", "Discourse topics as /t/ID.json documents, zip or folder", discourse_topics.read),
        Source("jsonl", "Élan's flat form, one JSON activity a line, plain or gzipped, - for stdin", flat.read),
        Source("lecko", "Lecko's feed as eXo Platform's add-on writes it; needs --network", lecko.read),
    )
}
"""name -> source, in the order of the help texts."""


def source_named(name: str) -> Source:
    """The source of that name.

    Raises:
        SettingsError: there is none.
    """
    source = SOURCES.get(name)
    if source is None:
        message = f"There is no source {name!r}; choose one of {', '.join(SOURCES)}."
        raise SettingsError(message)
    return source
