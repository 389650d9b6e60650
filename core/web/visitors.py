"""The visitor's token: a signature that opens one conversation and says nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac

COOKIE = "visitor"


class VisitorTokens:
    """Makes and checks tokens; nothing is stored, so a token lives as long as the secret."""

    def __init__(self, *, secret_key: str) -> None:
        self._key = hmac.digest(secret_key.encode(), b"visitor token", "sha256")

    def issue(self, conversation_id: str) -> str:
        """The token that opens this conversation; the id must not contain a dot."""
        return f"{conversation_id}.{self._signature(conversation_id)}"

    def opens(self, token: str) -> str:
        """Id of the conversation this token opens, "" when it is not one of ours."""
        conversation_id, dot, signature = token.partition(".")
        if not dot or not token.isascii() or len(token) > 200:
            return ""
        if hmac.compare_digest(signature, self._signature(conversation_id)):
            return conversation_id
        return ""

    def _signature(self, conversation_id: str) -> str:
        digest = hmac.digest(self._key, conversation_id.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:24]).decode()
