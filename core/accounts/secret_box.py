"""Encrypts secrets of plugins, sources and the model in the store, under keys from SECRET_KEY."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import ContactCenterError


class SecretUnreadable(ContactCenterError):
    """The stored secrets were sealed with another SECRET_KEY; enter them again."""


class SecretBox:
    """Seals with the first key and opens with any: old keys stay readable after a change."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys or not all(keys):
            raise ValueError("a seal needs at least one key")
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in keys])

    def close(self, owner: str, name: str, value: str) -> str:
        """The value sealed for this setting of this plugin or source; useless anywhere else."""
        plain = json.dumps([owner, name, value])
        return self._fernet.encrypt(plain.encode()).decode("ascii")

    def open(self, owner: str, name: str, sealed: str) -> str:
        """The value again. Raises SecretUnreadable for a foreign key or a value moved elsewhere."""
        try:
            found = json.loads(self._fernet.decrypt(sealed.encode("ascii")))
        except (InvalidToken, UnicodeEncodeError) as error:
            raise SecretUnreadable from error
        if found[:2] != [owner, name]:
            raise SecretUnreadable
        return str(found[2])

    def anew(self, owner: str, sealed: Mapping[str, str]) -> dict[str, str]:
        """The same secrets, sealed with the first key. Raises SecretUnreadable that names whose."""
        try:
            return {
                name: self.close(owner, name, self.open(owner, name, value))
                for name, value in sealed.items()
            }
        except SecretUnreadable as error:
            raise SecretUnreadable(f"{owner}: {error.detail}") from error


def _derive(key: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"plugin settings")
    return base64.urlsafe_b64encode(derived.derive(key.encode()))
