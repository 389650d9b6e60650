"""Asks small companies what their customers write: `python -m bench.fresh`; README.md.

`--show KIND` prints what went wrong and what waits, `--gates` which gate held the rewordings;
with `--taught` one rewording of each row has been learned before.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.cached_encoder import CachedEncoder
from bench.cached_matcher import CachedMatcher
from bench.second_questions.__main__ import shown, table
from bench.second_questions.asking import TARGET, Outcome, outcomes_of
from bench.second_questions.talks import Company, companies
from core.rag.confidence.model import Confidence

FOLDER = Path(__file__).parent
CACHE = Path("/tmp/fresh.pickle")
SINGLE = ("reworded", "neighbour")


async def ask(
    folder: Path = FOLDER, *, only: str = "", lessons: bool = False, cache: Path = CACHE
) -> list[Outcome]:
    """Everything that is asked of the companies whose names begin so."""
    encoder, matcher = CachedEncoder(cache), CachedMatcher(cache)
    found = []
    for company in companies(folder):
        if f"{company.name}.{company.locale}".startswith(only):
            told = taught(company) if lessons else company
            found += await outcomes_of(told, encoder, matcher=matcher)
    encoder.save()
    matcher.save()
    return found


def taught(company: Company) -> Company:
    """The company after one lesson for each row: its first rewording, which is asked no more."""
    lessons: dict[str, str] = {}
    left = []
    for talk in company.talks:
        row = min(talk.wanted[0], default="")
        if talk.kind == "reworded" and row not in lessons:
            lessons[row] = talk.steps[0]
        else:
            left.append(talk)
    known = [
        replace(row, taught=(lessons[row.id],) if row.id in lessons else ())
        for row in company.known
    ]
    return replace(company, known=known, talks=left)


def figures(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Precision of what went out alone, and the shares sent, for each company and language."""
    names = dict.fromkeys((o.company, o.locale) for o in outcomes)
    rows = [(f"{name} {locale}", name, locale) for name, locale in names]
    rows += [(f"all {locale}", "", locale) for locale in dict.fromkeys(o.locale for o in outcomes)]
    for label, name, locale in [*rows, ("all", "", "")]:
        mine = [o for o in outcomes if name in ("", o.company) and locale in ("", o.locale)]
        single = [o for o in mine if o.talk.kind in SINGLE]
        talks = [o for o in mine if o.talk.kind not in SINGLE]
        known = [o for o in single if o.known]
        strange = [o for o in single if not o.known]
        yield (
            f"{label:12} single: {_precision(single)}"
            f"  rewordings answered {_share(sum(o.right for o in known), len(known))}"
            f"  neighbours sent {_share(sum(o.sent for o in strange), len(strange))}"
            f"  talks: {_precision(talks)}"
            f"  right {_share(sum(o.right for o in talks), len(talks))}"
            f"  lost {sum(o.lost for o in talks)}"
        )


def gates(outcomes: Sequence[Outcome], confidence: Confidence) -> Iterator[str]:
    """What held the rewordings, and whether the right source was first; a count of each sum."""
    held: Counter[str] = Counter()
    for one in outcomes:
        if one.talk.kind == "reworded" and not one.sent and one.draft is not None:
            signals = one.draft.signals
            first = {c.id.rpartition("#")[0] or c.id for c in one.draft.citations[:1]}
            said = ["first" if first & one.talk.wanted[0] else "another first"]
            said += [name for name in ("other_number", "facets_clash") if signals.get(name)]
            if confidence.held(signals):
                said.append("compared")
            elif confidence.score(signals) < confidence.threshold(TARGET):
                said.append("confidence")
            usual = ("low_confidence", "other_thing")
            held[" ".join([*said, *(r for r in one.reasons if r not in usual)])] += 1
    for what, number in held.most_common():
        yield f"{number:5} {what}"


def _precision(some: Sequence[Outcome]) -> str:
    sent = [o for o in some if o.sent]
    return f"precision {_share(sum(o.right for o in sent), len(sent))} of {len(sent)}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--only", default="", help="a company, or one in a language: dental.ko")
    parser.add_argument("--show", default="", help="a kind, or all")
    parser.add_argument("--taught", action="store_true")
    parser.add_argument("--gates", action="store_true")
    parser.add_argument("--cache", type=Path, default=CACHE)
    asked = parser.parse_args()
    outcomes = await ask(asked.folder, only=asked.only, lessons=asked.taught, cache=asked.cache)
    if asked.show:
        print(shown(outcomes, asked.show))
    if asked.gates:
        print("\n".join(gates(outcomes, Confidence.load())))
    print(table(outcomes))
    print("\n".join(figures(outcomes)))


if __name__ == "__main__":
    asyncio.run(main())
