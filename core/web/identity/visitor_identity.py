"""The signature by which a company's own site says who its visitor is."""

from __future__ import annotations

import hashlib
import hmac


class VisitorIdentity:
    """Checks HMAC-SHA256 signatures, in hex, over the id that a visitor has at the company.

    The company's server signs with `secret`, which follows from our key; so nothing is stored, and
    what was signed before the key was changed still counts as long as the previous one is given.
    """

    def __init__(self, *, secret_key: str, previous_key: str = "") -> None:
        keys = filter(None, (secret_key, previous_key))
        self._secrets = [
            hmac.new(key.encode(), b"visitor identity", hashlib.sha256).hexdigest() for key in keys
        ]

    @property
    def secret(self) -> str:
        """What the company's server signs with, 64 characters; never for a browser."""
        return self._secrets[0]

    def sign(self, visitor_id: str) -> str:
        """The signature of this id."""
        return _signature(self._secrets[0], visitor_id)

    def is_signed(self, visitor_id: str, signature: str) -> bool:
        """Whether the company's server has signed this id."""
        given = signature.lower().encode()
        known = (_signature(secret, visitor_id).encode() for secret in self._secrets)
        matches = [hmac.compare_digest(given, one) for one in known]
        return any(matches)


def _signature(secret: str, visitor_id: str) -> str:
    return hmac.new(secret.encode(), visitor_id.encode(), hashlib.sha256).hexdigest()
