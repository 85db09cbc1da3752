"""What was left out of a test run for want of a server or of data.

`ELAN_REQUIRE_SERVERS=1` (set by .ci/run) makes a missing server an error. The archives of real activity are no part of
this repository, so their absence is listed only; but where CI is set and their folder exists, it must be complete.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.servers.process import ServerUnavailableError

DATA_FOLDER = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
_SERVER = re.compile(r"broker|kafka|valkey|redis|prometheus|promtool", re.IGNORECASE)
_LACK = re.compile(
    r"missing|absent|not found|not on path|not installed|unavailable|unreachable|cannot be had", re.IGNORECASE
)
_DATA = re.compile(r"shared/data|archive", re.IGNORECASE)


def servers_required(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a missing server is an error."""
    return environ.get("ELAN_REQUIRE_SERVERS") == "1"


def leave_out(server: str, error: ServerUnavailableError) -> NoReturn:
    """Skip the test that asked for this server, or fail it where servers are required."""
    reason = f"missing server: {server}: {error}"
    if servers_required():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def reason_of(report: pytest.TestReport) -> str:
    """Return the reason of a skipped test, without pytest's prefix."""
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return text.removeprefix("Skipped: ")


def is_forbidden(reason: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a skip for this reason must fail the run."""
    if not servers_required(environ):
        return False
    if _DATA.search(reason):
        return environ.get("CI") == "true" and DATA_FOLDER.is_dir()
    return bool(_SERVER.search(reason) and _LACK.search(reason))


def table(reasons: Iterable[str]) -> list[str]:
    """Return the lines of the closing table: how many tests were left out, and why, most frequent first."""
    rows = [f"{count:>6}  {reason}" for reason, count in Counter(reasons).most_common()]
    return [f"{'tests':>6}  left out because", *rows] if rows else []
