"""Event files, evaluated one by one and together: replay, labels, scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from pipeline.errors import SettingsError
from pipeline.lab.evaluation.alert_days import AlertStep, Tier, alert_days, read_alerts
from pipeline.lab.evaluation.labels import label, read_labels
from pipeline.lab.evaluation.matching import Figures, Met, figures, meet
from pipeline.lab.evaluation.series import SeriesCollector
from pipeline.lab.evaluation.simple_rules import SIMPLE_RULES, rule_days
from pipeline.lab.replay_file import backtest_of, read_in_order
from pipeline.sources.registry import source_named
from pipeline.sources.report import ImportReport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.lab.evaluation.labels import Labels
    from pipeline.lab.evaluation.series import Series
    from pipeline.settings import Settings

TOGETHER = "together"


class Scores(msgspec.Struct, frozen=True):
    """The figures of one archive, or of all together."""

    archive: str
    tiers: dict[str, Figures]
    rules: dict[str, Figures]
    """Name of a simple rule -> its figures on the same labels."""


@dataclass(frozen=True, slots=True)
class EvaluatedArchive:
    """One archive: its past, its labels, and how alerts of each tier and of each simple rule met them."""

    series: Series
    labels: Labels
    tiers: dict[str, dict[str, Met]]
    """tier -> community -> what became of it."""
    rules: dict[str, dict[str, Met]]
    rejects: int
    """Records of the event file that could not be used."""


@dataclass(frozen=True, slots=True)
class EvaluatedFile:
    """What to evaluate; without `alerts` the events are replayed, without `labels` they are labelled."""

    events: Path
    alerts: Path | None
    labels: Path | None


def files_to_evaluate(
    events: Sequence[Path], alerts: Sequence[Path], labels: Sequence[Path]
) -> tuple[EvaluatedFile, ...]:
    """Events with the alerts and labels of the same place.

    Raises:
        SettingsError: there are some alerts or labels, and not as many as events.
    """
    for name, paths in (("--alerts", alerts), ("--labels", labels)):
        check_one_each(name, events, paths)
    return tuple(
        EvaluatedFile(path, alerts[place] if alerts else None, labels[place] if labels else None)
        for place, path in enumerate(events)
    )


def check_one_each(option: str, events: Sequence[Path], paths: Sequence[Path]) -> None:
    """Every event file has its counterpart, or none has.

    Raises:
        SettingsError: some have one, others none.
    """
    if paths and len(paths) != len(events):
        raise SettingsError(
            f"{option} is given {len(paths)} times for {len(events)} event files; give one for each, in the same order."
        )


async def evaluate(file: EvaluatedFile, source: str, network: str | None, settings: Settings) -> EvaluatedArchive:
    """Score one file of events.

    Raises:
        InputError: a file cannot be read, or holds more than one network.
        SettingsError: no such source, the network must be named, or alerts or labels are of another past.
    """
    report = ImportReport()
    name = file.events.name.split(".")[0]
    collector = SeriesCollector(name, lambda of_network: ZoneInfo(settings.network(of_network).time_zone))
    if file.alerts is None:
        in_order = collector.watch(read_in_order(file.events, source, network, report))
        steps = [AlertStep.of(step) async for step in backtest_of(settings).run(in_order)]
        series = collector.series()
    else:
        for _ in collector.watch(source_named(source).read(file.events, network, report)):
            pass
        series = collector.series()
        steps = read_alerts(file.alerts, series)
    labels = label(series) if file.labels is None else read_labels(file.labels, series)
    return EvaluatedArchive(
        series,
        labels,
        {tier.value: meet(labels, alert_days(steps, series, tier)) for tier in Tier},
        {rule.name: meet(labels, rule_days(series, rule)) for rule in SIMPLE_RULES},
        report.rejects,
    )


def scores(archive: str, evaluated: Sequence[EvaluatedArchive]) -> Scores:
    """The figures of the communities of some archives taken together."""
    return Scores(
        archive,
        {tier.value: figures([met for each in evaluated for met in each.tiers[tier.value].values()]) for tier in Tier},
        {
            rule.name: figures([met for each in evaluated for met in each.rules[rule.name].values()])
            for rule in SIMPLE_RULES
        },
    )
