"""A file or an export, replayed through the stages in memory: what `backtest` and `explain` have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.lab.backtest import Backtest
from pipeline.pseudonyms import Pseudonymiser
from pipeline.rules import rules_of
from pipeline.settings import require_pseudonym_key
from pipeline.sources.ordering import in_time_order
from pipeline.sources.registry import source_named

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path

    from pipeline.judging import OnReadings
    from pipeline.lab.runs import Recorder
    from pipeline.model import Activity, AlertTransition
    from pipeline.settings import Settings
    from pipeline.sources.report import ImportReport

REPLAY_KEY = b"a replay stores nothing, so its key protects nothing"
"""Where none is set. With the deployment's own, notices name the same pseudonyms as the live ones."""


def read_in_order(path: Path, source: str, network: str | None, report: ImportReport) -> Iterator[Activity]:
    """All activities of a file or export in time order; rejects are counted in the report.

    Raises:
        InputError: the file cannot be used.
        SettingsError: no such source, or the network must be named.
    """
    return in_time_order(source_named(source).read(path, network, report))


def read_one_network(path: Path, source: str, network: str | None, report: ImportReport) -> Iterator[Activity]:
    """As `read_in_order`, for what looks at one network.

    Raises:
        InputError: the file cannot be used, or is of several networks.
        SettingsError: no such source, or the network must be named.
    """
    return in_time_order(_of_one_network(source_named(source).read(path, network, report), path))


def _of_one_network(activities: Iterable[Activity], path: Path) -> Iterator[Activity]:
    found = None
    for activity in activities:
        found = found or activity.network
        if activity.network != found:
            raise InputError(
                f"{path} holds the networks {found!r} and {activity.network!r}; give a file of one of them."
            )
        yield activity


def backtest_of(settings: Settings, on_readings: OnReadings | None = None) -> Backtest:
    """A backtest by the rules of a deployment."""
    has_key = settings.privacy.pseudonym_key is not None or settings.mode == "development"
    pseudonym = Pseudonymiser(require_pseudonym_key(settings) if has_key else REPLAY_KEY)
    return Backtest(rules_of(settings), lambda network: settings.network(network).time_zone, pseudonym, on_readings)


async def replay_file(
    activities: Iterable[Activity], settings: Settings, recorder: Recorder
) -> AsyncIterator[AlertTransition]:
    """Alert steps of a replay, as they would have been told; the recorder sees every boundary."""
    on_readings = recorder.readings if recorder.listens else None
    async for step in backtest_of(settings, on_readings).run(activities):
        recorder.step(step)
        yield step
