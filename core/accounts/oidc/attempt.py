"""A sign-in that is under way at a provider, sealed: the browser keeps it, and any web opens it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sign-in under way: the values that the provider's callback has to match."""

    state: str
    nonce: str
    verifier: str
    target: str  #: where the person wanted to go
    ends_at: float  #: seconds since 1970

    def is_over(self, now: datetime) -> bool:
        """Whether the person took too long."""
        return self.ends_at <= now.timestamp()

    @property
    def ends(self) -> datetime:
        """The moment after which it is worth nothing."""
        return datetime.fromtimestamp(self.ends_at, UTC)


class AttemptSeal:
    """Seals attempts under the first key, and opens those of all: nobody else can make one."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_derived(key)) for key in keys if key])

    def close(self, attempt: Attempt) -> str:
        """As a cookie's value: at most a third more than the target, and 400 characters."""
        return self._fernet.encrypt(json.dumps(asdict(attempt)).encode()).decode("ascii")

    def open(self, sealed: str) -> Attempt | None:
        """The attempt; None for what none of our webs has sealed."""
        try:
            return Attempt(**json.loads(self._fernet.decrypt(sealed.encode("ascii"))))
        except (InvalidToken, UnicodeEncodeError):
            return None


def _derived(key: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"sign-in under way")
    return base64.urlsafe_b64encode(derived.derive(key.encode()))
