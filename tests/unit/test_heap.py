"""What is free in the heap goes back to the system."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

from pipeline import heap

PIECES, PIECE_BYTES = 2_000, 50_000
# ▇ ▇ ▇ ▇ ▇   every second piece is freed, and none of them lies at the end of the heap
FREE_HALF = f"""
import json, os
from pathlib import Path
from pipeline import heap

def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

seen = [resident_bytes()]
kept = [bytearray({PIECE_BYTES}) for _ in range({PIECES})]
seen.append(resident_bytes())
kept = kept[::2]
seen.append(resident_bytes())
heap.give_back()
seen.append(resident_bytes())
print(json.dumps(seen))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's heap has something to give back")
def test_what_lies_free_between_what_stays_is_given_back() -> None:
    # In a process of its own, whose heap has no room left over from before.
    found = subprocess.run([sys.executable, "-c", FREE_HALF], stdout=subprocess.PIPE, text=True, check=True)
    before, full, freed, given_back = json.loads(found.stdout)
    assert full - before > 0.9 * PIECES * PIECE_BYTES
    assert freed - before > 0.9 * PIECES * PIECE_BYTES, "freed, and kept by the heap"
    assert given_back - before < 0.6 * PIECES * PIECE_BYTES


def test_another_heap_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_trim", None)
    heap.give_back()
