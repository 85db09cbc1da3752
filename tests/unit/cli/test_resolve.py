"""`elan resolve` finds a person in a directory by the keyed pseudonym, and nobody without the right key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.pseudonyms import pseudonym

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Elan = Callable[..., Result]

KEY = "a key of sixteen characters or more"
WITH_KEY = {"ELAN_PRIVACY_PSEUDONYM_KEY": KEY}
ALICE = pseudonym(KEY.encode(), "acme", "u1")


@pytest.mark.parametrize(
    ("text", "column", "found"),
    [
        ("u0\nu1\nu2\n", None, "u1"),
        ("u1\n", None, "u1"),
        ("id,name\nu0,Zoe\nu1,Alice\n", None, "u1,Alice"),
        ("name;id\nZoe;u0\nAlice;u1\n", "id", "Alice;u1"),
        ("\ufeffid\tname\nu1\tAlice\n", "id", "u1\tAlice"),
        ('name,id\n"Doe, Alice",u1\n', "id", "Doe, Alice,u1"),
    ],
)
def test_the_line_of_the_person_is_printed(
    elan: Elan, tmp_path: Path, text: str, column: str | None, found: str
) -> None:
    directory = tmp_path / "members.csv"
    directory.write_text(text, encoding="utf-8")
    option = [] if column is None else ["--column", column]
    result = elan("resolve", "--network", "acme", "--directory", directory, *option, "--", ALICE, env=WITH_KEY)
    assert (result.exit_code, result.stdout) == (0, f"{found}\n")


def test_the_directory_may_come_from_standard_input(elan: Elan) -> None:
    result = elan("resolve", "--network", "acme", "--directory", "-", "--", ALICE, env=WITH_KEY, input="u0\nu1\n")
    assert (result.exit_code, result.stdout) == (0, "u1\n")


@pytest.mark.parametrize(
    ("network", "key"), [("other", KEY), ("acme", KEY + "2")], ids=["another network", "another key"]
)
def test_elsewhere_the_pseudonym_stands_for_nobody(elan: Elan, network: str, key: str) -> None:
    environ = {"ELAN_PRIVACY_PSEUDONYM_KEY": key}
    result = elan("resolve", "--network", network, "--directory", "-", "--", ALICE, env=environ, input="u0\nu1\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "check the network's name" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "part"),
    [
        (["--directory", "-", "--", ALICE], {}, 2, "privacy.pseudonym_key is not set"),
        (["--directory", "-", "short"], WITH_KEY, 2, "is no pseudonym"),
        (["--directory", "nowhere.csv", "--", ALICE], WITH_KEY, 4, "nowhere.csv cannot be read"),
        (["--directory", "-", "--column", "mail", "--", ALICE], WITH_KEY, 4, "has no column 'mail'"),
    ],
)
def test_a_mistake_is_one_sentence(
    elan: Elan, arguments: list[str], environ: dict[str, str], code: int, part: str
) -> None:
    result = elan("resolve", "--network", "acme", *arguments, env=environ, input="id,name\nu1,Alice\n")
    assert result.exit_code == code
    assert part in result.stderr
