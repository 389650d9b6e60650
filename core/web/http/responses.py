"""JSON responses: UTF-8, times in UTC with a Z, lists by cursor."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel

from core.errors import BadInput

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def dumps(value: Any) -> bytes:
    """JSON in UTF-8; datetimes as ISO 8601 UTC, pydantic models and dataclasses as objects."""
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS)
    except orjson.JSONEncodeError:
        return orjson.dumps(_clean(value), default=_plain, option=_OPTIONS)


def json_answer(
    value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """The value as a JSON response."""
    return web.Response(
        status=status, body=dumps(value), headers=headers, content_type="application/json"
    )


def iso(at: datetime) -> str:
    """The time as the API writes it: 2026-11-22T18:00:00.000Z."""
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_cursor(*parts: str | int) -> str:
    """An opaque cursor that names where the next page starts."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def read_cursor(cursor: str, *shape: type[str] | type[int]) -> list[Any]:
    """The parts again. Raises BadInput for anything that `write_cursor` did not make."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise BadInput("This cursor is not one of ours.") from None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(shape):
        raise BadInput("This cursor is not one of ours.")
    return parts


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return value.model_dump(mode="python")
        case enum.Enum():
            return value.value
        case tuple() | set() | frozenset():
            return list(value)
        case Mapping():
            return dict(value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return dataclasses.asdict(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")


def _clean(value: Any) -> Any:
    """Vendors sometimes hand over half a surrogate pair; it becomes a replacement mark."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, (datetime, int, float, bool)) or value is None:
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(item) for item in value]
    if isinstance(value, Mapping):
        return {str(_clean(str(key))): _clean(item) for key, item in value.items()}
    return _clean(_plain(value))
