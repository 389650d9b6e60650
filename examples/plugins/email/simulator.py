"""A mail service on local ports: the IMAP server pymap and the SMTP server aiosmtpd."""

from __future__ import annotations

import asyncio
import email
import email.policy
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import DictBackend
from pymap.imap import IMAPServer, IMAPService
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials.flag import Seen
from pysasl.hashing import BuiltinHash

from core.domain.messages import Address
from core.sdk.channel import Channel
from core.sdk.testing.vendor import Arrived, Fault, Written

from .letters import thread_of

USER, PASSWORD = "desk@example.com", "the-right-password"


class EmailServer:
    """Keeps `core.sdk.testing.vendor.VendorSimulator`."""

    def __init__(self) -> None:
        self._backend: DictBackend | None = None
        self._config: Any = None
        self._servers: list[asyncio.Server] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._transports: set[asyncio.BaseTransport] = set()
        self._imap_port = self._smtp_port = 0
        self._faults: list[Fault] = []
        self.letters: list[EmailMessage] = []  #: what customers got

    async def start(self) -> None:
        """Begin to listen on both ports, with the mailbox as it was."""
        if self._backend is None:
            parser = ArgumentParser()
            parsers = parser.add_subparsers()
            DictBackend.add_subparser("dict", parsers)
            IMAPService.add_arguments(parser)
            arguments = parser.parse_args(
                ["--no-tls", "dict", "--demo-user", USER, "--demo-password", PASSWORD]
            )
            arguments.debug, arguments.passlib_cfg = False, None
            self._backend, self._config = await DictBackend.init(
                arguments, invalid_user_sleep=0.0, hash_context=BuiltinHash(rounds=1)
            )
        self._config.apply_context()
        imap = IMAPServer(self._backend.login, self._config)
        reader = ProxyProtocolReader(self._config.proxy_protocol)
        serve = reader.get_callback(imap)

        async def connected(read: asyncio.StreamReader, write: asyncio.StreamWriter) -> None:
            self._writers.add(write)
            with suppress(ConnectionError, asyncio.CancelledError):
                await serve(read, write)
            self._writers.discard(write)

        imap_server = await asyncio.start_server(connected, "127.0.0.1", self._imap_port)
        self._imap_port = imap_server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        smtp_server = await loop.create_server(self._smtp, "127.0.0.1", self._smtp_port)
        self._smtp_port = smtp_server.sockets[0].getsockname()[1]
        self._servers = [imap_server, smtp_server]

    async def stop(self) -> None:
        """Be down, with every connection cut."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        for transport in list(self._transports):
            transport.close()
        self._transports.clear()
        await asyncio.sleep(0.05)

    def settings(self) -> Mapping[str, Any]:
        """How the channel is set up for us."""
        return {
            "address": USER,
            "password": PASSWORD,
            "imap_host": "127.0.0.1",
            "imap_port": self._imap_port,
            "imap_tls": False,
            "smtp_host": "127.0.0.1",
            "smtp_port": self._smtp_port,
            "smtp_security": "none",
            "poll_seconds": 0.2,
        }

    def wrong_settings(self) -> Mapping[str, Any]:
        """A password that is not ours."""
        return {**self.settings(), "password": "a-wrong-password"}

    def address(self, customer: str) -> Address:
        """Where this customer's one thread is."""
        return Address(
            channel="email", account=USER, chat=_mail(customer), thread=thread_of(_root(customer))
        )

    async def write(self, channel: Channel, written: Written) -> int:
        """Put a letter into the mailbox; 200 once it has been taken."""
        del channel  # it fetches by itself
        return await self.deliver(self.letter(written))

    async def write_file(
        self, channel: Channel, written: Written, *, name: str, content: bytes
    ) -> int:
        """The same, with a file attached."""
        del channel
        letter = self.letter(written)
        letter.add_attachment(content, maintype="application", subtype="pdf", filename=name)
        return await self.deliver(letter)

    async def forge(self, channel: Channel, written: Written) -> int:
        """There is no door."""
        raise NotImplementedError

    def fail(self, fault: Fault, *, times: int = 1) -> None:
        """The next letters go wrong."""
        self._faults += [fault] * times

    def arrived(self) -> Sequence[Arrived]:
        """Every letter, as text."""
        return [
            Arrived(
                customer=str(letter["To"]).partition("@")[0],
                text=_plain(letter),
            )
            for letter in self.letters
        ]

    def letter(self, written: Written) -> EmailMessage:
        """What a customer's mail program sends."""
        letter = EmailMessage(policy=email.policy.SMTP)
        letter["From"] = f"A Customer <{_mail(written.customer)}>"
        letter["To"] = USER
        letter["Subject"] = "Re: My order"
        letter["Message-ID"] = f"<{written.event_id}@customer.example>"
        letter["References"] = _root(written.customer)
        if written.unknown_fields:
            letter["X-New-In-2031"] = "deep; [1, null]"
        letter.set_content(written.text)
        return letter

    async def deliver(self, letter: EmailMessage | bytes, *, within: float = 3.0) -> int:
        """Put it into the mailbox; 200 once it is marked read, 503 when it is left there."""
        raw = letter if isinstance(letter, bytes) else letter.as_bytes()
        mailbox = await self._inbox()
        added = await mailbox.append(AppendMessage(raw))
        for _ in range(int(within / 0.05)):
            await asyncio.sleep(0.05)
            async for message in mailbox.messages():
                if message.uid == added.uid and Seen in message.permanent_flags:
                    return 200
        return 503

    async def _inbox(self) -> Any:
        assert self._backend is not None
        async with self._backend.login.demo_user_identity.new_session() as session:
            return await session.mailbox_set.get_mailbox("INBOX")

    def _smtp(self) -> SMTP:
        server = SMTP(
            self,
            authenticator=self._authenticated,
            auth_required=True,
            auth_require_tls=False,
            enable_SMTPUTF8=True,
            data_size_limit=None,
            loop=asyncio.get_running_loop(),
        )
        made = server.connection_made

        def connection_made(transport: asyncio.BaseTransport) -> None:
            self._transports.add(transport)
            made(transport)

        server.connection_made = connection_made  # type: ignore[method-assign]
        return server

    def _authenticated(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, data: object
    ) -> AuthResult:
        withdrawn = bool(self._faults) and self._faults[0] is Fault.UNAUTHORIZED
        if withdrawn:
            self._faults.pop(0)
        right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
        return AuthResult(success=right and not withdrawn, handled=False)

    async def handle_DATA(  # noqa: N802 (aiosmtpd calls it so)
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take a letter for a customer."""
        fault = self._faults.pop(0) if self._faults else None
        if fault is Fault.RATE_LIMITED:
            return "452 4.7.1 Too much mail, try again later"
        if fault is Fault.SERVER_ERROR:
            return "451 4.3.0 Local error in processing"
        if fault is Fault.REFUSED:
            return "550 5.1.1 No such user here"
        content = envelope.original_content or b""
        letter = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        if fault is Fault.NO_ANSWER:
            assert server.transport is not None
            server.transport.close()
        if fault is Fault.SLOW:
            await asyncio.sleep(1.0)
        return "250 2.0.0 Accepted"


def _mail(customer: str) -> str:
    return f"{customer}@customer.example"


def _root(customer: str) -> str:
    return f"<first-{customer}@customer.example>"


def _plain(letter: EmailMessage) -> str:
    part = letter.get_body(preferencelist=("plain",))
    return str(part.get_content()) if part is not None else ""
