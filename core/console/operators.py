"""Restricts metrics and part-by-part readiness to the operator."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from core.accounts.secrets import same
from core.web.http.routing import CALL
from core.web.http.settings import WebSettings
from core.web.identity.client_address import address_in

#: Whatever a web server in front of us may add: what carries one of these came from elsewhere.
_PASSED_ON = ("Forwarded", "Via", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP")


class OperatorAccess:
    """Admits by METRICS_TOKEN, on METRICS_PORT, or, with neither set, from loopback only.

    Behind a web server on this machine everybody comes from this machine: where one may be in
    front and nothing says so (PUBLIC_URL without TRUSTED_PROXIES), nobody is known by address.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._token = settings.metrics_token
        public = urlsplit(settings.public_url).hostname or "" if settings.public_url else ""
        hidden = bool(public) and not _is_local(public) and not settings.trusted_proxies
        self._by_address = not self._token and settings.metrics_port is None and not hidden

    @property
    def wants_token(self) -> bool:
        """Whether a token would help."""
        return bool(self._token)

    def lets_in(self, request: web.Request) -> bool:
        """Whether the operator asks."""
        if self._token:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            return scheme.lower() == "bearer" and same(token.strip(), self._token)
        return self._by_address and _from_here(request)


def _from_here(request: web.Request) -> bool:
    passed_on = any(name in request.headers for name in _PASSED_ON) or any(
        name.lower().startswith("x-forwarded") for name in request.headers
    )
    # The name: a page of another site whose name leads to this machine is not the operator.
    name = urlsplit("//" + request.headers.get("Host", "")).hostname or ""
    is_near = _is_local(request.remote or "") and _is_local(request[CALL].address)
    return is_near and not passed_on and _is_local(name)


def _is_local(host: str) -> bool:
    address = address_in(host)
    return host.lower() == "localhost" if address is None else address.is_loopback
