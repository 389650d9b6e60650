"""Reads the messages (`KIND.LANGUAGE.txt`) and says what the product makes of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.nlu.chatter import chatter
from core.nlu.threats import threatens

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "ko")
THREATS, HARMLESS = "threats", "harmless"
SPEECH = "hyperbole"  #: harmless, but it may ask for something


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One line of a file."""

    text: str
    language: str
    threat: bool
    kind: str  #: the section: "self_harm", "tapback", …
    seen: bool  #: its half: patterns may be made after the seen, the others only measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How many of some messages were taken for what they are."""

    wrong: Sequence[Message]
    of: int

    @property
    def share(self) -> float:
        """Of the messages taken rightly, 0 to 1; 1 of none."""
        return 1 - len(self.wrong) / self.of if self.of else 1.0


def messages(folder: Path = FOLDER) -> list[Message]:
    """All messages; every other one of a section is seen. Raises ValueError without a section."""
    found: list[Message] = []
    for language in LANGUAGES:
        for name in (THREATS, HARMLESS):
            kind, count = "", 0
            path = folder / f"{name}.{language}.txt"
            for line in filter(None, path.read_text(encoding="utf-8").splitlines()):
                if line.startswith("= "):
                    kind, count = line[2:].strip(), 0
                    continue
                if not kind:
                    raise ValueError(f"{path.name}: a message before any section: {line}")
                found.append(
                    Message(
                        text=line,
                        language=language,
                        threat=name == THREATS,
                        kind=kind,
                        seen=count % 2 == 0,
                    )
                )
                count += 1
    return found


def taken_rightly(message: Message) -> bool:
    """Threats go to a person, harmless words do not, and small talk asks for nobody."""
    if message.threat:
        return threatens(message.text)
    if threatens(message.text):
        return False
    return message.kind == SPEECH or chatter(message.text) is not None


def score(asked: Sequence[Message]) -> Score:
    """What the product makes of the messages."""
    return Score(wrong=[one for one in asked if not taken_rightly(one)], of=len(asked))
