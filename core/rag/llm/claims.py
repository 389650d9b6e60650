"""Claims: sentences of an answer, with the numbers of their sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from config.languages import every

MARKER = re.compile(
    rf"[\[【](?:(?:{'|'.join(every('documents', 'sources'))})\s*|\^)?"
    r"(\d{1,2}(?:\s*[,;]\s*(?:source\s*)?\d{1,2})*)(?:†[^\]】]{0,40})?[\]】]"
    r"(?:\([^)\s]{0,300}\))?",
    re.IGNORECASE,
)
_END = re.compile(
    # Where a run of signs begins and nowhere inside it: 19,000 dots took 13 s.
    r"(?:(?<![.!?。？！…])[.!?。？！…]++[\"'”’)]*+(?:(?:\s*+" + MARKER.pattern + r")+|(?=\s)))|\n+",
    re.IGNORECASE,
)
LONGEST_SENTENCE = 2_000  #: characters; what goes on longer is cut here, and stands in no source
_AHEAD = 400  #: characters that a marker may still need to be whole
_ENDING = 12  #: characters in which the longest abbreviation stands
_HALF_MARKER = re.compile(r"^\s*[\[【][^\]】]{0,40}$|^\([^)\s]{0,300}$")
_NO_END = re.compile(
    r"(?:^|\s)(?:\d{1,2}|[A-Za-z]|e\.g|i\.e|etc|mr|mrs|ms|dr|no|vs|approx|tel|fig|inc|ltd)\.$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sentence of an answer; `sources` are numbers as the model wrote them, from 1."""

    text: str  #: with its markers where it had any
    sources: tuple[int, ...] = ()
    lead: str = " "  #: the white space before it

    @property
    def plain(self) -> str:
        """The sentence without its markers."""
        return re.sub(r"(?<!\s)\s++(?=[.,!?。]|$)", "", MARKER.sub("", self.text)).strip()


def numbers_in(text: str) -> tuple[int, ...]:
    """The numbers of the sources that a text names by its markers, in order."""
    found = [int(n) for m in MARKER.finditer(text) for n in re.findall(r"\d{1,2}", m.group(1))]
    return tuple(dict.fromkeys(found))


def sentences_from(text: str, start: int = 0, *, final: bool) -> Iterator[tuple[Claim, int]]:
    """The sentences from this place on, each with the place after it.

    Of a text that still grows (`final=False`) only those that no later letter can change.
    """
    text += "\n" if final else ""
    for match in _END.finditer(text, start):
        sentence = text[start : match.end()]
        rest = text[match.end() : match.end() + _AHEAD]
        if not final and (not rest.strip() or _HALF_MARKER.match(rest)):
            break
        goes_on = "\n" not in match.group() and _NO_END.search(sentence[-_ENDING:])
        if goes_on and len(sentence) < LONGEST_SENTENCE:
            continue
        start = match.end()
        if sentence.strip():
            # A newline belongs in front of the next sentence.
            lead = sentence[: len(sentence) - len(sentence.lstrip())]
            begins = place = match.end() - len(sentence)
            while place and text[place - 1].isspace():
                place -= 1
            lead = text[place:begins] + lead
            yield Claim(text=sentence.strip(), sources=numbers_in(sentence), lead=lead), start
