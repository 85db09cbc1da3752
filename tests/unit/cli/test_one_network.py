"""Commands that look at one network refuse a file of two; --network gives the network of a file its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Elan = Callable[..., Result]

COMMANDS = [
    *(["explain", "wine"], ["network"], ["survival"], ["survival", "--calibrate"]),
    *(["abaque", "show"], ["abaque", "plot"], ["abaque", "export", "own.json"]),
]


def write_events(path: Path, *networks: str) -> Path:
    """A post a day in January in each network."""
    lines = [
        {
            "id": f"a{day}",
            "time": f"2025-01-{day:02}T09:00:00Z",
            "kind": "post",
            "network": network,
            "community": "wine",
            "actor": "ann",
        }
        for day in range(1, 32)
        for network in networks
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_of_two_networks_is_refused(elan: Elan, tmp_path: Path, command: list[str]) -> None:
    events = write_events(tmp_path / "two.jsonl", "n0", "n1")
    result = elan(*command, "--events", events)
    assert result.exit_code == 4
    assert result.stderr == f"error: {events} holds the networks 'n0' and 'n1'; give a file of one of them.\n"


def test_the_network_of_a_file_gets_the_name_that_is_given(elan: Elan, tmp_path: Path) -> None:
    result = elan("network", "--events", write_events(tmp_path / "one.jsonl", "n0"), "--network", "acme")
    assert result.stdout.startswith("acme: 1 communities")
