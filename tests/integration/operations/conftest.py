"""Commands against the real servers of the run, with topics and a namespace of their own for each test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result


@pytest.fixture
def environ(
    kafka_bootstrap: str, fresh_topic: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> dict[str, str]:
    """Give the variables of a deployment with a key, three topics that do not exist yet, and no Redis."""
    for name in os.environ:
        if name.startswith("ELAN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    activity = fresh_topic("activity")
    return {
        "ELAN_PRIVACY_PSEUDONYM_KEY": "a key of sixteen characters or more",
        "ELAN_KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "ELAN_KAFKA_ACTIVITY_TOPIC": activity,
        "ELAN_KAFKA_DEAD_LETTER_TOPIC": f"{activity}.dead",
        "ELAN_KAFKA_ALERTS_TOPIC": f"{activity}.alerts",
        "ELAN_KAFKA_GROUP": f"{activity}.group",
        "ELAN_KAFKA_PARTITIONS": "3",
    }


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    """Give the settings that the variables make."""
    return load_settings(environ=environ)


@pytest.fixture
def elan(environ: dict[str, str]) -> Callable[..., Result]:
    """Give a function that runs `elan` with some arguments, and more variables if need be."""

    def run(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(app, arguments, env={**environ, "COLUMNS": "200", **more})

    return run
