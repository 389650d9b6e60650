"""An OpenID provider on loopback that says of people whatever a test lets it, signed and all."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

Claims = Mapping[str, Any]


class Provider:
    """Lets everybody in who comes to its address, as `subject`, with `claims` and `more`."""

    def __init__(self) -> None:
        self.base = ""
        self.issuer: str | None = None  #: as it calls itself; None: its address
        self.token_issuer: str | None = None  #: as the token says; None: the same
        self.subject = "s1"
        self.claims: Claims = {}  #: in the identity token
        self.more: Claims | None = None  #: in the user information; None: there is none
        self.more_subject = ""  #: whose the user information is; "": the same person's
        self.about: dict[str, Any] = {}  #: what it says of itself besides
        self.sent: list[str] = []  #: how each client proved itself
        self._key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
        self._codes: dict[str, dict[str, str]] = {}

    @property
    def name(self) -> str:
        """The issuer."""
        return self.base if self.issuer is None else self.issuer

    async def discovery(self, _: web.Request) -> web.Response:
        """GET /.well-known/openid-configuration."""
        more = {} if self.more is None else {"userinfo_endpoint": f"{self.base}/userinfo"}
        return web.json_response(
            {
                "issuer": self.name,
                "authorization_endpoint": f"{self.base}/authorize",
                "token_endpoint": f"{self.base}/token",
                "jwks_uri": f"{self.base}/keys",
                **more,
                **self.about,
            }
        )

    async def keys(self, _: web.Request) -> web.Response:
        """GET /keys."""
        return web.json_response(KeySet([self._key]).as_dict(private=False))

    async def authorize(self, request: web.Request) -> web.Response:
        """GET /authorize: no questions asked."""
        code = secrets.token_urlsafe(8)
        self._codes[code] = dict(request.query)
        back = urlencode({"code": code, "state": request.query["state"]})
        raise web.HTTPFound(f"{request.query['redirect_uri']}?{back}")

    async def token(self, request: web.Request) -> web.Response:
        """POST /token."""
        form = await request.post()
        self.sent.append("basic" if "Authorization" in request.headers else "post")
        asked = self._codes.pop(str(form["code"]), None)
        if asked is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.name if self.token_issuer is None else self.token_issuer,
            "aud": asked["client_id"],
            "sub": self.subject,
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            **self.claims,
        }
        token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self._key)
        return web.json_response(
            {"access_token": "a1", "token_type": "Bearer", "id_token": token, "expires_in": 300}
        )

    async def userinfo(self, request: web.Request) -> web.Response:
        """GET /userinfo."""
        assert request.headers["Authorization"] == "Bearer a1"
        return web.json_response({"sub": self.more_subject or self.subject, **(self.more or {})})


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """The provider, serving; at any path below `base`, as tenants have theirs."""
    made = Provider()
    app = web.Application()
    for prefix in ("", "/tenant/v2.0"):
        app.router.add_get(f"{prefix}/.well-known/openid-configuration", made.discovery)
        app.router.add_get(f"{prefix}/authorize", made.authorize)
        app.router.add_post(f"{prefix}/token", made.token)
        app.router.add_get(f"{prefix}/keys", made.keys)
        app.router.add_get(f"{prefix}/userinfo", made.userinfo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
