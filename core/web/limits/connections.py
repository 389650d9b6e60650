"""Limits open connections per network, and evicts idle ones when room runs out."""

from __future__ import annotations

import heapq
import ipaddress
from collections.abc import Sequence
from typing import Protocol

from core.runtime.token_bucket import network_of
from core.web.http.prometheus import ConnectionMetrics

PROXY = "proxy"  #: the network of our own proxies
BODIES = 100  #: of one network that arrive at a time, each held in memory until it is whole
BATCH = 64  #: of so many connections one goes when all room is taken, so that looking is rare


class Closable(Protocol):
    """A connection that can be evicted."""

    network: str  #: from where it came, set when it enters

    def evict(self) -> None:
        """End it; it has kept us waiting the longest."""
        ...


class Connections:
    """Every open connection, by the network it came from (`core.runtime.token_bucket.network_of`).

    Nobody is refused while somebody else of the same network, or of the one that holds most, only
    keeps us waiting: for a request's head or body, or for the next request. Who waited longest
    goes first. So half-open connections can neither shut out others nor their own neighbours.
    Our own proxies are known by address: everybody comes through them, so they have no limit of
    their own and are never made to go.
    """

    def __init__(
        self, *, room: int, per_network: int, proxies: Sequence[str], metrics: ConnectionMetrics
    ) -> None:
        self._room = room
        self._per_network = max(1, min(per_network, room // 2))
        self._proxies = tuple(ipaddress.ip_network(proxy, strict=False) for proxy in proxies)
        self._metrics = metrics
        self._open: dict[str, set[Closable]] = {}
        self._waiting: dict[str, dict[Closable, None]] = {}  # in the order in which they began to
        self._bodies: dict[str, dict[Closable, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def is_proxy(self, address: str) -> bool:
        """Whether this is a proxy of ours."""
        if not self._proxies:
            return False
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        return any((mapped or found) in network for network in self._proxies)

    def enter(self, connection: Closable, address: str) -> bool:
        """Take it in, at the cost of another one if need be; False when there is no room."""
        network = PROXY if self.is_proxy(address) else network_of(address)
        of_network = self._open.get(network, ())
        if network != PROXY and len(of_network) >= self._per_network and not self._evict(network):
            self._metrics.closed("refused")
            return False
        if self._count >= self._room and not self._make_room():
            self._metrics.closed("refused")
            return False
        connection.network = network
        self._open.setdefault(network, set()).add(connection)
        self._count += 1
        self._metrics.opened()
        self.waits(connection)
        return True

    def leave(self, connection: Closable) -> None:
        """It has ended; leaving twice, or without having entered, does nothing."""
        of_network = self._open.get(connection.network)
        if of_network is None or connection not in of_network:
            return
        self.works(connection)
        of_network.discard(connection)
        if not of_network:
            del self._open[connection.network]
        self._count -= 1
        self._metrics.left()

    def waits(self, connection: Closable) -> None:
        """From now on it keeps us waiting for its next request."""
        if connection.network != PROXY and connection in self._open.get(connection.network, ()):
            self._waiting.setdefault(connection.network, {})[connection] = None

    def receives(self, connection: Closable) -> None:
        """From now on it keeps us waiting for the body of its request."""
        self.waits(connection)
        if connection in self._waiting.get(connection.network, ()):
            bodies = self._bodies.setdefault(connection.network, {})
            bodies[connection] = None
            if len(bodies) > BODIES:
                self._end(next(iter(bodies)))

    def works(self, connection: Closable) -> None:
        """It has said what it wants; now it is we who work."""
        for lists in (self._waiting, self._bodies):
            of_network = lists.get(connection.network)
            if of_network is not None and connection in of_network:
                del of_network[connection]
                if not of_network:
                    del lists[connection.network]

    def too_slow(self, what: str) -> None:
        """A connection ends because its "body" came, or its "answer" was taken, too slowly."""
        self._metrics.closed(what)

    def _evict(self, network: str) -> bool:
        oldest = next(iter(self._waiting.get(network, ())), None)
        if oldest is None:
            return False
        self._end(oldest)
        return True

    def _end(self, connection: Closable) -> None:
        self.leave(connection)
        self._metrics.closed("evicted")
        connection.evict()

    def _make_room(self) -> bool:
        """One of each of the largest networks goes; False when nobody keeps us waiting."""
        largest = heapq.nlargest(
            max(1, self._room // BATCH), self._waiting, key=lambda name: len(self._open[name])
        )
        if not largest:
            return False
        most = len(self._open[largest[0]])
        for network in largest:
            if len(self._open[network]) * 2 > most:
                self._evict(network)
        return True
