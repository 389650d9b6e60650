"""Runs docs/checklists/quickstart-validation.md; exit code 1 where a step is not as it says.

`--only-words` compares documents without running anything. `--ask TEXT --locale L URL` is a step's
own tool: a visitor's question, and the answer with its sources.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHECKLIST = "docs/checklists/quickstart-validation.md"
NOT_RUN = "Not run here"
STEP_SECONDS = 240


@dataclass(slots=True)
class Step:
    """One step of the checklist."""

    title: str
    quotes: list[tuple[str, str]] = field(default_factory=list)  #: a document and what it says
    script: str = ""
    serves: bool = False  #: it goes on running while the others run
    expected: list[str] = field(default_factory=list)  #: patterns of its output


def steps_of(text: str) -> list[Step]:
    """The steps of a checklist."""
    steps: list[Step] = []
    document, block = "README.md", None
    for line in text.splitlines():
        if block is not None:
            if line == "```":
                block = None
            else:
                steps[-1].script += line + "\n"
        elif line.startswith("## "):
            steps.append(Step(title=line[3:]))
        elif said := re.fullmatch(r"(\S+) says:", line):
            document = said[1]
        elif line.startswith("> "):
            steps[-1].quotes.append((document, line[2:]))
        elif line.startswith("```sh"):
            block = line
            steps[-1].serves = line == "```sh serve"
        elif found := re.fullmatch(r"Expected: `(.*)`", line):
            steps[-1].expected.append(found[1])
    return steps


def differences(steps: Sequence[Step], root: Path = ROOT) -> Iterator[str]:
    """What documents and checklist say differently."""
    quoted = [quote for step in steps for quote in step.quotes]
    for document, quote in quoted:
        text = " ".join((root / document).read_text(encoding="utf-8").split())
        if " ".join(quote.split()) not in text:
            yield f"{document} does not say any more: {quote}"
    shell = re.findall(
        r"```sh\n(.*?)```", (root / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    known = {quote for document, quote in quoted if document == "README.md"}
    for command in (line for block in shell for line in block.splitlines() if line.strip()):
        if command not in known:
            yield f"README.md has a command that no step checks: {command}"
    for step in steps:
        if step.title != NOT_RUN and not (step.script and step.expected and step.quotes):
            yield f"the step {step.title!r} quotes, runs or expects nothing"


class Running:
    """The program, served by the step that serves it."""

    def __init__(self, script: str, environment: dict[str, str]) -> None:
        self.output = ""
        self._process = subprocess.Popen(
            ["bash", "-euc", f"exec {script.strip()}"], cwd=ROOT, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output += line

    def until(self, patterns: Sequence[str]) -> None:
        """Return once all of these were printed, or it ended, or the time is over."""
        deadline = time.monotonic() + STEP_SECONDS
        while missing(patterns, self.output) and self._process.poll() is None:
            if time.monotonic() > deadline:
                return
            time.sleep(0.2)

    def end(self) -> None:
        """As an operator does it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(30)


def missing(patterns: Sequence[str], output: str) -> list[str]:
    """Those patterns that the output does not match."""
    return [pattern for pattern in patterns if not re.search(pattern, output)]


def run(steps: Sequence[Step]) -> int:
    """All steps, in order; how many are not as they should be."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    failed, running = 0, None
    with tempfile.TemporaryDirectory(prefix="quickstart-") as work:
        environment = {
            **os.environ, "PORT": port, "DATA_DIR": f"{work}/data", "WORK": work,
            "URL": f"http://127.0.0.1:{port}", "ROOT": str(ROOT),
        }  # fmt: skip
        try:
            for step in steps:
                if not step.script:
                    continue
                if step.serves:
                    running = Running(step.script, environment)
                    running.until(step.expected)
                    output = running.output
                else:
                    output = _output(step.script, environment)
                wrong = missing(step.expected, output)
                failed += bool(wrong)
                print(f"{'FAIL' if wrong else 'ok':4}  {step.title}", flush=True)
                for pattern in wrong:
                    print(f"      expected {pattern!r} in:\n{output}", flush=True)
                if wrong and step.serves:
                    break
        finally:
            if running is not None:
                running.end()
    return failed


def _output(script: str, environment: dict[str, str]) -> str:
    try:
        done = subprocess.run(
            ["bash", "-uc", script], cwd=ROOT, env=environment, check=False, text=True,
            timeout=STEP_SECONDS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        return f"no end within {STEP_SECONDS} s: {late.stdout!r}"
    return done.stdout


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only-words", action="store_true")
    parser.add_argument("--ask")
    parser.add_argument("--locale", default="en")
    parser.add_argument("url", nargs="?")
    asked = parser.parse_args()
    if asked.ask:
        sys.path.insert(0, str(ROOT / ".ci"))
        from smoke import answered

        message = answered(asked.url, asked.ask, asked.locale)
        text = " ".join(message["text"].split())
        print(f"{text} [{', '.join(one['title'] for one in message['citations'])}]")
        return 0
    steps = steps_of((ROOT / CHECKLIST).read_text(encoding="utf-8"))
    wrong = list(differences(steps))
    for difference in wrong:
        print(f"FAIL  {difference}")
    return 1 if wrong or (not asked.only_words and run(steps)) else 0


if __name__ == "__main__":
    sys.exit(main())
