"""Providers as they are: slashes, texts for truths, no word on addresses, and what that allows."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from config.settings import read_settings
from core.accounts.attempts import Attempts
from core.accounts.audit.log import Audit
from core.accounts.oidc.claims import EmailClaimPolicy, IdentityRefused, proven
from core.accounts.oidc.doctor import oidc_checks
from core.accounts.oidc.provider import OidcWishes, OpenIdConnect, ProviderUnavailable
from core.accounts.roles import Role, User
from core.accounts.secrets import Passwords
from core.accounts.service import OPERATOR, AccountsService
from core.accounts.store import AccountStore
from core.clock import SystemClock
from core.runtime.checks import outcomes
from core.storage.client import Database
from tests.support.servers.oidc import Provider, provider

KEY = "a key that every process has"
MINA = "mina@example.com"


class Desk:
    """We at this provider."""

    def __init__(self, db: Database, at: Provider) -> None:
        clock = SystemClock()
        self.at, self.store = at, AccountStore(db)
        self.accounts = AccountsService(
            self.store,
            audit=Audit(db, clock=clock),
            clock=clock,
            passwords=Passwords(),
            attempts=Attempts(None, secret_key=KEY, clock=clock),
        )

    def party(
        self,
        *,
        issuer: str = "",
        client: str = "desk",
        keys: Sequence[str] = (KEY,),
        **trust: Any,
    ) -> OpenIdConnect:
        return OpenIdConnect(
            OidcWishes(
                issuer=issuer or self.at.name,
                client_id=client,
                client_secret="a secret",
                trust=EmailClaimPolicy(**trust),
            ),
            store=self.store,
            redirect_uri=lambda: "http://127.0.0.1/back",
            keys=keys,
            clock=SystemClock(),
        )

    async def signs_in(self, party: OpenIdConnect) -> User:
        """There and back."""
        begun = await party.begin(target="/console")
        async with httpx.AsyncClient() as http:
            back = (await http.get(begun.url)).headers["Location"]
        query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        user, target = await party.finish(state=query["state"], kept=begun.kept, code=query["code"])
        assert target == "/console"
        return user


@pytest.fixture
async def desk(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    async with provider() as at:
        made = Desk(db, at)
        await made.accounts.add(OPERATOR, MINA, role=Role.ADMIN)
        yield made


async def refused(desk: Desk, party: OpenIdConnect, caplog: pytest.LogCaptureFixture) -> str:
    """The reason that the log gives."""
    caplog.clear()
    with caplog.at_level(logging.WARNING), pytest.raises(IdentityRefused) as error:
        await desk.signs_in(party)
    assert error.value.reason in caplog.text
    assert "@" not in error.value.reason
    return error.value.reason


@pytest.mark.parametrize("at_the_provider", ["", "/"])
@pytest.mark.parametrize("in_our_settings", ["", "/"])
async def test_a_slash_at_the_end_of_the_issuer(
    desk: Desk, at_the_provider: str, in_our_settings: str
) -> None:
    desk.at.issuer = desk.at.base + at_the_provider
    desk.at.claims = {"email": MINA, "email_verified": True}
    settings = read_settings({"OIDC_ISSUER": desk.at.base + in_our_settings})
    assert settings.oidc.oidc_issuer == desk.at.base + in_our_settings
    party = desk.party(issuer=settings.oidc.oidc_issuer)
    assert (await desk.signs_in(party)).email == MINA


async def test_the_token_names_the_issuer_as_the_provider_does(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.at.claims = {"email": MINA, "email_verified": True}
    for other in (desk.at.base + "/", desk.at.base + "/tenant", "https://evil.example", ""):
        desk.at.token_issuer = other
        assert "does not hold" in await refused(desk, desk.party(), caplog)


@pytest.mark.parametrize(
    ("issuer", "words"),
    [
        ("https://login.example/{tenantid}/v2.0", "every tenant's"),
        ("https://evil.example", "calls itself 'https://evil.example'"),
        ("", "calls itself ''"),
    ],
)
async def test_another_issuer_than_the_one_we_mean(
    desk: Desk, issuer: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk.at.issuer = issuer
    party = desk.party(issuer=desk.at.base)
    with caplog.at_level(logging.ERROR), pytest.raises(ProviderUnavailable, match=words):
        await party.begin(target="")
    assert "OIDC_ISSUER" in caplog.text


async def test_a_provider_that_wants_the_secret_in_the_form(desk: Desk) -> None:
    desk.at.claims = {"email": MINA, "email_verified": True}
    await desk.signs_in(desk.party())
    desk.at.about = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    await desk.signs_in(desk.party())
    assert desk.at.sent == ["basic", "post"]


@pytest.mark.parametrize("word", [True, "true", "True", " TRUE "])
async def test_a_word_that_is_a_yes(desk: Desk, word: object) -> None:
    desk.at.claims, desk.at.more = {}, {"email": MINA, "email_verified": word}
    assert (await desk.signs_in(desk.party())).email == MINA


@pytest.mark.parametrize(
    "word", [False, "false", "False", "", "yes", "1", 1, 0, None, "truely", ["true"], {"true": 1}]
)
async def test_a_word_that_is_none(
    desk: Desk, word: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even in a domain that the operator trusts."""
    desk.at.claims = {"email": MINA, "email_verified": word}
    for domains in ((), ("example.com",)):
        reason = await refused(desk, desk.party(domains=domains), caplog)
        assert reason == "the provider says that the address is not verified"


