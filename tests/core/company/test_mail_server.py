"""The mail server set in the console: sealed, followed by every process, asked for no other."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from config.settings import read_settings
from core.accounts.audit.log import Audit
from core.accounts.roles import Role, User
from core.accounts.secret_box import SecretBox
from core.company.mail_server import MailServer, PasswordNeeded, WantedMail
from core.errors import BadInput, Forbidden
from core.runtime.mail import MailFailed
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

ADA = User(id="u1", email="ada@example.com", role=Role.ADMIN)
SARA = User(id="u2", email="sara@example.com", role=Role.SUPERVISOR)
PASSWORD = "a-password-that-must-not-stand-anywhere"
OWN = WantedMail(host="smtp.example.com", user="desk", password=PASSWORD, sender="desk@example.com")


def server_of(
    db: Database,
    clock: ManualClock,
    *,
    keys: tuple[str, ...] = ("the secret key",),
    env: Mapping[str, str] | None = None,
) -> MailServer:
    """That of one process with this environment."""

    async def reach(address: str) -> None:
        if "10.0." in address:
            raise BadInput("This address is not on the internet.")

    return MailServer(
        db["company"],
        environment=read_settings(env or {}).mail,
        seal=SecretBox(keys),
        audit=Audit(db, clock=clock),
        clock=clock,
        reach=reach,
    )


async def test_what_is_set_stands_before_the_environment_and_reaches_other_processes(
    db: Database, clock: ManualClock
) -> None:
    env = {"SMTP_HOST": "smtp.env.example", "SMTP_FROM": "env@example.com"}
    one, other = server_of(db, clock, env=env), server_of(db, clock, env=env)
    assert (one.is_set, one.sender) == (True, "env@example.com")
    await one.save(ADA, OWN)
    await other.run(is_alone=True)
    assert one.sender == other.sender == "desk@example.com"
    mailer = await other.tried(ADA, WantedMail(host=OWN.host, user="desk", sender=OWN.sender))
    assert (mailer.host, mailer.port, mailer.password) == ("smtp.example.com", 587, PASSWORD)
    await one.save(ADA, WantedMail())
    assert one.sender == "env@example.com"


async def test_without_a_server_nothing_is_sent_and_it_is_said(
    db: Database, clock: ManualClock
) -> None:
    server = server_of(db, clock)
    assert (server.is_set, server.sender) == (False, "")
    assert await server.check() == "not set; no mail is sent"
    with pytest.raises(MailFailed):
        await server.send("mina@example.com", subject="x", text="y")
    with pytest.raises(BadInput, match="nothing to test"):
        await server.tried(ADA, WantedMail())


async def test_the_password_is_sealed_and_stands_in_no_audit(
    db: Database, clock: ManualClock
) -> None:
    server = server_of(db, clock)
    with pytest.raises(Forbidden):
        await server.save(SARA, OWN)
    await server.save(ADA, OWN)
    for name in ("company", "audit"):
        async for document in db[name].find({}):
            assert PASSWORD not in str(document)


async def test_a_password_goes_nowhere_but_where_it_was_entered_for(
    db: Database, clock: ManualClock
) -> None:
    server = server_of(db, clock)
    await server.save(ADA, OWN)
    for host, user in (("smtp.evil.example", "desk"), ("smtp.example.com", "root")):
        with pytest.raises(PasswordNeeded):
            await server.tried(ADA, WantedMail(host=host, user=user, sender=OWN.sender))
    no_user = await server.tried(ADA, WantedMail(host="smtp.evil.example", sender=OWN.sender))
    assert no_user.password == ""


@pytest.mark.parametrize(
    ("host", "sender"),
    [
        ("https://smtp.example.com", "desk@example.com"),
        ("smtp.example.com/x", "desk@example.com"),
        ("10.0.0.1", "desk@example.com"),
        ("smtp.example.com", ""),
        ("smtp.example.com", "Desk <desk@example.com>"),
    ],
)
async def test_what_cannot_be_used_is_refused(
    db: Database, clock: ManualClock, host: str, sender: str
) -> None:
    server = server_of(db, clock)
    with pytest.raises(BadInput):
        await server.save(ADA, WantedMail(host=host, sender=sender))
    assert not server.is_set


async def test_another_secret_key_is_said_and_sealing_anew_keeps_the_password(
    db: Database, clock: ManualClock
) -> None:
    await server_of(db, clock).save(ADA, OWN)
    lost = server_of(db, clock, keys=("another key",))
    await lost.load()
    assert not lost.is_set
    assert "SECRET_KEY" in lost.trouble
    with pytest.raises(MailFailed, match="SECRET_KEY"):
        await lost.check()
    both = server_of(db, clock, keys=("another key", "the secret key"))
    assert await both.reseal(ADA) == {"mail server": 1}
    await lost.load()
    assert (lost.is_set, lost.trouble) == (True, "")
