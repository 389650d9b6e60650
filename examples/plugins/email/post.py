"""Hands one letter to the SMTP server, and says honestly how far it came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage

import aiosmtplib

from core.errors import (
    ChannelAuthFailed,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
)

SECONDS = 20.0
BUSY_PAUSE = 60.0  #: a server that says "later" (4xx) means minutes, and greylisting needs one


class Post:
    """A connection a letter: servers close idle ones, and letters are few."""

    def __init__(self, *, host: str, port: int, security: str, user: str, password: str) -> None:
        self._host = host
        self._port = port
        self._security = security
        self._user = user
        self._password = password

    async def check(self) -> None:
        """Sign in and out. Raises ChannelNotReady, ChannelAuthFailed."""
        async with self._connected():
            pass

    async def send(self, letter: EmailMessage, *, sender: str, recipient: str) -> None:
        """Returns once the server has taken it. Raises the errors of `Channel.send`."""
        try:
            async with self._connected() as smtp:
                await self._hand_over(smtp, letter, sender=sender, recipient=recipient)
        except ChannelNotReady as error:
            raise DeliveryDeferred(error.detail) from error

    async def _hand_over(
        self, smtp: aiosmtplib.SMTP, letter: EmailMessage, *, sender: str, recipient: str
    ) -> None:
        try:
            await smtp.mail(sender)
            await smtp.rcpt(recipient)
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            raise DeliveryDeferred(f"The SMTP server broke off: {error}") from error
        try:
            await smtp.data(letter.as_bytes())
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise DeliveryUnknown("The SMTP server got the letter and never said so.") from error

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        smtp = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",
            timeout=SECONDS,
        )
        try:
            await smtp.connect()
            if self._password:
                await smtp.login(self._user, self._password)
        except aiosmtplib.SMTPAuthenticationError as error:
            smtp.close()
            raise ChannelAuthFailed(
                "The SMTP server refuses the user name or the password."
            ) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            smtp.close()
            raise ChannelNotReady(f"The SMTP server cannot be reached: {error}") from error
        try:
            yield smtp
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await smtp.quit()
        finally:
            smtp.close()


def _refused(error: aiosmtplib.SMTPResponseException) -> Exception:
    code = str(error.code)
    said = " ".join(str(error.message).split())[:300]
    if error.code in (530, 535):
        return ChannelAuthFailed(f"The SMTP server refuses our credentials: {said}")
    if 400 <= error.code < 500:
        return DeliveryDeferred(f"The SMTP server asks us to wait: {said}", retry_after=BUSY_PAUSE)
    return DeliveryFailed(f"The mail server refused it: {said}", code=code)
