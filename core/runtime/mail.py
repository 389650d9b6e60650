"""Sends mail through the operator's SMTP server."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol, TypeVar

from config.sections import MailSettings
from core.errors import ContactCenterError
from core.runtime.ip_addresses import address_of

T = TypeVar("T")

TIMEOUT = 20.0
IMPLICIT_TLS = 465


class MailFailed(ContactCenterError):
    """The mail server did not take the message."""


class Outgoing(Protocol):
    """Mail as its users see it: whether it can be sent may change while they live."""

    @property
    def is_set(self) -> bool:
        """Whether mail can be sent."""
        ...

    @property
    def sender(self) -> str:
        """From whom it comes."""
        ...

    async def send(self, to: str, *, subject: str, text: str) -> None:
        """Hand the message to the server. Raises MailFailed."""
        ...

    async def deliver(self, message: EmailMessage) -> None:
        """Hand over a message that says to whom, from whom and what. Raises MailFailed."""
        ...


def mailer_of(mail: MailSettings) -> Mailer | None:
    """How the settings want mail to be sent; None where there is no server."""
    if not mail.smtp_host:
        return None
    return Mailer(
        host=mail.smtp_host,
        port=mail.smtp_port,
        sender=mail.smtp_from or mail.smtp_user or "desk@localhost",
        user=mail.smtp_user or "",
        password=mail.smtp_password or "",
    )


def is_loopback(ip: str) -> bool:
    """Whether the address is this machine's own."""
    address = address_of(ip)
    return address is not None and address.is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailer:
    """Sends by SMTP, encrypted: from the start on port 465, else by STARTTLS before anything else.

    A server that offers no encryption gets nothing, or whoever stands between us could take its
    offer away and read sign-in links; only on this machine's own loopback it may do without.
    """

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""
    is_near: Callable[[str], bool] = is_loopback  #: of the address that really answers

    @property
    def is_set(self) -> bool:
        """Whether mail can be sent: through this server, yes."""
        return True

    async def send(self, to: str, *, subject: str, text: str) -> None:
        """Hand the message to the server. Raises MailFailed."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        await self.deliver(message)

    async def deliver(self, message: EmailMessage) -> None:
        """Hand over a message that says to whom, from whom and what. Raises MailFailed."""
        await self._on_line(lambda server: server.send_message(message))

    async def check(self) -> str:
        """Connect and sign in as for a message; how it went. Raises MailFailed."""
        return await self._on_line(
            lambda server: "encrypted" if _is_encrypted(server) else "on this machine, in the clear"
        )

    async def _on_line(self, work: Callable[[smtplib.SMTP], T]) -> T:
        try:
            return await asyncio.to_thread(self._connected, work)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise MailFailed(f"The mail server did not take it: {error}") from error

    def _connected(self, work: Callable[[smtplib.SMTP], T]) -> T:
        secure = ssl.create_default_context()
        server: smtplib.SMTP
        if self.port == IMPLICIT_TLS:
            server = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=secure)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        with server:
            if not _is_encrypted(server):
                server.ehlo_or_helo_if_needed()
                if server.has_extn("starttls"):
                    server.starttls(context=secure)
                elif not self.is_near(_peer(server)):
                    raise MailFailed(
                        "The mail server offers no encryption (STARTTLS); nothing was sent to it."
                    )
            if self.user:
                server.login(self.user, self.password)
            return work(server)


def _is_encrypted(server: smtplib.SMTP) -> bool:
    return isinstance(server.sock, ssl.SSLSocket)


def _peer(server: smtplib.SMTP) -> str:
    return str(server.sock.getpeername()[0]) if server.sock is not None else ""
