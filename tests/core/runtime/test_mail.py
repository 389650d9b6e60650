"""Mail goes out encrypted or not at all; only this machine's own server may do without."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.runtime.mail import Mailer, MailFailed, is_loopback

SECRET = "the link that signs in"


class Post:
    """A mail server that says what a test wants, and keeps every line it hears."""

    def __init__(
        self, *, offers: bool, tls: ssl.SSLContext | None = None, ehlo: bool = True
    ) -> None:
        self.offers, self.tls, self.ehlo = offers, tls, ehlo
        self.heard: list[tuple[bool, str]] = []  #: whether it came encrypted, and the line
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hidden = False

        def say(*lines: str) -> None:
            writer.write("".join(f"{line}\r\n" for line in lines).encode())

        say("220 ready")
        while line := (await reader.readline()).decode().strip():
            self.heard.append((hidden, line))
            match line.split()[0].upper():
                case "EHLO" if self.ehlo:
                    more = ["250-STARTTLS"] if self.offers and not hidden else []
                    say("250-post", *more, "250-AUTH PLAIN", "250 SIZE 1000000")
                case "EHLO":
                    say("502 what?")
                case "STARTTLS" if self.tls is None:
                    say("454 not now")
                case "STARTTLS":
                    say("220 go on")
                    await writer.drain()
                    assert self.tls is not None
                    await writer.start_tls(self.tls)
                    hidden = True
                case "DATA":
                    say("354 go on")
                    while (text := (await reader.readline()).decode()) != ".\r\n":
                        self.heard.append((hidden, text.strip()))
                    say("250 thank you")
                case "AUTH":
                    say("235 yes")
                case "QUIT":
                    say("221 bye")
                    break
                case _:
                    say("250 yes")
        writer.close()


@asynccontextmanager
async def posting(post: Post) -> AsyncIterator[Post]:
    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await post.serve(reader, writer)
        except (OSError, ssl.SSLError):
            writer.close()  # the client has hung up, as it should

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    post.port = server.sockets[0].getsockname()[1]
    async with server:
        yield post


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """An authority of our own and a server it vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "post")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )  # fmt: skip
    file, secret = folder / "post.pem", folder / "post.key"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file, secret)
    return file, tls


def mailer(post: Post, *, near: bool) -> Mailer:
    return Mailer(
        host="127.0.0.1", port=post.port, sender="desk@example.com", user="desk",
        password="hunter2", is_near=lambda ip: near and is_loopback(ip),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("offers", "ehlo"), [(False, True), (True, True), (False, False)],
    ids=["takes the offer away", "refuses after offering", "knows no EHLO"],
)  # fmt: skip
async def test_off_this_machine_nothing_is_said_in_the_clear(*, offers: bool, ehlo: bool) -> None:
    async with posting(Post(offers=offers, ehlo=ehlo)) as post:
        with pytest.raises(MailFailed):
            await mailer(post, near=False).send("mina@example.com", subject="x", text=SECRET)
        with pytest.raises(MailFailed):
            await mailer(post, near=False).check()
    said = {line.split()[0].upper() for _, line in post.heard}
    assert said <= {"EHLO", "HELO", "STARTTLS", "QUIT"}


async def test_what_offers_encryption_has_to_keep_it_on_this_machine_too() -> None:
    async with posting(Post(offers=True)) as post:
        with pytest.raises(MailFailed):
            await mailer(post, near=True).send("mina@example.com", subject="x", text=SECRET)
    assert SECRET not in str(post.heard)


async def test_encrypted_by_a_server_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, tls = certificate(tmp_path)
    async with posting(Post(offers=True, tls=tls)) as post:
        with pytest.raises(MailFailed):  # nobody vouches for it yet
            await mailer(post, near=False).send("mina@example.com", subject="x", text=SECRET)
        assert SECRET not in str(post.heard)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        await mailer(post, near=False).send("mina@example.com", subject="x", text=SECRET)
        assert await mailer(post, near=False).check() == "encrypted"
    clear = {line.split()[0].upper() for hidden, line in post.heard if not hidden and line}
    assert clear == {"EHLO", "STARTTLS"}
    assert (True, SECRET) in post.heard


async def test_this_machines_own_server_may_do_without() -> None:
    async with posting(Post(offers=False)) as post:
        await mailer(post, near=True).send("mina@example.com", subject="x", text=SECRET)
        assert "in the clear" in await mailer(post, near=True).check()
    assert (False, SECRET) in post.heard


@pytest.mark.parametrize(
    ("ip", "near"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False), ("192.0.2.1", False), ("2002:7f00:1::", False), ("", False),
        ("localhost", False),
    ],
)  # fmt: skip
def test_what_is_this_machine(ip: str, *, near: bool) -> None:
    assert is_loopback(ip) is near
