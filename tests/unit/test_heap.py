"""What is free in the heap goes back to the system."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from pipeline import heap

PIECES, PIECE_BYTES = 2_000, 50_000


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's heap has something to give back")
def test_what_lies_free_between_what_stays_is_given_back() -> None:
    # ▇ ▇ ▇ ▇ ▇   every second piece is freed, and none of them lies at the end of the heap
    before = resident_bytes()
    kept = [bytearray(PIECE_BYTES) for _ in range(PIECES)]
    full = resident_bytes()
    kept = kept[::2]
    heap.give_back()
    assert full - before > 0.9 * PIECES * PIECE_BYTES
    assert resident_bytes() - before < 0.6 * PIECES * PIECE_BYTES
    assert len(kept) == PIECES // 2


def test_another_heap_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_trim", None)
    heap.give_back()
