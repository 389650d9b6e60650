"""Renders our chart without helm, by the part of its template language that the chart uses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Values = Mapping[str, Any]
_TOKEN = re.compile(
    r"\s*\{\{-\s*(?P<trimmed>.*?)\s*\}\}"  # takes the blanks before it away
    r"|\{\{(?!-)\s*(?P<plain>.*?)\s*\}\}",
    re.DOTALL,
)


def rendered(chart: Path, values: Values, *, release: str = "one") -> list[dict[str, Any]]:
    """Every manifest of the chart with these values. Raises ValueError for what it cannot read."""
    found: list[dict[str, Any]] = []
    for template in sorted((chart / "templates").glob("*.yaml")):
        scope = {"Values": values, "Release": {"Name": release}}
        text = "".join(_render(_tokens(template.read_text()), scope))
        found += [one for one in yaml.safe_load_all(text) if one]
    return found


def values_of(chart: Path, **changed: Any) -> dict[str, Any]:
    """The chart's own values, with some changed."""
    return {**yaml.safe_load((chart / "values.yaml").read_text()), **changed}


def _tokens(template: str) -> list[tuple[str, str]]:
    found, at = [], 0
    for match in _TOKEN.finditer(template):
        found.append(("text", template[at : match.start()]))
        tag = match["trimmed"] if match["trimmed"] is not None else match["plain"]
        found.append(("tag", tag))
        at = match.end()
    return [*found, ("text", template[at:])]


def _render(tokens: list[tuple[str, str]], scope: Mapping[str, Any]) -> Iterator[str]:
    position = 0
    while position < len(tokens):
        kind, said = tokens[position]
        position += 1
        if kind == "text":
            yield said
        elif said.startswith(("if ", "range ")):
            inner, position = _block(tokens, position)
            word, _, about = said.partition(" ")
            found = _value(about, scope)
            for item in found if word == "range" else [scope.get(".")] if found else []:
                yield from _render(inner, {**scope, ".": item})
        else:
            yield str(_value(said, scope))


def _block(tokens: list[tuple[str, str]], start: int) -> tuple[list[tuple[str, str]], int]:
    depth = 1
    for position in range(start, len(tokens)):
        kind, said = tokens[position]
        if kind == "tag":
            depth += said.startswith(("if ", "range "))
            depth -= said == "end"
        if not depth:
            return tokens[start:position], position + 1
    raise ValueError("a block of the chart has no end")


def _value(said: str, scope: Mapping[str, Any]) -> Any:
    first, *rest = (part.strip() for part in said.split("|"))
    value = _operand(first, scope)
    for function in rest:
        match function.split():
            case ["quote"]:
                value = '"{}"'.format(str(value).replace('"', '\\"'))
            case ["nindent", width]:
                lines = str(value).rstrip("\n").split("\n")
                value = "".join(f"\n{' ' * int(width)}{line}" for line in lines)
            case _:
                raise ValueError(f"the chart uses {function}, which is not known here")
    return value


def _operand(said: str, scope: Mapping[str, Any]) -> Any:
    match said.split():
        case ["eq", one, other]:
            return _operand(one, scope) == _operand(other, scope)
        case ["toYaml", what]:
            return yaml.safe_dump(_operand(what, scope), default_flow_style=False)
        case ["."]:
            return scope["."]
        case [path] if path.startswith("."):
            value: Any = scope
            for step in path[1:].split("."):
                value = value[step]
            return value
        case [word] if word.startswith('"'):
            return word.strip('"')
    raise ValueError(f"the chart uses {said}, which is not known here")
