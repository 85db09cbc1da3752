"""Every key that Élan keeps in Redis. Keys of a shard share a hash tag, so that a script finds them on one node."""

from __future__ import annotations

from typing import NamedTuple


class Keys(NamedTuple):
    """Names of keys under one namespace.

    Per shard `<namespace>:{<namespace>-<shard>}:` followed by
    fences              hash: partition -> next offset
    networks            set
    c:, l:<network>     hash: community -> display name, line
    p:<network>         hash: pseudonym -> department, in the shard of the pseudonym
    d:<community>       ring of days                     (community = <network>/<community>)
    h:<community>       last hours
    o:<community>       list: last hours of a busy community that were put aside
    m:<community>       hash: pseudonym -> packed member
    n:<network>         ring of days, participants and activities summed over the shard
    judged              hash: network -> newest day judged
    s:, r:<network>     states, readings of all communities (one packed value each)
    v:<network>         hash: community -> its life (JSON)
    a:<network>         hash: alert id -> open alert (JSON)
    outbox              stream of alert steps not yet relayed
    none                never there
    """

    namespace: str

    def shard(self, shard: int) -> str:
        """Prefix of a shard's keys."""
        return f"{self.namespace}:{{{self.namespace}-{shard}}}:"

    def none(self, shard: int) -> str:
        """A key that never is, declared by scripts that touch keys of a shard which nobody can declare.

        While a slot moves from node to node a Cluster refuses a call that names a missing key before it begins; or a
        script would end at the first key that is not there, with half of its work done.
        """
        return f"{self.shard(shard)}none"

    def layout(self) -> str:
        """Hash of what is frozen at first start: shards, version."""
        return f"{self.namespace}:layout"

    def partitions(self) -> str:
        """Hash: partition -> restart marker and watermark (JSON)."""
        return f"{self.namespace}:partitions"

    def confirmed(self) -> str:
        """Hash: partition/shard -> fence; of a Cluster only (redis_fences.py), on the node of `partitions`."""
        return f"{self.namespace}:confirmed:{{{self.partitions()}}}"

    def first_days(self) -> str:
        """Hash: network -> first day that is judged."""
        return f"{self.namespace}:first-days"

    def profile(self, network: str) -> str:
        """Hash of what a network's communities have taught: day, value, abaque (loaded from a file)."""
        return f"{self.namespace}:profile:{network}"

    def instance(self, name: str) -> str:
        """Which process has the name of a worker."""
        return f"{self.namespace}:instance:{name}"

    def lease(self, name: str) -> str:
        """A lease that one worker holds at a time."""
        return f"{self.namespace}:lease:{name}"

    def replayed(self, topic: str, identity: str) -> str:
        """Hash: partition/reason -> first offset of a dead-letter topic that was not put back (identity: its id)."""
        return f"{self.namespace}:replayed:{topic}:{identity}"
