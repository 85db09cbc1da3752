"""docs/commands.md has every command, and no other; what pages tell to type is taken as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from pipeline.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "commands.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "deploy/runbooks").glob("*.md"))]
STANDS_FOR = {"R": "bad_time"}
"""Where a page leaves a choice open."""


def registered() -> set[str]:
    groups = [("", app), *((f"{group.name} ", group.typer_instance) for group in app.registered_groups)]
    return {
        f"elan {prefix}{command.name or (command.callback.__name__ if command.callback else '')}"
        for prefix, group in groups
        if group is not None
        for command in group.registered_commands
    }


def test_every_command_has_a_section() -> None:
    assert set(re.findall(r"^### (elan .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) == registered()


def test_every_exit_code_is_explained() -> None:
    codes = re.findall(r"^\| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert codes == ["0", "1", "2", "3", "4", "5", "6", "130"]


def commands_in(page: Path) -> list[list[str]]:
    """Words of the commands in the blocks of a page; in a runbook of those within a sentence as well."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^ *elan ([^&\n]+)", text, re.MULTILINE)
    if page.parent.name == "runbooks":
        found += re.findall(r"`elan ([^`]+)`", text)
    return [[STANDS_FOR.get(word, word) for word in shlex.split(line, comments=True)] for line in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_are_taken_as_a_page_has_them(page: Path) -> None:
    for words in commands_in(page):
        command: Any = typer.main.get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        # A name without anything behind it may only be mentioned.
        if words:
            # Raises where an argument or an option lacks, or is unknown.
            command.make_context("elan", words)


def test_pages_have_commands() -> None:
    assert {"README", "commands", "ChampionOfACommunity"} <= {page.stem for page in PAGES if commands_in(page)}
