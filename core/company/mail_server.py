"""The mail server as an admin has set it in the console, with its password, sealed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from email.message import EmailMessage
from typing import Any

from config.sections import MailSettings
from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.accounts.secret_box import SecretBox, SecretUnreadable
from core.clock import Clock
from core.company.sealed_setting import SealedSetting
from core.errors import BadInput
from core.runtime.mail import Mailer, MailFailed, mailer_of
from core.storage.client import MongoCollection
from core.storage.following import follow

_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,253}")
_SENDER = re.compile(r"[^@\s<>\x00-\x1f\x7f]{1,64}@[^@\s<>\x00-\x1f\x7f]{1,189}")

Reach = Callable[[str], Awaitable[None]]
"""Raises BadInput for a host that may not be connected to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailChoice:
    """An admin's mail server; `host` is "" where the environment's holds."""

    host: str = ""
    port: int = 587
    user: str = ""
    sender: str = ""
    sealed_password: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedMail:
    """A mail server as it is entered; an empty password stays as it is."""

    host: str = ""
    port: int = 587
    user: str = ""
    sender: str = ""
    password: str = ""


class PasswordNeeded(BadInput):
    """Another server or user needs its password entered, too."""


class MailServer:
    """Sends mail through the server that is set, and tells every process of a change.

    What is set here stands before the environment, like everything an admin sets.
    """

    def __init__(
        self,
        collection: MongoCollection,
        *,
        environment: MailSettings,
        seal: SecretBox,
        audit: Audit,
        clock: Clock,
        reach: Reach,
    ) -> None:
        self._kept = SealedSetting(
            collection,
            name="mail",
            field="password",
            title="mail server",
            seal=seal,
            audit=audit,
            clock=clock,
        )
        self._environment = environment
        self._audit = audit
        self._reach = reach
        self._current = MailChoice()
        self._mailer = mailer_of(environment)
        #: Why no mail is sent although a server is set; "" when it is.
        self.trouble = ""

    @property
    def current(self) -> MailChoice:
        """What is set here, as it was last read."""
        return self._current

    @property
    def environment(self) -> MailSettings:
        """What holds where nothing is set."""
        return self._environment

    @property
    def is_set(self) -> bool:
        """Whether mail can be sent."""
        return self._mailer is not None

    @property
    def sender(self) -> str:
        """From whom mail comes; "" where none is sent."""
        return self._mailer.sender if self._mailer is not None else ""

    async def send(self, to: str, *, subject: str, text: str) -> None:
        """Hand the message to the server. Raises MailFailed."""
        await self._server().send(to, subject=subject, text=text)

    async def deliver(self, message: EmailMessage) -> None:
        """Hand over a message that says to whom, from whom and what. Raises MailFailed."""
        await self._server().deliver(message)

    async def check(self) -> str:
        """Connect and sign in; how it went, or that none is set. Raises MailFailed."""
        if self.trouble:
            raise MailFailed(self.trouble)
        if self._mailer is None:
            return "not set; no mail is sent"
        return f"{self._mailer.host}:{self._mailer.port} answers, {await self._mailer.check()}"

    async def load(self) -> MailChoice:
        """Read what is set. Raises StoreUnavailable."""
        found = await self._kept.read()
        self._take(self._choice(found) if found else MailChoice())
        return self._current

    async def tried(self, user: User, wanted: WantedMail) -> Mailer:
        """What is entered as it would send, and nothing kept. Raises BadInput, Forbidden."""
        user.require(Action.SETTINGS_CHANGE)
        choice, password = await self._checked(wanted)
        mailer = _mailer(choice, password) if choice.host else mailer_of(self._environment)
        if mailer is None:
            raise BadInput("No mail server is set, so there is nothing to test.")
        return mailer

    async def save(self, user: User, wanted: WantedMail, *, address: str = "") -> MailChoice:
        """Send through this, in every process within seconds. Raises BadInput, Forbidden."""
        user.require(Action.SETTINGS_CHANGE)
        before = await self.load()
        choice, _ = await self._checked(wanted)
        if choice.host and wanted.password:
            choice = replace(choice, sealed_password=self._kept.close(wanted.password))
        await self._kept.write(
            user,
            {
                "host": choice.host,
                "port": choice.port,
                "user": choice.user,
                "sender": choice.sender,
            },
            sealed=choice.sealed_password,
        )
        await self._audit.record(
            "settings.mail",
            who=user.email,
            address=address,
            before=_told(before),
            after=_told(choice),
        )
        self._take(choice)
        return choice

    async def reseal(self, user: User) -> Mapping[str, int]:
        """Seal the password with the newest SECRET_KEY. Raises SecretUnreadable."""
        return await self._kept.reseal(user)

    async def run(self, *, is_alone: bool = False) -> None:
        """Follow what other processes set; do it once where there are none."""
        await follow(self.load, name="the mail server", is_alone=is_alone)

    def _server(self) -> Mailer:
        if self._mailer is None:
            raise MailFailed(self.trouble or "No mail server is set.")
        return self._mailer

    def _take(self, choice: MailChoice) -> None:
        if choice == self._current:
            return  # looked at twice a second
        self._current, self.trouble = choice, ""
        if not choice.host:
            self._mailer = mailer_of(self._environment)
            return
        try:
            self._mailer = _mailer(choice, self._opened(choice))
        except PasswordNeeded as error:
            self._mailer, self.trouble = None, error.detail

    async def _checked(self, wanted: WantedMail) -> tuple[MailChoice, str]:
        """The choice without its new password sealed, and the password it would sign in with."""
        host, user, sender = wanted.host.strip(), wanted.user.strip(), wanted.sender.strip()
        if not host:
            return MailChoice(), ""
        if not _HOST.fullmatch(host):
            raise BadInput("A mail server is named by its host alone, as smtp.example.com.")
        if not _SENDER.fullmatch(sender):
            raise BadInput("The sender is an e-mail address, as desk@example.com.")
        await self._reach(f"smtp://[{host}]" if ":" in host else f"smtp://{host}")
        choice = MailChoice(host=host, port=wanted.port, user=user, sender=sender)
        if wanted.password or not user:
            return choice, wanted.password
        # A password goes nowhere but where it was entered for.
        kept = self._current
        if not kept.sealed_password or (kept.host, kept.user) != (host, user):
            raise PasswordNeeded
        return replace(choice, sealed_password=kept.sealed_password), self._opened(kept)

    def _choice(self, document: Mapping[str, Any]) -> MailChoice:
        return MailChoice(
            host=document["host"],
            port=document["port"],
            user=document["user"],
            sender=document["sender"],
            sealed_password=self._kept.sealed_in(document),
        )

    def _opened(self, choice: MailChoice) -> str:
        if not choice.sealed_password:
            return ""
        try:
            return self._kept.open(choice.sealed_password)
        except SecretUnreadable:
            raise PasswordNeeded(
                "The mail server's password was sealed with another SECRET_KEY; enter it again."
            ) from None


def _mailer(choice: MailChoice, password: str) -> Mailer:
    return Mailer(
        host=choice.host,
        port=choice.port,
        sender=choice.sender,
        user=choice.user,
        password=password,
    )


def _told(choice: MailChoice) -> Mapping[str, Any]:
    """For the audit: that there is a password, not which."""
    return {
        "host": choice.host,
        "port": choice.port if choice.host else "",
        "user": choice.user,
        "sender": choice.sender,
        "has key": bool(choice.sealed_password),
    }
