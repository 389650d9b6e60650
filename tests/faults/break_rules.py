"""Breaks each channel rule on purpose, one mistake at a time, and sees its tests fail.

`python -m tests.faults.break_rules [--only WORDS]... [--again] [--whole] [--missing]` works in a
git worktree of its own and goes on where it was broken off: what was caught stays caught as long
as the mistake, the file it is in and its tests are the same. It is no part of `make test`: it
takes most of an hour. `tests/meta/test_every_rule_can_be_broken.py` holds the list to the code.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.support.broken_rules import (
    ROOT,
    Mistake,
    mistakes,
    node_of,
    rules,
    source_of,
    unbroken,
)

RESULTS = ROOT / "bench" / "results" / "broken-rules.jsonl"
SECONDS = 400  #: for the tests of one mistake
FILE_SECONDS = 1800  #: for all of one file's that are named

BAD = ("failure", "error")  #: as JUnit calls them
CAUGHT, TOOTHLESS, CRASHED, HUNG = "caught", "TOOTHLESS", "CRASHED", "HUNG"

_BY_ASSERTION = re.compile(
    r"assert\b|AssertionError|Failed: |Failed$|(?:\w+\.)*TimeoutError\b"
    r"|ValueError: (?:not enough|too many) values to unpack"  # `[one] = found` is how we say one
    r"|ExceptionGroup: Hypothesis found"
)
"""How a failure opens in which a test said that something is not as it has to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one test under one mistake."""

    test: str
    state: str
    words: str = ""  #: of the failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one mistake's tests."""

    key: str
    seconds: float
    outcomes: tuple[Outcome, ...]

    @property
    def caught(self) -> bool:
        return all(outcome.state == CAUGHT for outcome in self.outcomes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="words of rule, file or test")
    parser.add_argument("--file", default="*", help="of tests/faults/broken_rules, without .toml")
    parser.add_argument("--again", action="store_true", help="also what was caught before")
    parser.add_argument("--whole", action="store_true", help="nothing broken: every test passes")
    parser.add_argument("--missing", action="store_true", help="tests without a mistake, no run")
    chosen = parser.parse_args()
    listed = [m for m in mistakes(chosen.file) if _is_chosen(m, chosen.only)]
    if chosen.missing:
        return _missing()
    known = {} if chosen.again else {r.key: r for r in _kept() if r.caught}
    done: list[tuple[Mistake, Result]] = []
    with _worktree() as tree:
        if chosen.whole:
            return _whole(tree, listed)
        for mistake in listed:
            result = known.get(_key(mistake))
            if result is None:
                result = _broken(tree, mistake)
                _keep(result)
                _show(mistake, result)
            done.append((mistake, result))
    return _summary(done)


def _is_chosen(mistake: Mistake, only: Sequence[str]) -> bool:
    where = (mistake.rule, mistake.mistake, mistake.file, mistake.channel, *mistake.tests)
    return not only or any(words.lower() in "\n".join(where).lower() for words in only)


@contextlib.contextmanager
def _worktree() -> Iterator[Path]:
    """A worktree of what stands in ours now, committed or not (but for files git knows not)."""
    git = ["git", "-C", str(ROOT)]
    made = subprocess.run([*git, "stash", "create"], check=True, capture_output=True, text=True)
    with tempfile.TemporaryDirectory(prefix="broken-rules-") as folder:
        tree = Path(folder) / "tree"
        add = [*git, "worktree", "add", "--quiet", "--detach", str(tree)]
        subprocess.run([*add, made.stdout.strip() or "HEAD"], check=True)
        try:
            (tree / ".venv").symlink_to((ROOT / ".venv").resolve())
            yield tree
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", str(tree)], check=False)


def _broken(tree: Path, mistake: Mistake) -> Result:
    """Make the mistake, run its tests, put the file right again."""
    file = tree / mistake.file
    right = file.read_text("utf-8")
    try:
        _write(file, mistake.broken(right))
        begun = time.monotonic()
        nodes = {test: node_of(test, channel=mistake.channel) for test in mistake.tests}
        cases, words = _run(tree, list(nodes.values()))
        outcomes = tuple(
            _outcome(test, node, cases, words, raises=mistake.raises)
            for test, node in nodes.items()
        )
        seconds = round(time.monotonic() - begun, 1)
        return Result(key=_key(mistake), seconds=seconds, outcomes=outcomes)
    finally:
        _write(file, right)


def _write(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    # A compiled file is known by its second and size, which two versions may share.
    Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)


