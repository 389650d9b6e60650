"""From which address a request really came, behind proxies that are believed."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from aiohttp import web


class ClientAddress:
    """Tells the client's address; only trusted proxies may name one that is not their own."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._proxies = tuple(
            ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies
        )

    def of(self, request: web.Request) -> str:
        """The nearest hop that is no proxy of ours; "" when there is none to name."""
        remote = request.remote or ""
        if not self._proxies or not self._is_proxy(remote):
            return remote
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
        for hop in reversed(hops):
            if hop and not self._is_proxy(hop):
                return hop[:64]
        return remote

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._proxies)
