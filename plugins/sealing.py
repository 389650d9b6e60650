"""Keeps plugins' secrets unreadable in the store, under keys derived from SECRET_KEY."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import ContactCenterError


class SealBroken(ContactCenterError):
    """The stored secrets were sealed with another SECRET_KEY; enter them again."""


class Seal:
    """Seals with the first key and opens with any: old keys stay readable after a change."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys or not all(keys):
            raise ValueError("a seal needs at least one key")
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in keys])

    def close(self, plugin_id: str, name: str, value: str) -> str:
        """The value sealed for this setting of this plugin; useless anywhere else."""
        plain = json.dumps([plugin_id, name, value])
        return self._fernet.encrypt(plain.encode()).decode("ascii")

    def open(self, plugin_id: str, name: str, sealed: str) -> str:
        """The value again. Raises SealBroken for a foreign key or a value moved elsewhere."""
        try:
            found = json.loads(self._fernet.decrypt(sealed.encode("ascii")))
        except (InvalidToken, UnicodeEncodeError) as error:
            raise SealBroken from error
        if found[:2] != [plugin_id, name]:
            raise SealBroken
        return str(found[2])


def _derive(key: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"plugin settings")
    return base64.urlsafe_b64encode(derived.derive(key.encode()))
