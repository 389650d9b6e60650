"""Random tokens, kept as hashes, and password hashing with argon2id."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import BadInput

TOKEN_PREFIX = "desk_"  # noqa: S105 - a name, so that a leaked token is recognised for what it is
PASSWORD_MIN = 12
PASSWORD_MAX = 256


def new_token(prefix: str = "") -> str:
    """256 random bits, URL-safe."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is stored of a token; a random token needs no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(
        one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape")
    )


class Passwords:
    """Hashes passwords with argon2id, two at a time: each takes 64 MB and tens of milliseconds."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turns = asyncio.Semaphore(2)
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """The password's hash. Raises BadInput when it is too short or too long."""
        if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
            raise BadInput(f"A password has {PASSWORD_MIN} to {PASSWORD_MAX} characters.")
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, stored: str, password: str) -> bool:
        """Whether it is the password; "" stands for nobody's and takes the same time."""
        async with self._turns:
            right = await asyncio.to_thread(self._verify, stored, password)
        return right and bool(stored)

    def _verify(self, stored: str, password: str) -> bool:
        # Made at the first sign-in, whosever it is: a start need not wait for it, and who came
        # first cannot be told by the time it took.
        self._nobody = self._nobody or self._hasher.hash(new_token())
        try:
            return self._hasher.verify(stored or self._nobody, password[:PASSWORD_MAX])
        except (VerificationError, InvalidHashError):
            return False
