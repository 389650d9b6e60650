"""Cookies: behind TLS each is Secure and bound to this host by its name."""

from __future__ import annotations

from aiohttp import web

from core.web.http.base_path import NONE, BasePath

HOST_PREFIX = "__Host-"
"""Browsers take such a cookie only from this host, over TLS, for `/`: no neighbour plants one."""

SESSION = "session"
VISITOR = "visitor"
LOCALE = "locale"
THEME = "theme"  #: set by the console's script
SIGN_IN_STATE = "sign_in_state"


class Cookies:
    """Gives, reads and takes back cookies by their plain names."""

    def __init__(self, *, secure: bool, base: BasePath = NONE) -> None:
        """`secure`: browsers reach us by TLS. `base` is in the names: `/` is everybody's."""
        self._secure = secure
        self._base = base

    def name(self, name: str) -> str:
        """As the browser knows it."""
        name = self._base.names(name)
        return HOST_PREFIX + name if self._secure else name

    def read(self, request: web.Request, name: str) -> str:
        """The value, "" without one; behind TLS only under the bound name."""
        return request.cookies.get(self.name(name), "")

    def give(
        self, response: web.StreamResponse, name: str, value: str, *, seconds: int | None = None
    ) -> None:
        """Set it, out of scripts' reach; without `seconds` until the browser is closed."""
        response.set_cookie(
            self.name(name),
            value,
            max_age=seconds,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._secure,
        )

    def take_back(self, response: web.StreamResponse, name: str) -> None:
        """Delete it; a browser heeds that for a bound name only with the same marks."""
        response.del_cookie(
            self.name(name), path="/", secure=self._secure, httponly=True, samesite="Lax"
        )


PLAIN = Cookies(secure=False)
