"""Finds the JSON object with the claims in a model's output."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import ContactCenterError
from core.rag.llm.claims import MARKER, Claim, numbers_in, sentences_from
from core.rag.llm.html_stripping import without_markup
from core.rag.llm.reasoning import without_reasoning

ANSWER_SCHEMA: dict[str, Any] = {
    "title": "answer",
    "description": "The answer to the customer, one claim a sentence, with its sources.",
    "type": "object",
    "properties": {
        "claims": {
            "type": "array",
            "description": "Empty when the sources do not answer the question.",
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "description": "One sentence for the customer."},
                    "sources": {
                        "type": "array",
                        "items": {"type": "integer"},
                        "description": "Numbers of the sources that say so.",
                    },
                },
                "required": ["text", "sources"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["claims"],
    "additionalProperties": False,
}
"""What a model with structured output is asked for."""

_TEXTS = ("text", "claim", "sentence", "statement", "content")
_ANSWERS = ("answer", *_TEXTS, "response", "reply", "message", "output", "final_answer", "result")
_SOURCES = ("sources", "source", "citations", "citation", "references", "refs", "source_ids", "ids")
_NUMBERS = ("id", "number", "source", "index", "n")
_WRAPPED = ("arguments", "parameters", "input", "args", "data", "output", "response", "result")

_BEGINS = re.compile(r"\[\s*+\{\s*+\\?[\"']|\{\s*+\\?[\"']")
_KNOWN = re.compile(
    rf"\A[\[{{\s]*+\\?[\"'](?:claims|{'|'.join((*_ANSWERS, *_WRAPPED))}|name|tool)\\?[\"']"
)
_AT_ONCE = re.compile(
    r"\s*+(?:```[ \t]*+(?:(?P<json>json\w{0,5})[ \t]*+\n|\s*+(?=[\[{]\s*+[\[{\"'])))?+\s*+",
    re.IGNORECASE,
)
_LIST = re.compile(r"[\"']claims[\"']\s*:\s*\[")
_BETWEEN = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder(strict=False)


class BrokenAnswer(ContactCenterError):
    """The model's answer cannot be read."""


def object_begins(text: str, start: int = 0) -> int:
    """Where the first object stands that may be the answer; -1 where none does.

    An object in a code span or a code block is an example for the reader, unless it has the
    names of an answer or the text begins with it.
    """
    opening = _AT_ONCE.match(text)
    assert opening is not None  # it may be empty
    first = opening.end()
    if start <= first and (
        opening["json"] or text.startswith("{", first) or _BEGINS.match(text, first)
    ):
        return first
    for match in _BEGINS.finditer(text, start):
        place = match.start()
        line = text[text.rfind("\n", 0, place) + 1 : place]
        if line.count("`") % 2 and "```" not in line:
            continue
        fences = re.findall(r"^[ \t]*```", text[:place], re.MULTILINE)
        if len(fences) % 2 == 0 or _KNOWN.match(text[place : place + 200]):
            return place
    return -1


def growing_claims(text: str, start: int, given: int) -> tuple[list[Claim], int]:
    """Claims of a growing object that are whole, from the place `given` on, and the next place."""
    if not given:
        listed = _LIST.search(text, start)
        if listed is None:
            return [], 0
        given = listed.end()
    claims: list[Claim] = []
    while True:
        place = given + len(_BETWEEN.match(text, given)[0])  # type: ignore[index]
        if not text.startswith(("{", '"'), place):
            return claims, given
        try:
            value, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            return claims, given
        if _text_of(value) is None:
            return claims, given  # broken, if this object turns out to be the answer
        claims.append(_claim_of(value))
        given = end


def answer_in(text: str) -> list[Claim]:
    """The claims of the one object in a whole text that is an answer.

    Raises BrokenAnswer when an object is not whole, and when none is an answer or several are.
    """
    found: list[list[Claim]] = []
    place = object_begins(text)
    while place >= 0:
        try:
            value, place = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise BrokenAnswer from error
        if (claims := _claims_of(value)) is not None:
            found.append(claims)
        place = object_begins(text, place)
    if len(found) != 1:
        raise BrokenAnswer("The model's JSON is not the one that was asked for.")
    return found[0]


def _claims_of(value: Any) -> list[Claim] | None:
    """The claims of an answer; None for what is none."""
    match value:
        case {"claims": list(claims)}:
            return [_claim_of(claim) for claim in claims]
        case {"claims": dict(claim)} if "type" not in claim:
            return [_claim_of(claim)]
        case [*claims] if claims and all(_text_of(claim) is not None for claim in claims):
            return [_claim_of(claim) for claim in claims]
        case dict():
            pass
        case _:
            return None
    for name in _ANSWERS:
        if isinstance(told := value.get(name), str):
            return list(_sentences_of(told, _first(value, _SOURCES)))
    inner = [_claims_of(_unwrapped(value.get(name))) for name in _WRAPPED + _ANSWERS]
    answers = [claims for claims in inner if claims is not None]
    return answers[0] if answers else None


def _unwrapped(value: Any) -> Any:
    """What stands in a string, where that is an object written down once more."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return _DECODER.decode(value.strip())
        except (ValueError, RecursionError):
            return None
    return value


def _sentences_of(told: str, listed: Any) -> Iterator[Claim]:
    for claim, _ in sentences_from(without_markup(without_reasoning(told)), final=True):
        yield Claim(text=claim.text, sources=claim.sources or _numbers_of(listed), lead=claim.lead)


def _claim_of(raw: Any) -> Claim:
    text = _text_of(raw)
    if text is None:
        raise BrokenAnswer("A claim in the model's JSON has no text.")
    text = " ".join(without_markup(without_reasoning(text)).split())
    listed = _first(raw, _SOURCES) if isinstance(raw, Mapping) else None
    return Claim(text=MARKER.sub("", text).strip(), sources=_numbers_of(listed) or numbers_in(text))


def _text_of(raw: Any) -> str | None:
    text = _first(raw, _TEXTS) if isinstance(raw, Mapping) else raw
    return text if isinstance(text, str) else None


def _first(value: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((value[name] for name in names if name in value), None)


def _numbers_of(listed: Any) -> tuple[int, ...]:
    found: list[int] = []
    for item in listed if isinstance(listed, list) else [listed]:
        match item:
            case bool() | None:
                continue
            case int():
                found.append(item)
            case str() if number := re.search(r"\d{1,2}", item):
                found.append(int(number.group()))
            case dict():
                found.extend(_numbers_of(_first(item, _NUMBERS)))
            case _:
                continue
    return tuple(dict.fromkeys(found))
