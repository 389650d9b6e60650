"""Authentication of the embedded server: by password, and by certificate before it has one.

The server takes its first user from anybody who can connect, as long as it asks nobody for a
password. So while it asks for none it asks for a certificate instead, made for that one start,
whose key lies in a directory of ours that nobody else may read.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from core.errors import SetupError

if TYPE_CHECKING:
    from pymongo import AsyncMongoClient

USER = "desk"
USER_SECONDS = 5.0  #: for the server to take its user; longer, and somebody stands in the door
#: It syncs every commit by itself (`--sync-on-commit`); to be asked for it would sync twice.
DIRECT = "directConnection=true&journal=false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The flags of a server that asks for credentials, and an address that holds them."""

    flags: tuple[str, ...]  #: for the server
    options: str  #: for the address of whoever comes in
    user: str = ""  #: "name:password"

    def uri(self, port: int) -> str:
        """How to connect; secret where it holds the password."""
        who = f"{self.user}@" if self.user else ""
        return f"mongodb://{who}127.0.0.1:{port}/?{self.options}"


def by_password(password: str) -> Credentials:
    """Everybody has to say the password."""
    return Credentials(
        flags=("--auth",), options=f"authSource=admin&{DIRECT}", user=f"{USER}:{password}"
    )


def by_certificate(folder: Path) -> Credentials:
    """Only who has the certificate that is made in this folder now comes in."""
    # Imported here, because only a first start and an erasure need it.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "one start")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    theirs, ours = folder / "certificate.pem", folder / "both.pem"
    for file, content in ((theirs, public), (ours, private + public)):
        file.touch(mode=0o600)
        file.write_bytes(content)
    return Credentials(
        flags=(
            "--tls-cert-file", str(theirs), "--tls-key-file", str(ours),
            "--tls-ca-file", str(theirs), "--tls-require-client-cert",
        ),
        options=f"{DIRECT}&tls=true&tlsCAFile={quote(str(theirs), safe='')}"
        f"&tlsCertificateKeyFile={quote(str(ours), safe='')}",
    )  # fmt: skip


async def make_user(uri: str, password: str) -> None:
    """The server's one user has this password. Raises SetupError."""
    from pymongo.errors import OperationFailure, PyMongoError

    client = _client(uri)
    roles = [{"role": "root", "db": "admin"}]
    try:
        try:
            await client.admin.command("createUser", USER, pwd=password, roles=roles)
        except OperationFailure:
            await client.admin.command("updateUser", USER, pwd=password, roles=roles)
    except PyMongoError as error:
        raise SetupError(f"The embedded database takes no user: {error}") from error
    finally:
        await client.close()


async def strangers(uri: str, *, remove: bool = False) -> list[str]:
    """The users of the server that are not ours, as "name (database)". Raises SetupError."""
    from pymongo.errors import OperationFailure, PyMongoError

    client = _client(uri)
    try:
        users = await client.admin["system.users"].find({}, {"user": 1, "db": 1}).to_list()
        foreign = [(str(u["db"]), str(u["user"])) for u in users]
        foreign = sorted(one for one in foreign if one != ("admin", USER))
        if remove:
            for database, user in foreign:
                await client[database].command("dropUser", user)
    except OperationFailure as error:
        raise SetupError(
            f"The embedded database does not let us in by store.password: {_first_line(error)}"
        ) from error
    except PyMongoError as error:
        raise SetupError(f"The embedded database does not answer: {_first_line(error)}") from error
    finally:
        await client.close()
    return [f"{user} ({database})" for database, user in foreign]


def _client(uri: str) -> AsyncMongoClient[dict[str, Any]]:
    # Imported here, so that a launch waits for nothing.
    from pymongo import AsyncMongoClient

    milliseconds = int(USER_SECONDS * 1000)
    return AsyncMongoClient(
        uri, serverSelectionTimeoutMS=milliseconds, connectTimeoutMS=milliseconds
    )


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].split(", full error:", 1)[0]
