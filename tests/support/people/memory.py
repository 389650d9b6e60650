"""What a living object remembers, through everything that can be reached from it."""

from __future__ import annotations

import asyncio
import gc
import types
from collections.abc import Iterator

#: Ways to everything there is: code, and whatever runs just now, the test itself included.
LEFT_OUT = (
    type, types.ModuleType, types.FrameType, types.CoroutineType, types.CodeType,
    types.GeneratorType, types.AsyncGeneratorType, asyncio.Task, asyncio.AbstractEventLoop,
    asyncio.Handle,
)  # fmt: skip


def remembering(root: object, word: str) -> list[str]:
    """Where the word stands in a text that can be reached from here: types on the way there."""
    found: list[str] = []
    seen: set[int] = set()
    waiting: list[tuple[object, tuple[str, ...]]] = [(root, ())]
    needle = word.casefold()
    while waiting:
        thing, way = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, str):
            if needle in thing.casefold():
                found.append(f"{' > '.join(way[-6:])}: {thing[:60]!r}")
        elif isinstance(thing, (bytes, bytearray)):
            if needle.encode() in bytes(thing).lower():
                found.append(f"{' > '.join(way[-6:])}: bytes")
        else:
            here = (*way, type(thing).__qualname__)
            waiting += [(other, here) for other in _within(thing)]
    return found


def _within(thing: object) -> Iterator[object]:
    if isinstance(thing, LEFT_OUT):
        return
    if isinstance(thing, types.FunctionType):
        # What it closes over is its own; its globals are a module's.
        yield from (cell for cell in thing.__closure__ or ())
        yield from thing.__defaults__ or ()
        return
    yield from gc.get_referents(thing)
