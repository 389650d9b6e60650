"""The visitor's token: a signature that opens one conversation."""

from __future__ import annotations

import base64
import hashlib
import hmac


class VisitorTokens:
    """Makes and checks tokens; nothing is stored, so a token lives as long as the secret.

    What was signed by the key before this one still opens, as long as that key is given.
    """

    def __init__(self, *, secret_key: str, previous_key: str = "") -> None:
        keys = filter(None, (secret_key, previous_key))
        self._keys = [hmac.digest(key.encode(), b"visitor token", "sha256") for key in keys]

    def issue(self, conversation_id: str) -> str:
        """The token that opens this conversation; the id must not contain a dot."""
        return f"{conversation_id}.{_signature(self._keys[0], conversation_id)}"

    def opens(self, token: str) -> str:
        """Id of the conversation this token opens, "" when it is not one of ours."""
        conversation_id, dot, signature = token.partition(".")
        if not dot or not token.isascii() or len(token) > 200:
            return ""
        known = [_signature(key, conversation_id) for key in self._keys]
        if any(hmac.compare_digest(signature, one) for one in known):
            return conversation_id
        return ""


def _signature(key: bytes, conversation_id: str) -> str:
    digest = hmac.digest(key, conversation_id.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:24]).decode()
