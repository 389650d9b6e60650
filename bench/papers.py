"""Reads the made-up papers of the tests and prints a row for each: `python -m bench.papers`.

Per file: the share of the characters that a person sees which is kept, hidden texts that came
along, questions that have lost their answers, and what its reader warns of.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from core.rag.reading.readers import read
from tests.core.rag.reading.papers.folder import PAPERS
from tests.core.rag.reading.papers.paper import judged


def main() -> None:
    """Print the table and its sums."""
    seen = kept = 0.0
    hidden = unpaired = asked = 0
    began = time.perf_counter()
    print(f"{'file':32} {'kept':>7} {'hidden':>6} {'unpaired':>8}  left out, warnings")
    with tempfile.TemporaryDirectory() as folder:
        for paper in PAPERS:
            file = Path(folder, paper.name)
            file.write_bytes(paper.body)
            reading = read(file)
            found = judged(paper, reading)
            size = sum(map(len, paper.seen))
            seen, kept = seen + size, kept + size * found.kept
            hidden, unpaired = hidden + len(found.shown), unpaired + len(found.unpaired)
            asked += len(paper.asked)
            said = [f"{why} {n}" for why, n in reading.dropped.items() if n]
            said += [str(one) for one in reading.warnings]
            print(
                f"{paper.name:32} {found.kept:7.1%} {len(found.shown):6} {len(found.unpaired):8}"
                f"  {'; '.join(said)[:140]}"
            )
    print(
        f"{len(PAPERS)} files, {kept / seen:.2%} of what a person sees kept, {hidden} hidden texts,"
        f" {asked - unpaired} of {asked} questions with their answers,"
        f" {time.perf_counter() - began:.1f} s"
    )


if __name__ == "__main__":
    main()