def _run(
    tree: Path, nodes: Sequence[str], *, seconds: int = SECONDS
) -> tuple[list[ET.Element] | None, str]:
    """The test cases as JUnit has them, None if pytest did not come to its end; what it said."""
    report = tree / "report.xml"
    report.unlink(missing_ok=True)
    pytest = [str(tree / ".venv/bin/python"), "-m", "pytest", "--no-cov", "-n0", "--tb=short"]
    more = ["-p", "no:cacheprovider", f"--junitxml={report}"]
    process = subprocess.Popen(
        [*pytest, *more, *nodes],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None, HUNG
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if not report.exists():
        return None, said[-2000:]
    return list(ET.parse(report).iter("testcase")), said[-2000:]


def _outcome(
    test: str, node: str, cases: Sequence[ET.Element] | None, said: str, *, raises: str
) -> Outcome:
    """The best of a test's cases: one that fails by assertion shows that it looks."""
    if cases is None:
        state = HUNG if said == HUNG else CRASHED
        return Outcome(test=test, state=state, words=said[-300:])
    name, where = node.rpartition("::")[2], Path(node.partition("::")[0]).stem
    own = [c for c in cases if _is_of(c, name, where)]
    failures = [f.get("message", "") for c in own for f in c.findall("failure")]
    errors = [e.get("message", "") for c in own for e in c.findall("error")]
    meant = (w for w in failures if _BY_ASSERTION.match(w) or _is_raised(raises, w))
    by_assertion = next(meant, None)
    if by_assertion is not None:
        return Outcome(test=test, state=CAUGHT, words=_short(by_assertion))
    for words in (*failures, *errors):
        return Outcome(test=test, state=CRASHED, words=_short(words))
    if not own:
        return Outcome(test=test, state=CRASHED, words=f"not run: {_short(said[-300:])}")
    return Outcome(test=test, state=TOOTHLESS, words="")


def _is_raised(name: str, words: str) -> bool:
    return bool(name) and words.partition(":")[0].rpartition(".")[2] == name


def _is_of(case: ET.Element, name: str, module: str) -> bool:
    called = case.get("name", "")
    here = module in case.get("classname", "").split(".")
    return here and (called == name or ("[" not in name and called.partition("[")[0] == name))


def _whole(tree: Path, listed: Sequence[Mistake]) -> int:
    """Every test passes while nothing is broken, or its failing proves nothing."""
    nodes = {node_of(t.partition("[")[0], channel=m.channel) for m in listed for t in m.tests}
    failed = 0
    for path in sorted({node.partition("::")[0] for node in nodes}):
        named = sorted(n for n in nodes if n.partition("::")[0] == path)
        cases, said = _run(tree, named, seconds=FILE_SECONDS)
        if cases is None or any(c.find(bad) is not None for c in cases for bad in BAD):
            failed += 1
            print(f"FAILS UNBROKEN {path}\n{said}", flush=True)
        else:
            print(f"passes {len(cases):4} {path}", flush=True)
    return 1 if failed else 0


def _missing() -> int:
    """Print every test of the checklist that no mistake names and nothing excuses."""
    held = {(m.rule, test) for m in mistakes() for test in m.named}
    held |= {(u.rule, test) for u in unbroken() for test in u.tests}
    open_ = [(rule.words, t) for rule in rules() for t in rule.tests if (rule.words, t) not in held]
    for words, test in open_:
        print(f"{words[:70]:70}  {test}")
    return 1 if open_ else 0


def _key(mistake: Mistake) -> str:
    """Another one as soon as the mistake, the file it is in or one of its tests is another."""
    file = ROOT / mistake.file
    known = (
        json.dumps(asdict(mistake), sort_keys=True),
        file.read_text("utf-8") if file.exists() else "",
        *(source_of(test) for test in mistake.named),
    )
    return hashlib.blake2b("\0".join(known).encode(), digest_size=16).hexdigest()


def _kept() -> Sequence[Result]:
    if not RESULTS.exists():
        return []
    read = [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]
    return [Result(**{**r, "outcomes": tuple(Outcome(**o) for o in r["outcomes"])}) for r in read]


def _keep(result: Result) -> None:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")


def _show(mistake: Mistake, result: Result) -> None:
    for outcome in result.outcomes:
        where = f"{mistake.rule[:44]:44}  {mistake.mistake[:44]:44}"
        print(f"{outcome.state:9} {where}  {outcome.test.rpartition('/')[2]}", flush=True)
        if outcome.state != CAUGHT:
            print(f"          {outcome.words}", flush=True)


def _summary(done: Sequence[tuple[Mistake, Result]]) -> int:
    """Print the table: a line a rule, and the count."""
    width = shutil.get_terminal_size((160, 40)).columns
    states = Counter(o.state for _, result in done for o in result.outcomes)
    by_rule: dict[str, list[Result]] = {}
    for mistake, result in done:
        by_rule.setdefault(mistake.rule, []).append(result)
    print(f"\n{'mistakes':>8} {'caught':>6} {'tests':>5} {'seconds':>7}  rule")
    for words, results in by_rule.items():
        caught, tests = sum(r.caught for r in results), sum(len(r.outcomes) for r in results)
        seconds = sum(r.seconds for r in results)
        line = f"{len(results):8} {caught:6} {tests:5} {seconds:7.0f}  {words}"
        print(line[:width])
    caught = sum(result.caught for _, result in done)
    told = ", ".join(f"{count} {state}" for state, count in states.most_common())
    print(
        f"\n{len(by_rule)} rules, {len(done)} mistakes, {caught} caught by all their tests: {told}"
    )
    return 0 if caught == len(done) else 1


def _short(words: str) -> str:
    return " ".join(words.split())[:200]


if __name__ == "__main__":
    sys.exit(main())
