"""Converts frozen dataclasses to plain dicts, lists and scalars, and back."""

from __future__ import annotations

import enum
import functools
import operator
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def to_plain(value: Any) -> Any:
    """A frozen dataclass as dicts, lists and scalars (datetimes stay), defaults left out."""
    return _writer(value.__class__)(value)


def from_plain(cls: Any, plain: Mapping[str, Any]) -> Any:
    """A dataclass of this type from what `to_plain` made; unknown names are left aside."""
    readers = _readers(cls)
    return cls(**{name: readers[name](item) for name, item in plain.items() if name in readers})


@functools.cache
def _writer(cls: Any) -> Callable[[Any], Any]:
    """How values of this class are written; found once, because every message passes here."""
    if is_dataclass(cls):
        own = tuple((f.name, f.default) for f in fields(cls))
        # Where a class has no such field but says its kind, what is written says it too.
        kind = "" if "kind" in dict(own) else getattr(cls, "kind", "")
        return functools.partial(_write_fields, own, kind)
    if issubclass(cls, enum.Enum):
        return operator.attrgetter("value")
    if issubclass(cls, (tuple, list)):
        return lambda value: [to_plain(item) for item in value]
    if issubclass(cls, Mapping):
        return lambda value: {str(key): to_plain(item) for key, item in value.items()}
    return _same


def _write_fields(own: tuple[tuple[str, Any], ...], kind: str, value: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"kind": kind} if kind else {}
    for name, default in own:
        item = getattr(value, name)
        if item is not default and item != default:
            plain[name] = to_plain(item)
    return plain


@functools.cache
def _readers(cls: Any) -> Mapping[str, Callable[[Any], Any]]:
    hints = typing.get_type_hints(cls)
    return {f.name: _reader(hints[f.name]) for f in fields(cls)}


def _same(value: Any) -> Any:
    return value


def _reader(hint: Any) -> Callable[[Any], Any]:
    origin = typing.get_origin(hint)
    if origin is tuple:
        item = _reader(typing.get_args(hint)[0])
        return lambda value: tuple(item(v) for v in value)
    if origin in (types.UnionType, typing.Union):
        inner = _reader(next(a for a in typing.get_args(hint) if a is not types.NoneType))
        return lambda value: None if value is None else inner(value)
    if isinstance(hint, type):
        if issubclass(hint, enum.Enum):
            return hint
        if is_dataclass(hint):
            return functools.partial(from_plain, hint)
    return _same
