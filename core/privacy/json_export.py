"""An export as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson


def as_json(given: Mapping[str, Any]) -> str:
    """The export, indented, times in ISO 8601, whatever documents it holds."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
    return orjson.dumps(given, default=_plain, option=options).decode()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)
