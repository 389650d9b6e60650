"""Marks messages in work, so that one that crashes the process is not retried for ever.

A mark is a few bytes written into a shared mapping of a file: no system call and no sync, under a
microsecond. What a process has written there is the kernel's the moment it is written, so it
outlives a `kill -9`. It need not outlive the machine: no message takes a machine down.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

SLOTS = 1024  #: things that may be under way at once; more are not marked
WIDTH = 80  #: bytes a mark
MOST = 1000  #: things whose deaths are remembered; the oldest are forgotten first
ENOUGH = 2  #: deaths after which something is left alone


class CrashMarks:
    """Marks of work in progress, and how often the process has died of it.

    Without a file nothing is remembered. `open` once, before the first mark.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._counts = file.with_suffix(".json") if file else None
        self._map: mmap.mmap | None = None
        self._free: list[int] = []
        self._deaths: dict[str, int] = {}

    def open(self) -> None:
        """Count what the last process left as a death of it. Raises OSError."""
        if self._file is None or self._counts is None:
            return
        with contextlib.suppress(OSError, ValueError):
            told = json.loads(self._counts.read_text(encoding="ascii"))
            self._deaths = {str(key): int(count) for key, count in told.items()}
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, SLOTS * WIDTH)
            self._map = mmap.mmap(descriptor, SLOTS * WIDTH)
        finally:
            os.close(descriptor)
        left = {key for slot in range(SLOTS) if (key := self._read(slot))}
        for key in left:
            self._deaths[key] = self._deaths.pop(key, 0) + 1
        if left:
            log.warning("the last process died over %d pieces of work", len(left))
            self._deaths = dict(list(self._deaths.items())[-MOST:])
            self._write_counts()
        self._map[:] = bytes(SLOTS * WIDTH)
        self._free = list(range(SLOTS))

    def close(self) -> None:
        """Let go of the file; safe twice."""
        if self._map is not None:
            self._map.close()
            self._map = None

    def died_of(self, key: str) -> bool:
        """Whether the process has died often enough while it worked on this."""
        return bool(self._deaths) and self._deaths.get(_short(key), 0) >= ENOUGH

    @contextlib.contextmanager
    def working_on(self, key: str) -> Iterator[None]:
        """It is being worked on until we leave, by whatever way but death."""
        if self._map is None or not self._free:
            yield
            return
        short, slot = _short(key), self._free.pop()
        begin = slot * WIDTH
        self._map[begin : begin + WIDTH] = short.encode().ljust(WIDTH, b"\0")
        try:
            yield
        finally:
            if self._map is not None:
                self._map[begin : begin + WIDTH] = bytes(WIDTH)
            self._free.append(slot)
            if self._deaths and 0 < self._deaths.get(short, 0) < ENOUGH:
                # It can be done after all. What was held twice stays known.
                del self._deaths[short]
                self._write_counts()

    def _read(self, slot: int) -> str:
        assert self._map is not None
        raw = self._map[slot * WIDTH : (slot + 1) * WIDTH].rstrip(b"\0")
        # A mark half written is no name of anything.
        return raw.decode("ascii", "ignore") if raw else ""

    def _write_counts(self) -> None:
        assert self._counts is not None
        draft = self._counts.with_suffix(".new")
        draft.write_text(json.dumps(self._deaths), encoding="ascii")
        draft.replace(self._counts)


def _short(key: str) -> str:
    if len(key) < WIDTH and key.isascii():
        return key
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
