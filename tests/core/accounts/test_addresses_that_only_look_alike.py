"""An e-mail address in other letters is another one: taken in nowhere, and nobody's of ours."""

from __future__ import annotations

import unicodedata

import pytest

from core.accounts.emails import clean_email
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.errors import BadInput
from core.slack.people import read_member
from tests.support.site import Site

ADMIN = "mike.ski@example.com"
ALIKE = (
    "mike.\u0455ki@example.com",  # Cyrillic
    "m\u0456ke.ski@example.com",
    "mike.ski@ex\u0430mple.com",
    "mike.s\u212ai@example.com",  # the Kelvin sign, which folds to k
    "mi\u212ae.ski@example.com",
    "M\u0130KE.ski@example.com",  # folds to i and a dot
    "mike.ſki@example.com",  # folds to s in upper case
    "ｍike.ski@example.com",  # full width
    "mike．ski@example.com",
    "mike.ski＠example.com",
    "mike.ski@example。com",
    "mike\u200b.ski@example.com",  # invisible
    "\u202emike.ski@example.com",
    "mike.ski@example.com\u2060",
    "mike.ski\u00ad@example.com",
    "mi\u0307ke.ski@example.com",
    "\u00a0mike.ski@example.com",
)


def test_they_would_fool_somebody() -> None:
    folded = {unicodedata.normalize("NFKC", one).casefold() for one in ALIKE}
    assert ADMIN in folded
    assert not any(one.isascii() for one in ALIKE)


@pytest.mark.parametrize("email", ALIKE)
async def test_none_is_taken_in_or_taken_for_ours(web: Site, email: str) -> None:
    admin, token = await web.staff(ADMIN, Role.ADMIN)
    with pytest.raises(BadInput):
        clean_email(email)
    with pytest.raises(BadInput):
        await web.accounts.add(OPERATOR, email, role=Role.AGENT)
    status, _ = await web.call("POST", "/api/users", token=token, json={"email": email})
    assert status == 422
    await web.accounts.set_password(admin, "correct horse battery")
    form = {"email": email, "password": "correct horse battery", "next": ""}
    assert (await web.call("POST", "/login", data=form))[0] == 401
    assert (await web.call("GET", "/api/users", token=token))[1]["items"][0]["email"] == ADMIN
    assert read_member({"profile": {"email": email}}, team="").email == ""
    for method in ("PATCH", "DELETE"):
        path = f"/api/users/{email}"
        status, _ = await web.call(method, path, token=token, json={"name": "x"})
        assert status == 404, method


@pytest.mark.parametrize(
    "email",
    ["a,b@example.com", "a b@example.com", "<a@example.com>", "a@example.com,b@example.com",
     'a"b@example.com', "a@b@example.com", "a@", "@b", "a@-b.com", "a@b-.com", "a@b..com", "a@.b",
     "a;b@example.com", "a(b)@example.com", "a@[127.0.0.1]", "a\x00@example.com", "a\n@b.com",
     "x" * 65 + "@example.com", "a@" + "b" * 64 + ".com", "a@" + "b.c" * 90],
)  # fmt: skip
def test_what_mail_would_read_otherwise_is_no_address(email: str) -> None:
    with pytest.raises(BadInput):
        clean_email(email)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [(" Mina@Example.COM ", "mina@example.com"), ("admin@localhost", "admin@localhost"),
     ("o'hara+desk_1@mail.example.co.kr", "o'hara+desk_1@mail.example.co.kr"),
     ("a@xn--9t4b11yi5a.com", "a@xn--9t4b11yi5a.com")],
)  # fmt: skip
def test_plain_ones_are_taken(typed: str, kept: str) -> None:
    assert clean_email(typed) == kept


async def test_one_that_an_older_version_took_in_can_still_be_removed(web: Site) -> None:
    _, token = await web.staff(ADMIN, Role.ADMIN)
    await web.accounts.add(OPERATOR, "old@example.com", role=Role.AGENT)
    db = web.audit._entries.database
    await db["users"].update_one({"email": "old@example.com"}, {"$set": {"email": ALIKE[0]}})
    assert (await web.call("DELETE", f"/api/users/{ALIKE[0]}", token=token))[0] == 204
