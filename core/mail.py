"""Mail, one at a time, by the operator's own server."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage

from core.errors import ContactCenterError

TIMEOUT = 20.0
IMPLICIT_TLS = 465


class MailFailed(ContactCenterError):
    """The mail server did not take the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailer:
    """Sends by SMTP: encrypted from the start on port 465, else as soon as the server offers it."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""

    async def send(self, to: str, *, subject: str, text: str) -> None:
        """Hand the message to the server. Raises MailFailed."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        await self.deliver(message)

    async def deliver(self, message: EmailMessage) -> None:
        """Hand over a message that says to whom, from whom and what. Raises MailFailed."""
        try:
            await asyncio.to_thread(self._send, message)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise MailFailed(f"The mail server did not take it: {error}") from error

    def _send(self, message: EmailMessage) -> None:
        secure = ssl.create_default_context()
        server: smtplib.SMTP
        if self.port == IMPLICIT_TLS:
            server = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=secure)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        with server:
            if self.port != IMPLICIT_TLS and server.ehlo()[0] and server.has_extn("starttls"):
                server.starttls(context=secure)
            if self.user:
                server.login(self.user, self.password)
            server.send_message(message)
