"""Keyed pseudonyms: who somebody is cannot be told without the key, and never from one network to another."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PSEUDONYM_BYTES = 8
PSEUDONYM_CHARACTERS = 11
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
"""What HMAC (RFC 2104) does to each byte of the key before it hashes it with the text, and with that hash."""


def pseudonym(key: bytes, network: str, actor: str) -> str:
    """The 11 characters that stand for an actor of a network: HMAC-SHA256, its first 8 bytes, base64url.

    With 8 bytes, two of a million members share a pseudonym with a probability of 3 in 100 million.
    """
    return pseudonyms_of(key)(network, actor)


def pseudonyms_of(key: bytes) -> Callable[[str, str], str]:
    """`pseudonym` with one key, whose part of the hash is computed once.

    `hmac.digest` takes twice as long, and lets another thread of the worker run for each.
    """
    block_bytes = sha256().block_size
    block = (key if len(key) <= block_bytes else sha256(key).digest()).ljust(block_bytes, b"\0")
    begin_inner, begin_outer = sha256(block.translate(_INNER)).copy, sha256(block.translate(_OUTER)).copy

    def keyed_pseudonym(network: str, actor: str) -> str:
        inner, outer = begin_inner(), begin_outer()
        # NUL is in no name, so that no network and actor read like another pair.
        inner.update(f"{network}\0{actor}".encode())
        outer.update(inner.digest())
        return urlsafe_b64encode(outer.digest()[:PSEUDONYM_BYTES])[:PSEUDONYM_CHARACTERS].decode()

    return keyed_pseudonym


class Pseudonymiser:
    """`pseudonym` with one key. It remembers those it made, since a hash costs much of what an activity does."""

    def __init__(self, key: bytes, cache_size: int = 200_000) -> None:
        self._make = pseudonyms_of(key)
        self._half = max(1, cache_size // 2)
        # Two generations: whoever was seen in either is still known, and dropping the older one costs nothing.
        self._young: dict[tuple[str, str], str] = {}
        self._old: dict[tuple[str, str], str] = {}

    def __call__(self, network: str, actor: str) -> str:
        """The pseudonym of an actor."""
        person = (network, actor)
        known = self._young.get(person)
        if known is None:
            known = self._old.get(person) or self._make(network, actor)
            self._remember(person, known)
        return known

    def _remember(self, person: tuple[str, str], known: str) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[person] = known
