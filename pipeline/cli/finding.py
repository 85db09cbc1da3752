"""What a check found: fine, worth a look, or wrong, with what to do."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Level(str, Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(NamedTuple):
    """One line of `elan check`."""

    level: Level
    subject: str
    text: str


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, subject, text)


def warning(subject: str, text: str) -> Finding:
    """It works, and somebody should look at it."""
    return Finding(Level.WARNING, subject, text)


def wrong(subject: str, text: str) -> Finding:
    """Workers will not start, or will lose something."""
    return Finding(Level.WRONG, subject, text)
