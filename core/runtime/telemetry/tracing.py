"""Follows a message through its stages; nothing happens, and nothing is paid, without a tracer.

The trace of a message follows from its conversation and number, so that the processes which take
it in, answer and deliver it write one trace without telling each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

Value = str | int | float | bool


@dataclass(frozen=True)
class Traced:
    """The message that is worked on: its conversation, and its number there."""

    conversation_id: str
    seq: int

    @cached_property
    def _digest(self) -> bytes:
        named = f"{self.conversation_id}:{self.seq}".encode()
        return hashlib.blake2b(named, digest_size=24, person=b"trace").digest()

    @property
    def trace_id(self) -> int:
        """128 bits, never 0."""
        return int.from_bytes(self._digest[:16]) or 1

    @property
    def span_id(self) -> int:
        """64 bits, never 0: of the span that all others hang below."""
        return int.from_bytes(self._digest[16:]) or 1


class Span(Protocol):
    """A stage under way."""

    def note(self, **values: Value) -> None:
        """Say something about it, under our names or those of `telemetry.otlp.NAMES`."""
        ...

    def text(self, **texts: str) -> None:
        """The same for what people wrote, which is kept only where the operator asks for it."""
        ...


class Tracer(Protocol):
    """The port to whoever keeps spans."""

    def stage(
        self, name: str, about: Traced, values: Mapping[str, Value], *, seconds: float | None
    ) -> AbstractContextManager[Span]:
        """A span that lasts as long as the context, or began `seconds` before now."""
        ...


class _NoSpan:
    """A stage that nobody follows; one for all, because it holds nothing."""

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def note(self, **values: Value) -> None:
        """Keep nothing."""

    def text(self, **texts: str) -> None:
        """Keep nothing."""


_NO_SPAN = _NoSpan()
_NOBODY = nullcontext()
_about: ContextVar[Traced | None] = ContextVar("traced", default=None)
_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Give every span of this process to this tracer from now on; None: keep none."""
    global _tracer
    _tracer = tracer


def about(conversation_id: str, seq: int) -> AbstractContextManager[None]:
    """Everything inside, and in tasks begun inside, is done for this message."""
    return _NOBODY if _tracer is None else _following(Traced(conversation_id, seq))


@contextmanager
def _following(traced: Traced) -> Iterator[None]:
    token = _about.set(traced)
    try:
        yield
    finally:
        _about.reset(token)


def stage(
    name: str, *, seconds: float | None = None, **values: Value
) -> AbstractContextManager[Span]:
    """A span of the message that is worked on, until the context ends.

    With `seconds` it began so long before now: for what is known to be of a message only
    afterwards.
    """
    traced = _about.get()
    if _tracer is None or traced is None:
        return _NO_SPAN
    return _tracer.stage(name, traced, values, seconds=seconds)


def passed(name: str, seconds: float, **values: Value) -> None:
    """A span that ends now, after so many seconds."""
    with stage(name, seconds=seconds, **values):
        pass


def trace_id() -> str:
    """The trace of what is done now, as 32 hexadecimal digits; "" without one."""
    traced = _about.get()
    return "" if traced is None else f"{traced.trace_id:032x}"
