"""Security headers of every response, and the Origin check of writes."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from yarl import URL

from core.web.http.routing import CALL, Route
from core.web.http.settings import WebSettings

_COMMON: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_NOTHING = "default-src 'none'; frame-ancestors 'none'"
_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-src 'self'; frame-ancestors {ancestors}"
)


class SecurityHeaders:
    """The headers by kind of route, made once."""

    def __init__(self, settings: WebSettings) -> None:
        common = dict(_COMMON)
        if settings.is_https:
            common["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        ancestors = " ".join(("'self'", *settings.frame_ancestors))
        self._api = {**common, "Content-Security-Policy": _NOTHING, "Cache-Control": "no-store"}
        self._page = {
            **common,
            "Content-Security-Policy": _PAGE.format(ancestors="'none'"),
            "X-Frame-Options": "DENY",
            "Cache-Control": "no-store",
        }
        self._framed = {
            **common,
            "Content-Security-Policy": _PAGE.format(ancestors=ancestors),
            "Cache-Control": "no-store",
        }

    async def on_prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add what the handler has not set itself."""
        call = request.get(CALL)
        route = call.route if call else None
        headers = response.headers
        for name, value in self._for(route, response).items():
            if name not in headers:
                headers[name] = value

    def _for(self, route: Route | None, response: web.StreamResponse) -> Mapping[str, str]:
        if route is None:
            # What matches no route is a page for people and a problem for programs.
            return self._page if response.content_type == "text/html" else self._api
        if not route.page:
            return self._api
        return self._framed if route.framed else self._page


class Origins:
    """The Origin headers that are ours: PUBLIC_URL, and the address the request came to."""

    def __init__(self, settings: WebSettings) -> None:
        public = settings.public_url.rstrip("/").lower()
        # An Origin has no path, and no port that goes without saying.
        self._public = str(URL(public).origin()) if public else ""

    def allows(self, request: web.Request) -> bool:
        """True when the page is one of ours, or when no page sent it."""
        origin = request.headers.get("Origin")
        if origin is None:
            # Browsers leave it out of some requests, and say in the other header whose they are.
            return request.headers.get("Sec-Fetch-Site", "none").lower() in ("none", "same-origin")
        origin = origin.lower()
        if self._public and origin == self._public:
            return True
        host = request.headers.get("Host", "").lower()
        return bool(host) and origin in (f"http://{host}", f"https://{host}")
