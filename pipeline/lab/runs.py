"""What one community went through in a run: its curve day by day, its phases and its alerts."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pipeline.errors import SettingsError
from pipeline.scoring.abaque import band_of
from pipeline.scoring.life import age_months

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.history import Reading
    from pipeline.model import AlertTransition, Quadrant
    from pipeline.scoring.abaque import Abaque, Bands
    from pipeline.scoring.champions import Champion


@dataclass(slots=True)
class CommunityRun:
    """One community, one entry a boundary in each list; a baseline or a phase is None where it is not known."""

    network: str
    community: str
    name: str | None = None
    days: list[int] = field(default_factory=list)
    weekly_participants: list[int] = field(default_factory=list)
    baselines: list[float | None] = field(default_factory=list)
    momentum_ratios: list[float | None] = field(default_factory=list)
    engagement_indices: list[float] = field(default_factory=list)
    phases: list[str | None] = field(default_factory=list)
    alerts: list[AlertTransition] = field(default_factory=list)
    champions: list[Champion] = field(default_factory=list)
    """Of the newest boundary; read from Redis only, where pseudonyms are those of the deployment's key."""
    quadrants: dict[Quadrant, int] = field(default_factory=dict)
    first_day: int | None = None
    line: str | None = None
    engagement_percentile: float | None = None
    """Of the newest boundary."""
    abaque: Abaque | None = None
    """Of the last survey of its network."""
    holidays: dict[int, str] = field(default_factory=dict)
    """Public holidays of the network's country within the days of the run."""

    def add(self, reading: Reading) -> None:
        """Take in the reading of one more boundary."""
        self.name = reading.name or self.name
        self.days.append(reading.boundary_day)
        self.weekly_participants.append(reading.weekly_participants)
        self.baselines.append(reading.baseline_weekly_participants)
        self.momentum_ratios.append(reading.momentum_ratio)
        self.engagement_indices.append(reading.engagement_index)
        self.phases.append(reading.phase)
        self.first_day = reading.boundary_day - reading.age_days + 1
        self.line = reading.line
        self.engagement_percentile = reading.engagement_percentile

    def bands(self) -> list[Bands | None]:
        """The band of the abaque at the community's age on each day of the run, None where too few are known."""
        if self.abaque is None or self.first_day is None:
            return [None] * len(self.days)
        return [band_of(self.abaque, self.line, age_months(self.first_day, day)) for day in self.days]

    def phase_changes(self) -> list[tuple[int, str]]:
        """(day, phase) wherever the phase became another one; none where it is not known since when one has lasted."""
        changes = []
        before = None
        for day, phase in zip(self.days, self.phases, strict=True):
            if phase is None:
                return []
            if phase != before:
                changes.append((day, phase))
            before = phase
        return changes


class Recorder:
    """Collects the readings of chosen communities (of all where none is chosen) while boundaries are judged."""

    def __init__(self, communities: Iterable[str] | None = None) -> None:
        self._chosen = None if communities is None else set(communities)
        self.runs: dict[tuple[str, str], CommunityRun] = {}
        self.network_steps: list[AlertTransition] = []

    @property
    def listens(self) -> bool:
        """Whether any community's readings are wanted."""
        return self._chosen is None or bool(self._chosen)

    def readings(self, network: str, readings: Iterable[Reading]) -> None:
        """Take in the readings of one boundary."""
        for reading in readings:
            if self._chosen is None or reading.community in self._chosen:
                self._run(network, reading.community).add(reading)

    def step(self, step: AlertTransition) -> None:
        """Take in one alert step or notice; those of the network as a whole belong to no community."""
        if step.community is None:
            self.network_steps.append(step)
        elif self._chosen is None or step.community in self._chosen:
            self._run(step.network, step.community).alerts.append(step)

    def _run(self, network: str, community: str) -> CommunityRun:
        place = (network, community)
        if place not in self.runs:
            self.runs[place] = CommunityRun(network, community)
        return self.runs[place]

    def only(self, community: str, known: Iterable[str]) -> CommunityRun:
        """The run of the one community that was chosen.

        Raises:
            SettingsError: nobody acted in a community of that name.
        """
        found = [run for (_, name), run in self.runs.items() if name == community and run.days]
        if not found:
            near = get_close_matches(community, list(known), n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else "."
            raise SettingsError(f"There is no community {community!r} with a judged day{hint}")
        return found[0]
