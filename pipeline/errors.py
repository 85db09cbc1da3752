"""Errors, named by what the caller must do.

ElanError                 the message is one sentence for the user; `exit_code` is what the command ends with
├── SettingsError    (2)  change a setting, an option or an argument
├── ServerError      (3)  start or reach a server (Kafka, Redis), then run again
├── InputError       (4)  give another file: the message names file and place
└── Stop             (5)  stop the worker: going on would lose or count twice
Reject                    dead-letter one record with a reason of `model.Reason`; never leaves the ingest stage
RetryLater                a server is away for the moment; wait and do the same again
Rewind                    Redis has lost what was counted; go back to what it still knows

Ctrl-C ends a command with 130, want of memory with 6, a check that found something wrong with 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.model import Reason


class ElanError(Exception):
    """A mistake or a failure that one sentence explains; commands print it without a traceback."""

    exit_code = 1


class SettingsError(ElanError):
    """A setting, option or argument is unknown or impossible."""

    exit_code = 2


class ServerError(ElanError):
    """A server that is needed cannot be reached or refuses."""

    exit_code = 3


class InputError(ElanError):
    """A file cannot be used; the message names the file and the place in it."""

    exit_code = 4


class Stop(ElanError):
    """The worker must end: going on would lose something or count it twice."""

    exit_code = 5


class RetryLater(Exception):
    """A server is away for the moment: wait, then do the same again."""


class Rewind(Exception):
    """Redis knows less than it has confirmed before: read again from where it stands now."""


class Reject(Exception):
    """One record cannot be used; it goes to the dead-letter topic with this reason."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail
