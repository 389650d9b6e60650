"""The shop's knowledge and the questions to it, from `questions.txt`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).with_name("questions.txt")


@dataclass(slots=True, kw_only=True)
class Known:
    """One thing that the shop knows."""

    question: str
    answer: str = ""
    facts: tuple[str, ...] = ()  #: a right answer says one of these
    others: list[Asked] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, and what is right about its answer; nothing is, where nothing is known."""

    text: str
    known: Known
    is_known: bool

    def is_answered_by(self, text: str) -> bool:
        """Whether this text is a right answer."""
        return self.is_known and any(fact.lower() in text.lower() for fact in self.known.facts)


def read(path: Path = FILE) -> list[Known]:
    """All that the shop knows, with the questions about each."""
    shelf: list[Known] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        mark, _, rest = line.partition(" ")
        match mark:
            case "Q:":
                shelf.append(Known(question=rest))
            case "A:":
                shelf[-1].answer = rest
            case "F:":
                shelf[-1].facts = tuple(rest.split("|"))
            case "+" | "-":
                asked = Asked(text=rest, known=shelf[-1], is_known=mark == "+")
                shelf[-1].others.append(asked)
            case _:
                continue
    return shelf
