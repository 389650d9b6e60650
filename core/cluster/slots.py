"""Slots: leases of one thing that several members hold side by side, better on several machines.

Their keys differ by what follows the `#`. Who is on a machine that has another of them leaves a
free one to the other machines for a while; and who has come to hold a second one there gives it
back once for each worker that comes on another machine. If nobody there wants it, it is taken all
the same: two on one machine are better than one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.cluster.model import FREE, Lease

MARK = "#"


class Slots:
    """One member's ways with slots; asked in each of its rounds."""

    def __init__(self, host: str, *, patience: float) -> None:
        """`patience` is for how many seconds a free one is left to others."""
        self._host = host
        self._patience = patience
        self._free_since: dict[str, float] = {}
        self._offered: set[str] = set()  #: members for whose sake one was given back

    def left_to_others(
        self,
        wanted: Collection[str],
        leases: Mapping[str, Lease],
        hosts: Mapping[str, str],
        *,
        now: float,
    ) -> frozenset[str]:
        """Those of the slots we want that we do not take yet.

        `hosts` are the machines of the workers that live, by their ids.
        """
        free = {
            key: self._free_since.get(key, now)
            for key in {*leases, *wanted, *self._free_since}
            if MARK in key and leases.get(key, FREE).owner not in hosts
        }
        self._free_since = free
        elsewhere = any(host != self._host for host in hosts.values())
        return frozenset(
            key
            for key in wanted
            if key in free
            and elsewhere
            and now - free[key] < self._patience
            and self._near(key, leases, hosts)
        )

    def given_back(
        self, held: Collection[str], leases: Mapping[str, Lease], hosts: Mapping[str, str], me: str
    ) -> frozenset[str]:
        """Those that we hold beside one of lower number on this machine, for whoever has come."""
        came = {one for one, host in hosts.items() if host != self._host} - self._offered
        given = frozenset(
            key
            for key in held
            if MARK in key
            and came
            and any(other < key for other in self._near(key, leases, hosts, but=me))
        )
        if given:
            self._offered = {*(self._offered & set(hosts)), *came}
        return given

    def _near(
        self, key: str, leases: Mapping[str, Lease], hosts: Mapping[str, str], *, but: str = ""
    ) -> list[str]:
        """The other slots of the same thing that somebody on this machine holds."""
        thing = key.partition(MARK)[0] + MARK
        return [
            other
            for other, lease in leases.items()
            if other != key
            and other.startswith(thing)
            and lease.owner != but
            and hosts.get(lease.owner) == self._host
        ]
