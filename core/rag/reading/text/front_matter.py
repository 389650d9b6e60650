"""Front matter: what stands about a document at its beginning, in YAML or TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import yaml

MOST = 50_000  #: characters of it that are read
_YAML = re.compile(r"\A\s*+---[ \t]*+\n(.*?)(?:^|\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TOML = re.compile(r"\A\s*+\+\+\+[ \t]*+\n(.*?)(?:^|\n)\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_PAIR = re.compile(r"\A[\w.\- ]++:(?:\s|\Z)")


def split(text: str) -> tuple[Mapping[str, Any], str, str]:
    """What the front says, the text behind it, and what is wrong with the front, "" for nothing.

    A front that is no YAML is read line by line, as far as it goes.
    """
    if found := _TOML.match(text):
        try:
            return tomllib.loads(found[1][:MOST]), text[found.end() :], ""
        except tomllib.TOMLDecodeError as error:
            return _by_lines(found[1], "="), text[found.end() :], f"its front is no TOML: {error}"
    found = _YAML.match(text)
    if found is None or (found[1].strip() and not any(map(_PAIR.match, found[1].splitlines()))):
        return {}, text, ""
    rest = text[found.end() :]
    if len(found[1]) > MOST:
        return _by_lines(found[1], ":"), rest, "its front is too long to be read"
    try:
        said = yaml.load(found[1], Loader=_Plain) or {}  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return (
            _by_lines(found[1], ":"),
            rest,
            f"its front is no YAML: {' '.join(str(error).split())}",
        )
    return (said if isinstance(said, dict) else {}), rest, ""


class _Plain(yaml.SafeLoader):
    """Safe, and without references: a few of these in one another would be gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("a reference to another place")
        return super().compose_node(parent, index)


def _by_lines(front: str, sign: str) -> dict[str, str]:
    pairs = (line.partition(sign) for line in front.splitlines()[:500] if sign in line)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}
