"""Keyed pseudonyms: who somebody is cannot be told without the key, and never from one network to another."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

PSEUDONYM_BYTES = 8
PSEUDONYM_CHARACTERS = 11


def pseudonym(key: bytes, network: str, actor: str) -> str:
    """The 11 characters that stand for an actor of a network: HMAC-SHA256, its first 8 bytes, base64url.

    With 8 bytes, two of a million members share a pseudonym with a probability of 3 in 100 million.
    """
    # NUL is in no name, so that no network and actor read like another pair.
    digest = hmac.digest(key, f"{network}\0{actor}".encode(), "sha256")
    return urlsafe_b64encode(digest[:PSEUDONYM_BYTES])[:PSEUDONYM_CHARACTERS].decode()


class Pseudonymiser:
    """`pseudonym` with one key. It remembers those it made: an HMAC costs more than all else done to an activity."""

    def __init__(self, key: bytes, cache_size: int = 200_000) -> None:
        self._key = key
        self._half = max(1, cache_size // 2)
        # Two generations: whoever was seen in either is still known, and dropping the older one costs nothing.
        self._young: dict[tuple[str, str], str] = {}
        self._old: dict[tuple[str, str], str] = {}

    def __call__(self, network: str, actor: str) -> str:
        """The pseudonym of an actor."""
        person = (network, actor)
        known = self._young.get(person)
        if known is None:
            known = self._old.get(person) or pseudonym(self._key, network, actor)
            self._remember(person, known)
        return known

    def _remember(self, person: tuple[str, str], known: str) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[person] = known
