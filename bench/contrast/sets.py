"""The contrast files as knowledge bases and labelled questions; README.md has their shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.rag.commands.evaluation import LabelledQuestion
from core.rag.domain.model import Article

HERE = Path(__file__).parent
SIBLINGS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One question that a company may have answered, and how else people ask it."""

    question: str
    answer: str
    rewordings: Sequence[str]
    thing: str = ""  #: what tells it from its siblings


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One company's questions in one language."""

    name: str
    lang: str
    families: Sequence[Sequence[Known]]  #: siblings; of all of them or of some something is known
    rows: Sequence[Known] = ()
    traps: Sequence[tuple[str, str]] = ()  #: question, and the known one that it looks like


def trades(folder: str) -> list[Trade]:
    """The files of `train`, `pairs`, `fit` or `held`."""
    return [_read(file) for file in sorted((HERE / folder).glob("*.txt"))]


def told(trade: Trade, *, siblings: int) -> tuple[list[Article], list[LabelledQuestion]]:
    """A knowledge base with so many siblings of each family, and everything that is asked of it.

    Questions have ids `KIND/NUMBER`: `reworded` and `row` are known, `sibling` and `trap` are not.
    """
    articles: list[Article] = []
    questions: list[LabelledQuestion] = []

    def ask(text: str, kind: str, article: str = "") -> None:
        relevant = frozenset({article} if article else ())
        questions.append(
            LabelledQuestion(
                id=f"{kind}/{len(questions)}", text=text, lang=trade.lang, relevant=relevant
            )
        )

    def know(one: Known) -> str:
        name = f"{trade.name}-{trade.lang}-{len(articles)}"
        articles.append(
            Article(
                id=name, title=one.question, text=one.answer, locale=trade.lang, topic=trade.name
            )
        )
        return name

    for number, family in enumerate(trade.families):
        for place, sibling in enumerate(family):
            # Which siblings are known changes from family to family.
            if (place + number) % SIBLINGS < siblings:
                article = know(sibling)
                for text in sibling.rewordings:
                    ask(text, "reworded", article)
            else:
                for text in (sibling.question, *sibling.rewordings):
                    ask(text, "sibling")
    for row in trade.rows:
        article = know(row)
        for text in row.rewordings:
            ask(text, "row", article)
    titles = {article.title for article in articles}
    for text, near in trade.traps:
        # A trap beside something that is not known here would be no trap.
        if near in titles:
            ask(text, "trap")
    return articles, questions


def _read(file: Path) -> Trade:
    families: list[list[Known]] = []
    rows: list[Known] = []
    traps: list[tuple[str, str]] = []
    section = ""
    answered = file.parent.name != "pairs"
    for line in file.read_text(encoding="utf-8").splitlines():
        line = line.strip()
        if line.startswith("## "):
            section = line.removeprefix("## ").split(":")[0]
            if section == "family":
                families.append([])
        elif line and not line.startswith(("//", "# ")):
            fields = [field.strip() for field in line.split(" | ")]
            match section:
                case "family" if answered:
                    families[-1].append(_known(fields[1:], thing=fields[0]))
                case "family":
                    families[-1].append(_known([fields[1], "", *fields[2:]], thing=fields[0]))
                case "rows":
                    rows.append(_known(fields))
                case _:
                    traps.append((fields[0], fields[1]))
    return Trade(
        name=file.name.split(".")[0],
        lang=file.suffixes[-2].removeprefix("."),
        families=families,
        rows=rows,
        traps=traps,
    )


def _known(fields: Sequence[str], *, thing: str = "") -> Known:
    return Known(question=fields[0], answer=fields[1], rewordings=fields[2:], thing=thing)
