"""Imports heavy modules on a thread, with the garbage collector at rest."""

from __future__ import annotations

import asyncio
import gc
import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

RARELY = 1_000_000  #: younger collections before a full one; in effect never during an import

_lock = threading.Lock()
_resting = 0
_usual = gc.get_threshold()


async def import_aside(name: str) -> ModuleType:
    """The module, imported on a thread while the collector rests; raises what its import does."""
    with collector_rests():
        return await asyncio.to_thread(importlib.import_module, name)


@contextmanager
def collector_rests() -> Iterator[None]:
    """No full garbage collection inside; modules imported inside are not looked at afterwards.

    A vendor's SDK makes a million objects that all stay. Full collections on the way find nothing
    and hold every thread for 100 ms each, which is what a customer then waits for an answer.
    May be entered on several threads at once; the last to leave sets the collector to work again.
    """
    global _resting, _usual
    known = len(sys.modules)
    with _lock:
        if not _resting:
            _usual = gc.get_threshold()
            gc.set_threshold(_usual[0], _usual[1], RARELY)
        _resting += 1
    try:
        yield
    finally:
        with _lock:
            _resting -= 1
            if not _resting:
                gc.set_threshold(*_usual)
            if len(sys.modules) > known:
                gc.freeze()
