"""What a process says that lacks memory, and how it ends where no order is left to end in."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

NO_MEMORY = 6
SENTENCE = "error: There is not enough memory: give this process more, then run it again.\n"


def end_at_once() -> NoReturn:
    """End without closing anything.

    `asyncio.run` closes its executor from a new thread, and Python waits for ever for one that has no memory to begin.
    """
    sys.stderr.write(SENTENCE)
    sys.stderr.flush()
    os._exit(NO_MEMORY)
