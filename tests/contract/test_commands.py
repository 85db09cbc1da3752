"""docs/commands.md has every command, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.cli.main import app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


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