async def test_microsoft_says_nothing_and_nobody_comes_in(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """nOAuth: an attacker writes the admin's address into a profile of their own."""
    desk.at.claims = {"email": MINA, "preferred_username": MINA, "upn": MINA, "name": "Mina"}
    reason = await refused(desk, desk.party(), caplog)
    assert "OIDC_TRUSTED_DOMAINS" in reason
    reason = await refused(desk, desk.party(domains=("example.org", "mail.example.com")), caplog)
    assert "nor in one of OIDC_TRUSTED_DOMAINS" in reason


async def test_a_trusted_domain_lets_in_one_identity_by_each_address(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.at.claims = {"email": MINA}
    party = desk.party(domains=("example.com",))
    assert (await desk.signs_in(party)).email == MINA
    assert (await desk.signs_in(party)).email == MINA
    # A colleague at the same provider who has got the address into their own profile.
    desk.at.subject = "s2"
    assert "another identity" in await refused(desk, party, caplog)
    # Nor by a word that is not the provider's usual one.
    desk.at.claims = {"email": MINA, "email_verified": True}
    assert "another identity" in await refused(desk, party, caplog)
    # A raised role does not open what was closed.
    await desk.accounts.add(OPERATOR, "root@example.com", role=Role.ADMIN)
    await desk.accounts.set_role(OPERATOR, MINA, Role.AGENT)
    await desk.accounts.set_role(OPERATOR, MINA, Role.ADMIN)
    assert "another identity" in await refused(desk, party, caplog)
    # Somebody who may change users says that she has a new account there.
    desk.at.claims = {"email": MINA}
    await desk.accounts.forget_provider(OPERATOR, MINA)
    assert (await desk.signs_in(party)).email == MINA
    desk.at.subject = "s1"
    assert "another identity" in await refused(desk, party, caplog)
    # For another client, or at another provider, everybody has another identity.
    assert await desk.signs_in(desk.party(client="desk-2", domains=("example.com",)))


async def test_microsofts_own_word_on_the_domains_owner(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    for word in (True, 1, "1", "true"):
        desk.at.claims = {"email": MINA, "xms_edov": word}
        assert (await desk.signs_in(desk.party())).email == MINA
    for other in (False, 0, "0", "false", "no", None):
        desk.at.claims = {"email": MINA, "xms_edov": other}
        await refused(desk, desk.party(domains=("example.com",)), caplog)
    desk.at.claims = {"email": MINA, "xms_edov": True, "email_verified": False}
    await refused(desk, desk.party(), caplog)


async def test_an_address_in_another_claim(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.at.claims = {"preferred_username": MINA.upper()}
    assert "names no address in 'email'" in await refused(desk, desk.party(), caplog)
    named = {"claim": "preferred_username"}
    assert "OIDC_TRUSTED_DOMAINS" in await refused(desk, desk.party(**named), caplog)
    party = desk.party(**named, domains=("example.com",))
    assert (await desk.signs_in(party)).email == MINA
    # `email_verified` speaks of `email`: the attacker's own is verified, the other is a wish.
    desk.at.subject = "s2"
    desk.at.claims = {
        "preferred_username": MINA, "email": "evil@evil.example", "email_verified": True,
    }  # fmt: skip
    assert "OIDC_TRUSTED_DOMAINS" in await refused(desk, desk.party(**named), caplog)
    desk.at.claims = {"preferred_username": MINA, "email": MINA, "email_verified": True}
    desk.at.subject = "s1"
    assert (await desk.signs_in(desk.party(**named))).email == MINA
    desk.at.claims = {"preferred_username": "mina"}
    assert "no plain e-mail address" in await refused(desk, party, caplog)


async def test_one_document_never_vouches_for_anothers_address(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.at.claims = {"email": MINA}
    desk.at.more = {"email": "evil@evil.example", "email_verified": True}
    assert "two addresses" in await refused(desk, desk.party(), caplog)
    desk.at.more = {"email_verified": True}
    assert "OIDC_TRUSTED_DOMAINS" in await refused(desk, desk.party(), caplog)
    desk.at.more = {"email": MINA, "email_verified": "true"}
    assert (await desk.signs_in(desk.party())).email == MINA
    desk.at.more_subject = "somebody else"
    assert "another person's" in await refused(desk, desk.party(), caplog)
    # What the user information denies, no trust in a domain makes good.
    desk.at.more_subject, desk.at.more = "", {"email": MINA, "email_verified": False}
    assert "not verified" in await refused(desk, desk.party(domains=("example.com",)), caplog)


@pytest.mark.parametrize(
    "email",
    ["m\u0456na@example.com", "mina@ex\u0430mple.com", "mina@example.com\u200b", "", "mina", None,
     "mina@example.com,evil@evil.example", ["mina@example.com"], {"a": 1}, 5, True,
     "mina@example.com\x00", "evil@evil.example mina@example.com"],
)  # fmt: skip
async def test_what_only_looks_like_an_address(
    desk: Desk, email: object, caplog: pytest.LogCaptureFixture
) -> None:
    desk.at.claims = {"email": email, "email_verified": True}
    assert "no plain e-mail address" in await refused(desk, desk.party(), caplog)


async def test_strangers_stay_out(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.at.claims = {"email": "guest@example.com", "email_verified": True}
    assert "nobody here" in await refused(desk, desk.party(domains=("example.com",)), caplog)


def test_trust_is_for_the_whole_domain_and_no_other() -> None:
    trust = EmailClaimPolicy(domains=("example.com",))
    for email in ("a@sub.example.com", "a@example.com.evil.example", "a@notexample.com"):
        with pytest.raises(IdentityRefused):
            proven([{"email": email}], trust)
    assert proven([{"email": "A@Example.COM"}], trust).email == "a@example.com"


@pytest.mark.parametrize(
    "domains", ["*", "com", "example.com/", "@", "exаmple.com", "*.example.com", "example..com"]
)
def test_domains_that_are_none_are_refused(domains: str) -> None:
    with pytest.raises(ValueError, match="OIDC_TRUSTED_DOMAINS"):
        read_settings({"OIDC_TRUSTED_DOMAINS": domains})


def test_domains_are_taken_as_people_write_them() -> None:
    settings = read_settings({"OIDC_TRUSTED_DOMAINS": "@Example.com, example.co.kr"})
    assert settings.oidc.oidc_trusted_domains == ("example.com", "example.co.kr")


@pytest.mark.parametrize(
    ("about", "more", "state", "words"),
    [
        ({}, {}, "ok", "must send people back to https://desk.example/back"),
        ({"claims_supported": ["sub", "email"]}, {}, "note", "OIDC_TRUSTED_DOMAINS"),
        (
            {"claims_supported": ["sub", "email"]},
            {"OIDC_TRUSTED_DOMAINS": "example.com"},
            "ok",
            "example.com trusted",
        ),
        ({"claims_supported": ["sub"]}, {}, "note", "does not list the claim email"),
        ({}, {"OIDC_EMAIL_CLAIM": "preferred_username"}, "FAIL", "preferred_username"),
        ({}, {"OIDC_TRUSTED_DOMAINS": "gmail.com"}, "FAIL", "anybody may have an address"),
        ({"issuer": "https://x/{tenantid}"}, {}, "FAIL", "every tenant's"),
        ({"token_endpoint": None}, {}, "FAIL", "token_endpoint"),
        ({}, {"OIDC_CLIENT_ID": ""}, "note", "set both"),
    ],
)
async def test_doctor_says_whom_it_would_let_in(
    desk: Desk, about: dict[str, Any], more: dict[str, str], state: str, words: str
) -> None:
    desk.at.about = about
    settings = read_settings({"OIDC_ISSUER": desk.at.base, "OIDC_CLIENT_ID": "desk"} | more).oidc
    party = None
    if settings.oidc_client_id:
        party = desk.party(
            claim=settings.oidc_email_claim, domains=settings.oidc_trusted_domains,
            issuer=desk.at.base,
        )  # fmt: skip
    checks = oidc_checks(settings, party, callback="https://desk.example/back")
    [(said_state, _, said)] = [outcome async for outcome in outcomes(checks)]
    assert (said_state, words in said) == (state, True), said


async def test_what_is_begun_at_one_web_ends_at_another_and_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.at.claims = {"email": MINA, "email_verified": True}
    webs = desk.party(), desk.party()
    begun = await webs[0].begin(target="/console")
    async with httpx.AsyncClient() as http:
        back = (await http.get(begun.url)).headers["Location"]
    query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    came = {"state": query["state"], "kept": begun.kept, "code": query["code"]}
    user, target = await webs[1].finish(**came)
    assert (user.email, target) == (MINA, "/console")
    for web in webs:
        with pytest.raises(IdentityRefused) as error:
            await web.finish(**came)
        assert error.value.reason == "this attempt has come back before"
    # Another installation's key opens nothing.
    stranger = desk.party(keys=("another key",))
    begun = await webs[0].begin(target="/console")
    state = parse_qs(urlsplit(begun.url).query)["state"][0]
    with pytest.raises(IdentityRefused) as error:
        await stranger.finish(state=state, kept=begun.kept, code="a code")
    assert error.value.reason == "this browser has begun no such attempt"
    # A key that was changed meanwhile does.
    changed = desk.party(keys=("a newer key", KEY))
    with pytest.raises(IdentityRefused) as error:
        await changed.finish(state=state, kept=begun.kept, code="a code")
    assert error.value.reason == "the provider does not take the code"
