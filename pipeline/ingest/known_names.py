"""Names that were found good before, by source, so that most activities need no second look and no hash."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pipeline.ingest.checks import is_name
from pipeline.ingest.duplicates import salt_of

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_REMEMBERED = 300_000
"""Members and names together: some 60 MB."""


class KnownSource(NamedTuple):
    """What activities of one source have taught."""

    network: str
    salt: int
    """Of the marks of its ids (`ingest.duplicates`)."""
    members: dict[str | None, str]
    """Actor -> pseudonym; a name that is in here is a good one."""
    names: dict[str, str]
    """Community, or its name for people -> the same text: one object for all activities, its hash computed once."""


STRANGER = KnownSource("", 0, {}, {})
"""A source nothing is known of. A record may say that it has no network either."""


class KnownNames:
    """All sources. `pseudonym` is (network, actor) -> the member's keyed pseudonym."""

    def __init__(self, pseudonym: Callable[[str, str], str], most_remembered: int = MOST_REMEMBERED) -> None:
        self._pseudonym = pseudonym
        self._most = most_remembered
        self._remembered = 0
        self.sources: dict[str, KnownSource] = {}
        """Emptied when too much is remembered, and always the same object."""

    def member(self, source: str, network: str, actor: str) -> str:
        """The pseudonym of an actor whose name has been checked."""
        members = self._of(source, network).members
        member = members.get(actor)
        if member is None:
            member = members[actor] = self._pseudonym(network, actor)
            self._remembered += 1
        return member

    def name(self, source: str, network: str, name: str) -> str:
        """The same text, remembered as good: it has been checked."""
        names = self._of(source, network).names
        known = names.get(name)
        if known is None:
            known = names[name] = name
            self._remembered += 1
        return known

    def meet(self, source: str, network: str, actor: str | None, community: str) -> tuple[str | None, str | None]:
        """-> (the actor's pseudonym, the community), remembered from now on; None both where one of them is no name."""
        if actor is None or not (is_name(actor) and is_name(community)):
            return None, None
        return self.member(source, network, actor), self.name(source, network, community)

    def _of(self, source: str, network: str) -> KnownSource:
        if self._remembered >= self._most:
            self.sources.clear()
            self._remembered = 0
        known = self.sources.get(source)
        if known is None:
            known = self.sources[source] = KnownSource(network, salt_of(source), {}, {})
            self._remembered += 1
        return known
