"""The room left on the disk of the data directory, and when it is too little to take more in."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.errors import DiskFull

FLOOR = 32_000_000  #: bytes; the embedded store's journal takes ten at a time, and answers go on


class DiskSpace:
    """Watches whether there is room for what customers bring.

    It is refused while there still is some: what was taken in is answered and written down to its
    end, and the store never meets a full disk in the middle of a write.
    """

    def __init__(self, path: Path, *, floor: int = FLOOR) -> None:
        self._path = path
        self._floor = floor

    def free(self) -> int:
        """Bytes that we may write; a directory that is not there yet has all it needs."""
        try:
            return shutil.disk_usage(self._path).free
        except FileNotFoundError:
            return self._floor

    def is_full(self) -> bool:
        """Whether nothing more is taken in."""
        return self.free() < self._floor

    def require(self) -> None:
        """Raises DiskFull."""
        if self.is_full():
            raise DiskFull

    async def check(self) -> None:
        """For `/readyz`. Raises DiskFull."""
        self.require()
