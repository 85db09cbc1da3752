"""What is free in the heap, given back to the system.

glibc keeps what was freed below anything still in use. A worker takes tens of megabytes for each fetch and each
boundary and frees them again, with small things that stay in between: soon it would hold 60 MB that nobody uses.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

Trim = Callable[[int], int]


def _find_trim() -> Trim | None:
    try:
        found: Trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return found


_trim = _find_trim()
"""None where the C library is not glibc."""


def give_back() -> None:
    """Give back whole pages that are free; takes a few milliseconds, and does nothing where it is not glibc's heap."""
    if _trim is not None:
        _trim(0)
