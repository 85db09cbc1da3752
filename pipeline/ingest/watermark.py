"""How far event time has come in a partition, by its log alone.

Allowed lateness 1 h: after a clock event of 12:00 the watermark is 11:00; an activity of 10:59 that follows is late.
"""

from __future__ import annotations

import msgspec


class Watermark(msgspec.Struct, frozen=True):
    """Newest times seen in one partition, in unix seconds; None before the first."""

    clock_seconds: float | None = None
    activity_seconds: float | None = None
    """Of activities before the first clock event: it stands in until one comes, and keeps the watermark from going
    back when that one is older."""

    def after_clock(self, seconds: float) -> Watermark:
        """After a clock event."""
        if self.clock_seconds is not None and seconds <= self.clock_seconds:
            return self
        return Watermark(seconds, self.activity_seconds)

    def after_activity(self, seconds: float) -> Watermark:
        """After an activity, which moves nothing once there is a clock."""
        if self.clock_seconds is not None or (self.activity_seconds is not None and seconds <= self.activity_seconds):
            return self
        return Watermark(None, seconds)

    def seconds(self, allowed_lateness_seconds: float) -> float | None:
        """Event time that has passed; None while nothing is known. Never goes back."""
        clock, activity = self.clock_seconds, self.activity_seconds
        if clock is None or activity is None:
            newest = activity if clock is None else clock
            return None if newest is None else newest - allowed_lateness_seconds
        return max(clock, activity) - allowed_lateness_seconds
