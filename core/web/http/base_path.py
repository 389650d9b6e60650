"""The path below which the world finds us: PUBLIC_URL's own, "" for a host of our own.

Inside, every path is ours alone: routes, handlers and redirects know no base. It is taken off what
comes in, whether the proxy in front has done so already or not, and put before what goes out:
by `at` in templates and answers, by the server itself in `Location`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from yarl import URL

from core.errors import SetupError

Factory = Callable[..., web.BaseRequest]
"""Makes a request of what was parsed, as `web.Server.request_factory` does."""


class BasePath:
    """Strips the base path from requests and prefixes it to links; without one, changes nothing."""

    __slots__ = ("text",)

    def __init__(self, public_url: str = "") -> None:
        """`public_url` may be "" or end in a slash."""
        self.text = URL(public_url).raw_path.rstrip("/") if public_url else ""

    def at(self, path: str) -> str:
        """One of our paths as a browser must ask for it; what is no path stays as it is.

        Twice is as once: no route of ours begins with the base (`refuse_our_own`).
        """
        if not self.text or not path.startswith("/") or path.startswith("//"):
            return path
        return path if self._is_below(path) else self.text + path

    def within(self, path: str) -> str:
        """The path as our routes know it, of one that may still have the base before it."""
        if not self.text or not self._is_below(path):
            return path
        rest = path[len(self.text) :]
        return rest if rest.startswith("/") else "/" + rest

    def names(self, name: str) -> str:
        """A name in a place that the whole host shares, so that two of us there stay apart."""
        return name + re.sub(r"[^A-Za-z0-9]+", "-", self.text)

    def strips(self, make: Factory) -> Factory:
        """The same factory, for requests that may have the base before their path."""
        if not self.text:
            return make

        def stripped(message: RawRequestMessage, *args: Any) -> web.BaseRequest:
            path = self.within(message.path)
            if path != message.path:
                message = message._replace(path=path, url=URL(path, encoded=True))
            return make(message, *args)

        return stripped

    async def on_prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Lead a redirect to one of our paths to where the browser finds it."""
        del request
        target = response.headers.get("Location")
        if target is not None:
            response.headers["Location"] = self.at(target)

    def refuse_our_own(self, paths: Iterable[str]) -> None:
        """Raise SetupError when the base begins as one of our own paths does.

        Nobody could tell any more whether a proxy has taken it off `/console/console/approvals`.
        """
        first = _first(self.text)
        if first and first in {_first(path) for path in paths}:
            raise SetupError(
                f"PUBLIC_URL may not begin its path with /{first}: that is one of our own pages."
                " Choose another one, /support for example."
            )

    def _is_below(self, path: str) -> bool:
        size = len(self.text)
        return path[:size] == self.text and path[size : size + 1] in ("", "/", "?", "#")


def _first(path: str) -> str:
    return path.strip("/").partition("/")[0]


NONE = BasePath()
