"""Pseudonyms: the same person is the same eleven characters, and nobody else is."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode

from hypothesis import given
from hypothesis import strategies as st

from pipeline.pseudonyms import Pseudonymiser, pseudonym

KEY = b"a key of sixteen characters or more"
NAME = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


def test_the_form_is_frozen() -> None:
    # Another value would count every member of a running deployment anew. As openssl has it:
    # printf 'network\0actor' | openssl dgst -sha256 -hmac key -binary | head -c8 | base64
    assert pseudonym(b"key", "network", "actor") == "7SyF9NTAuJQ"


@given(st.binary(min_size=1, max_size=200), NAME, NAME)
def test_it_is_the_hmac_of_the_standard_library(key: bytes, network: str, actor: str) -> None:
    digest = hmac.digest(key, f"{network}\0{actor}".encode(), "sha256")
    assert pseudonym(key, network, actor) == urlsafe_b64encode(digest[:8]).decode().rstrip("=")


@given(NAME, NAME)
def test_it_is_eleven_harmless_characters(network: str, actor: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{11}", pseudonym(KEY, network, actor))


@given(st.tuples(NAME, NAME), st.tuples(NAME, NAME))
def test_two_people_differ_and_so_does_one_person_in_two_networks(one: tuple[str, str], two: tuple[str, str]) -> None:
    assert (pseudonym(KEY, *one) == pseudonym(KEY, *two)) == (one == two)


def test_another_key_makes_another_pseudonym() -> None:
    assert pseudonym(KEY, "acme", "alice") != pseudonym(KEY + b"2", "acme", "alice")


@given(st.lists(st.tuples(st.sampled_from("ab"), NAME), max_size=60), st.integers(1, 6))
def test_remembering_changes_no_pseudonym_and_is_bounded(people: list[tuple[str, str]], cache_size: int) -> None:
    pseudonymise = Pseudonymiser(KEY, cache_size)
    for network, actor in people:
        assert pseudonymise(network, actor) == pseudonym(KEY, network, actor)
        assert len(pseudonymise._young) + len(pseudonymise._old) <= max(2, cache_size)
