"""The pairs of sources of `data/contradictions.*.txt`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.rag.domain.model import Passage

DATA = Path(__file__).parents[1] / "data"
CONTRADICTING = frozenset({"number", "yes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two sources, and whether they contradict each other."""

    kind: str
    one: Passage
    other: Passage
    kept: bool  #: kept aside while the rules were made

    @property
    def contradicts(self) -> bool:
        """What a person says."""
        return self.kind in CONTRADICTING


def pairs(language: str, *, name: str = "contradictions") -> Sequence[Pair]:
    """The pairs of one language; every third of each kind was kept aside."""
    found: list[Pair] = []
    seen: Counter[str] = Counter()
    for line in (DATA / f"{name}.{language}.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        kind, one, other = (part.strip() for part in line.split(" | "))
        seen[kind] += 1
        kept = seen[kind] % 3 == 0
        found.append(
            Pair(
                kind=kind,
                one=passage("one", one, language),
                other=passage("other", other, language),
                kept=kept,
            )
        )
    return found


def passage(name: str, written: str, language: str = "en") -> Passage:
    """`TITLE :: TEXT` as a passage of an article of this name."""
    title, text = written.split(" :: ")
    return Passage(
        id=f"{name}#0", article_id=name, title=title, heading="", text=text, locale=language
    )
