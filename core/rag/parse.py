"""Reads a model's answer as it grows: claims with the numbers of the sources they name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.errors import ContactCenterError

NO_ANSWER = "NO_ANSWER"
LONGEST = 20_000  #: characters of an answer; a model that babbles on is cut off

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

MARKER = re.compile(
    r"[\[【](?:(?:source|sources|출처)\s*|\^)?"
    r"(\d{1,2}(?:\s*[,;]\s*(?:source\s*)?\d{1,2})*)(?:†[^\]】]{0,40})?[\]】]"
    r"(?:\([^)\s]{0,300}\))?",
    re.IGNORECASE,
)
_END = re.compile(
    r"(?:[.!?。？！…]+[\"'”’)]*(?:(?:\s*" + MARKER.pattern + r")+|(?=\s)))|(?:\n+)", re.IGNORECASE
)
_HALF_MARKER = re.compile(r"^\s*[\[【][^\]】]{0,40}$|^\([^)\s]{0,300}$")
_NO_END = re.compile(
    r"(?:^|\s)(?:\d{1,2}|[A-Za-z]|e\.g|i\.e|etc|mr|mrs|ms|dr|no|vs|approx|tel|fig|inc|ltd)\.$",
    re.IGNORECASE,
)


class BrokenAnswer(ContactCenterError):
    """The model's answer cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sentence of an answer; `sources` are numbers as the model wrote them, from 1."""

    text: str  #: with its markers where it had any
    sources: tuple[int, ...] = ()
    lead: str = " "  #: the white space before it

    @property
    def plain(self) -> str:
        """The sentence without its markers."""
        return re.sub(r"\s+(?=[.,!?。]|$)", "", MARKER.sub("", self.text)).strip()


class AnswerReader:
    """Takes an answer piece by piece and gives its claims as they become complete.

    JSON and plain text with [1] markers are told apart by the first letter.
    """

    def __init__(self) -> None:
        self._text = ""
        self._given = 0  # claims of a JSON answer, or characters of a plain one

    @property
    def text(self) -> str:
        """All that has come so far."""
        return self._text

    @property
    def refused(self) -> bool:
        """Whether the model says that the sources do not answer the question."""
        return NO_ANSWER in self._text[:200]

    def feed(self, piece: str) -> list[Claim]:
        """Claims that this piece completes. Raises BrokenAnswer for an endless answer."""
        self._text += piece
        if len(self._text) > LONGEST:
            raise BrokenAnswer("The model's answer does not end.")
        # A refusal may still be growing: "NO_ANS".
        if self.refused or NO_ANSWER.startswith(self._text.strip()[: len(NO_ANSWER)]):
            return []
        if self._is_json:
            return self._json_claims(final=False)
        return list(self._sentences(final=False))

    def finish(self) -> list[Claim]:
        """The claims that were still open. Raises BrokenAnswer for JSON that is not whole."""
        if self.refused:
            return []
        if self._is_json:
            return self._json_claims(final=True)
        return list(self._sentences(final=True))

    @property
    def _is_json(self) -> bool:
        return self._text.lstrip()[:1] == "{" or self._text.lstrip().startswith("```")

    def _json_claims(self, *, final: bool) -> list[Claim]:
        raw = re.sub(r"^\s*```(?:json)?\s*|\s*```\s*$", "", self._text)
        try:
            answer = json.loads(raw) if final else _partial(raw)
        except ValueError as error:
            if final:
                raise BrokenAnswer from error
            return []
        claims = list(_claims_of(answer, final=final))
        new = claims[self._given :]
        self._given = max(self._given, len(claims))
        return new

    def _sentences(self, *, final: bool) -> Iterator[Claim]:
        text = self._text + ("\n" if final else "")
        start = self._given
        for match in _END.finditer(text, start):
            sentence = text[start : match.end()]
            rest = text[match.end() :]
            if not final and (not rest.strip() or _HALF_MARKER.match(rest)):
                break
            if _NO_END.search(sentence.rstrip("\n")) and "\n" not in match.group():
                continue
            start = self._given = match.end()
            if sentence.strip():
                # A newline belongs in front of the next sentence.
                lead = sentence[: len(sentence) - len(sentence.lstrip())]
                before = text[: match.end() - len(sentence)]
                lead = before[len(before.rstrip()) :] + lead
                yield Claim(text=sentence.strip(), sources=_numbers(sentence), lead=lead)


def _numbers(text: str) -> tuple[int, ...]:
    found = [int(n) for m in MARKER.finditer(text) for n in re.findall(r"\d{1,2}", m.group(1))]
    return tuple(dict.fromkeys(found))


def _partial(raw: str) -> Any:
    # Only with a model is langchain in memory anyway.
    from langchain_core.utils.json import parse_partial_json

    return parse_partial_json(raw)


def _claims_of(answer: Any, *, final: bool) -> Iterator[Claim]:
    if not isinstance(answer, dict):
        if final:
            raise BrokenAnswer("The model's JSON is not an object.")
        return
    claims = answer.get("claims")
    if isinstance(claims, list):
        # The last claim of a growing answer may still grow.
        for claim in claims if final else claims[:-1]:
            yield _claim_of(claim)
    elif final:
        text = next((answer[k] for k in ("answer", "text", "response") if k in answer), None)
        if not isinstance(text, str):
            raise BrokenAnswer("The model's JSON is not the one that was asked for.")
        listed = next((answer[k] for k in ("sources", "citations") if k in answer), None)
        reader = AnswerReader()
        for claim in [*reader.feed(text), *reader.finish()]:
            sources = claim.sources or _sources(listed)
            yield Claim(text=claim.text, sources=sources, lead=claim.lead)


def _claim_of(raw: Any) -> Claim:
    if isinstance(raw, dict) and isinstance(raw.get("text"), str):
        text = " ".join(raw["text"].split())
        sources = _sources(raw.get("sources")) or _numbers(text)
        return Claim(text=MARKER.sub("", text).strip(), sources=sources)
    raise BrokenAnswer("A claim in the model's JSON has no text.")


def _sources(raw: Any) -> tuple[int, ...]:
    found: list[int] = []
    for item in raw if isinstance(raw, list) else [raw]:
        match item:
            case bool() | None:
                continue
            case int():
                found.append(item)
            case str() if number := re.search(r"\d{1,2}", item):
                found.append(int(number.group()))
            case _:
                continue
    return tuple(dict.fromkeys(found))
