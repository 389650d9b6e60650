"""OpenID Connect against a real provider: who comes in, and every way in which nobody does."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import httpx
import pytest
from joserfc.errors import JoseError
from oidc_provider_mock import User as Identity
from oidc_provider_mock import run_server_in_thread

from app import App, serving
from config.settings import read_settings
from core.accounts.oidc.claims import IdentityRefused
from core.accounts.oidc.provider import Begun, OidcWishes, OpenIdConnect
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.accounts.sign_in import SignInRefused
from core.clock import SystemClock
from core.runtime.data_dir import DataDir
from core.storage.client import Database
from tests.core.accounts.test_nothing_forged_is_accepted import forged

KEY = "a key that every process has"
MINA = "mina@example.com"
IDENTITIES = (
    Identity(sub="mina", claims={"email": MINA, "email_verified": True}),
    Identity(sub="guest", claims={"email": "guest@example.com", "email_verified": True}),
    Identity(sub="liar", claims={"email": MINA, "email_verified": False}),
    Identity(sub="silent", claims={"email": MINA}),
)


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A provider on this machine; its own library wants to be told that http is meant."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    with run_server_in_thread(user_claims=IDENTITIES) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
async def desk(db: Database, mongo_uri: str, tmp_path: Path, issuer: str) -> AsyncIterator[App]:
    """The application, signing in by that provider."""
    settings = read_settings(
        {
            "MONGODB_URI": mongo_uri.replace("/?", f"/{db.name}?"),
            "DATA_DIR": str(tmp_path),
            "PORT": "0",
            "OIDC_ISSUER": issuer,
            "OIDC_CLIENT_ID": "desk",
            "OIDC_CLIENT_SECRET": "a secret",
            "OIDC_NAME": "Slack",
        }
    )
    async with serving(settings, DataDir(tmp_path), store=None, guide=None) as live:
        await live.core.accounts.add(OPERATOR, MINA, role=Role.AGENT)
        yield live


class Browser:
    """A browser that keeps cookies and follows nothing by itself."""

    def __init__(self, live: App) -> None:
        self.base = live.core.site.url()
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def begin(self, target: str = "") -> str:
        """Press the button; where it leads."""
        async with self.http.get(
            f"{self.base}/login/oidc", params={"next": target}, allow_redirects=False
        ) as answer:
            assert answer.status == 303
            return answer.headers["Location"]

    async def consent(self, url: str, sub: str = "mina") -> str:
        """Sign in over there; where the provider sends us back to."""
        async with self.http.post(url, data={"sub": sub}, allow_redirects=False) as answer:
            assert answer.status in (302, 303), await answer.text()
            return answer.headers["Location"]

    async def back(self, url: str) -> tuple[int, str]:
        """Come back; the status and where it leads."""
        async with self.http.get(url, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", "")

    def is_signed_in(self) -> bool:
        return any(c.key == "session" for c in self.http.cookie_jar)


@pytest.fixture
async def browser(desk: App) -> AsyncIterator[Browser]:
    one = Browser(desk)
    yield one
    await one.http.close()


def changed(url: str, **values: str) -> str:
    parts = urlsplit(url)
    query = {k: v[0] for k, v in parse_qs(parts.query).items()} | values
    return parts._replace(query=urlencode(query)).geturl()


async def test_a_colleague_signs_in_and_lands_where_he_wanted(desk: App, browser: Browser) -> None:
    async with browser.http.get(f"{browser.base}/login") as page:
        assert "Sign in with Slack" in await page.text()
    url = await browser.begin("/console/conversations")
    asked = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert await browser.back(await browser.consent(url)) == (303, "/console/conversations")
    async with browser.http.get(f"{browser.base}/api/me") as me:
        assert (await me.json())["email"] == MINA
    assert "sign_in.oidc" in [entry.what for entry in await desk.core.audit.page()]


@pytest.mark.parametrize("sub", ["guest", "liar", "silent", "someone@example.com"])
async def test_only_staff_by_verified_address(desk: App, browser: Browser, sub: str) -> None:
    status, _ = await browser.back(await browser.consent(await browser.begin(), sub))
    assert status == 401
    assert not browser.is_signed_in()
    newest = (await desk.core.audit.page())[0]
    assert (newest.what, newest.after) == ("sign_in.refused", {"by": "oidc"})


async def test_a_wrong_state(browser: Browser) -> None:
    url = await browser.consent(await browser.begin())
    for state in ("", "x" * 43):
        assert (await browser.back(changed(url, state=state)))[0] == 401
    assert not browser.is_signed_in()


async def test_somebody_elses_attempt(desk: App, browser: Browser) -> None:
    """A link that would sign the victim in as the attacker."""
    url = await browser.consent(await browser.begin())
    victim = Browser(desk)
    assert (await victim.back(url))[0] == 401
    await victim.begin()
    assert (await victim.back(url))[0] == 401
    assert not victim.is_signed_in()
    await victim.http.close()


async def test_a_wrong_nonce(browser: Browser) -> None:
    url = changed(await browser.begin(), nonce="another-nonce")
    assert (await browser.back(await browser.consent(url)))[0] == 401
    assert not browser.is_signed_in()


async def test_a_replayed_code(desk: App, browser: Browser) -> None:
    url = await browser.consent(await browser.begin())
    assert (await browser.back(url))[0] == 303
    assert (await browser.back(url))[0] == 401
    second = Browser(desk)
    fresh = {k: v[0] for k, v in parse_qs(urlsplit(await second.begin()).query).items()}
    code = parse_qs(urlsplit(url).query)["code"][0]
    assert (await second.back(changed(url, state=fresh["state"], code=code)))[0] == 401
    assert not second.is_signed_in()
    await second.http.close()


async def test_a_code_of_another_client(browser: Browser) -> None:
    url = changed(await browser.begin(), client_id="somebody-else")
    assert (await browser.back(await browser.consent(url)))[0] == 401
    assert not browser.is_signed_in()


async def test_an_error_of_the_provider(browser: Browser) -> None:
    url = await browser.begin()
    async with browser.http.post(url, data={"action": "deny"}, allow_redirects=False) as denied:
        assert (await browser.back(denied.headers["Location"]))[0] == 401
    asked = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
    strange = f"{browser.base}/login/oidc/callback?state={asked['state']}&code=nonsense&more=1"
    assert (await browser.back(strange))[0] == 401


async def test_a_token_for_another_audience_issuer_key_or_time(desk: App, issuer: str) -> None:
    token, keys = await other_clients_token(issuer, "somebody-else", nonce="n1")

    def party(*, issuer: str = issuer, client_id: str = "somebody-else") -> OpenIdConnect:
        return OpenIdConnect(
            OidcWishes(issuer=issuer, client_id=client_id),
            store=desk.core.account_store,
            redirect_uri=lambda: "",
            keys=(KEY,),
            clock=SystemClock(),
        )

    assert party().verified(token, keys, nonce="n1")["sub"] == "mina"
    for wrong in (party(client_id="desk"), party(issuer="https://another.example.com")):
        with pytest.raises(JoseError):
            wrong.verified(token, keys, nonce="n1")
    with pytest.raises(ValueError, match="nonce"):
        party().verified(token, keys, nonce="n2")
    head, body, signature = token.split(".")
    for made in (f"{head}.{body}.{'A' * len(signature)}", f"{head}.{body}.", "", "nonsense"):
        with pytest.raises((JoseError, ValueError)):
            party().verified(made, keys, nonce="n1")
    with pytest.raises((JoseError, ValueError)):
        party().verified(token, {"keys": []}, nonce="n1")


async def test_an_attempt_does_not_last(desk: App, issuer: str) -> None:
    party = OpenIdConnect(
        OidcWishes(issuer=issuer, client_id="desk"),
        store=desk.core.account_store,
        redirect_uri=lambda: "http://localhost/back",
        keys=(KEY,),
        clock=SystemClock(),
    )
    begun = await party.begin(target="")
    state = state_of(begun)
    with pytest.raises(SignInRefused):
        await party.finish(state=state, kept=begun.kept, code="")
    with pytest.raises(IdentityRefused) as error:
        await party.finish(state=state, kept=begun.kept, code="late")
    assert error.value.reason == "this attempt has come back before"


def state_of(begun: Begun) -> str:
    return parse_qs(urlsplit(begun.url).query)["state"][0]


async def other_clients_token(issuer: str, client: str, *, nonce: str) -> tuple[str, Any]:
    async with httpx.AsyncClient() as http:
        query = {
            "client_id": client,
            "response_type": "code",
            "redirect_uri": "http://localhost/x",
            "scope": "openid email",
            "nonce": nonce,
        }
        consent = await http.post(f"{issuer}/oauth2/authorize", params=query, data={"sub": "mina"})
        code = parse_qs(urlsplit(consent.headers["Location"]).query)["code"][0]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": "http://localhost/x",
            "client_id": client,
            "client_secret": "x",
        }
        token = (await http.post(f"{issuer}/oauth2/token", data=form)).json()
        return token["id_token"], (await http.get(f"{issuer}/jwks")).json()


async def test_no_forged_state_cookie_or_nonce_of_many(desk: App, issuer: str) -> None:
    chance = random.Random(7)
    party = OpenIdConnect(
        OidcWishes(issuer=issuer, client_id="somebody-else"),
        store=desk.core.account_store,
        redirect_uri=lambda: "http://localhost/back",
        keys=(KEY,),
        clock=SystemClock(),
    )
    begun = await party.begin(target="")
    for _ in range(250):
        with pytest.raises(SignInRefused):
            await party.finish(
                state=forged(state_of(begun), chance), kept=begun.kept, code="a code"
            )
        with pytest.raises(SignInRefused):
            await party.finish(
                state=state_of(begun), kept=forged(begun.kept, chance), code="a code"
            )
    for _ in range(50):
        begun = await party.begin(target="")
        with pytest.raises(SignInRefused):
            await party.finish(
                state=state_of(begun), kept=forged(begun.kept, chance), code="a code"
            )
    nonce = "n" * 43
    token, keys = await other_clients_token(issuer, "somebody-else", nonce=nonce)
    assert party.verified(token, keys, nonce=nonce)["sub"] == "mina"
    for _ in range(250):
        with pytest.raises(ValueError, match="nonce"):
            party.verified(token, keys, nonce=forged(nonce, chance))
        with pytest.raises((JoseError, ValueError)):
            party.verified(forged(token, chance), keys, nonce=nonce)
