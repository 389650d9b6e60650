"""Encrypts a stream of any length with a passphrase, so that nothing of it can be changed or cut.

The file begins with a line that says what it is. Then come blocks, each sealed by AES-256-GCM under
a key of this file's own (scrypt over the passphrase and a random salt); a block's nonce holds its
number and whether it is the last one, so that blocks cannot be swapped, left out or cut off.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from core.errors import BadInput

MAGIC = b"contact-center-os backup, encrypted, 1\n"
BLOCK_BYTES = 1 << 20
SALT_BYTES = 16
TAG_BYTES = 16
COST = 1 << 15  #: of scrypt: 0.1 s and 32 MB, once for a file

_NONCE = struct.Struct(">xxxQ?")  # twelve bytes: number of the block, whether it is the last


class WrongKey(BadInput):
    """This backup is encrypted with another key, or it was changed."""


class SealingWriter:
    """A file to write to, whose blocks are sealed; `close` seals the last one."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        salt = os.urandom(SALT_BYTES)
        file.write(MAGIC + salt)
        self._file = file
        self._cipher = _cipher(passphrase, salt)
        self._waiting = bytearray()
        self._number = 0

    def write(self, data: bytes) -> int:
        """Take these bytes; whole blocks go to the file at once."""
        self._waiting += data
        # A full block waits for what follows, as it might be the last one.
        while len(self._waiting) > BLOCK_BYTES:
            self._seal(bytes(self._waiting[:BLOCK_BYTES]), last=False)
            del self._waiting[:BLOCK_BYTES]
        return len(data)

    def flush(self) -> None:
        """Nothing: blocks are written when they are full."""

    def close(self) -> None:
        """Seal what is left; the file itself stays open."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, block: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_NONCE.pack(self._number, last), block, None))
        self._number += 1


class SealedReader:
    """Reads what `SealingWriter` wrote. Raises WrongKey at the first read that shows it."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        """`file` stands behind `MAGIC`."""
        self._file = file
        self._cipher = _cipher(passphrase, file.read(SALT_BYTES))
        self._ahead = file.read(BLOCK_BYTES + TAG_BYTES)
        self._open = bytearray()
        self._number = 0
        self._is_over = False

    def read(self, size: int = -1) -> bytes:
        """As of a file: fewer bytes than asked for only at the end."""
        while not self._is_over and (size < 0 or len(self._open) < size):
            block, self._ahead = self._ahead, self._file.read(BLOCK_BYTES + TAG_BYTES)
            self._is_over = not self._ahead
            try:
                nonce = _NONCE.pack(self._number, self._is_over)
                self._open += self._cipher.decrypt(nonce, block, None)
            except InvalidTag as error:
                raise WrongKey from error
            self._number += 1
        size = len(self._open) if size < 0 else size
        wanted = bytes(self._open[:size])
        del self._open[:size]
        return wanted


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    key = Scrypt(salt=salt, length=32, n=COST, r=8, p=1).derive(passphrase.encode())
    return AESGCM(key)
