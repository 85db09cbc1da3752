"""Commands run in an empty folder, with no setting of the machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result


@pytest.fixture
def elan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Give a function that runs `elan` with some arguments and returns its result."""
    for name in os.environ:
        if name.startswith("ELAN_"):
            monkeypatch.delenv(name)
    # --config sets it; this way it is taken back after the test.
    monkeypatch.setenv("ELAN_CONFIG", "")
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **options: CliRunner().invoke(app, [str(each) for each in arguments], **options)
