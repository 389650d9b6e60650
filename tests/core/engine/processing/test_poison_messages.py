"""What a process died of is known to the next one, and what it finished is not."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from core.engine.processing.poison_messages import ENOUGH, SLOTS, CrashMarks


def die_over(file: Path, *keys: str, finished: str = "") -> None:
    """A process that is killed while it works on these."""
    child = os.fork()
    if not child:
        marks = CrashMarks(file)
        marks.open()
        if finished:
            with marks.working_on(finished):
                pass
        under_way = [marks.working_on(key) for key in keys]
        for work in under_way:
            work.__enter__()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def opened(file: Path) -> CrashMarks:
    marks = CrashMarks(file)
    marks.open()
    return marks


def test_twice_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "drafting.marks"
    for _ in range(ENOUGH):
        assert not opened(file).died_of("c1:2")
        die_over(file, "c1:2", "c2:9", finished="c3:1")
    marks = opened(file)
    assert marks.died_of("c1:2")
    assert marks.died_of("c2:9")
    assert not marks.died_of("c3:1")
    assert not marks.died_of("c1:3")
    assert opened(file).died_of("c1:2"), "a start without a death forgets nothing"


def test_what_could_be_done_after_all_is_innocent(tmp_path: Path) -> None:
    file = tmp_path / "drafting.marks"
    die_over(file, "c1:2")
    with opened(file).working_on("c1:2"):
        pass
    die_over(file, "c1:2")
    assert not opened(file).died_of("c1:2")


def test_odd_keys_files_and_numbers_of_them(tmp_path: Path) -> None:
    file = tmp_path / "drafting.marks"
    long, korean = "x" * 500, "한국어:1"
    file.with_suffix(".json").write_text("not json", encoding="ascii")
    for _ in range(ENOUGH):
        die_over(file, long, korean)
    marks = opened(file)
    assert marks.died_of(long)
    assert marks.died_of(korean)
    under_way = [marks.working_on(f"c{number}:1") for number in range(SLOTS + 9)]
    for work in under_way:
        work.__enter__()
    marks.close()
    with marks.working_on("closed"):
        assert not marks.died_of("closed")
    with CrashMarks().working_on("no file"):
        assert not CrashMarks().died_of("no file")


@pytest.mark.no_cover  # a tracer would be what takes the time
def test_it_costs_nothing(tmp_path: Path) -> None:
    marks = opened(tmp_path / "drafting.marks")
    began = time.thread_time()
    for _ in range(1000):
        with marks.working_on("0198c0de-conversation:12"):
            marks.died_of("0198c0de-conversation:12")
    assert (time.thread_time() - began) / 1000 < 0.0001


def test_a_failure_is_no_death(tmp_path: Path) -> None:
    file = tmp_path / "drafting.marks"
    marks = opened(file)
    for _ in range(ENOUGH):
        with pytest.raises(RuntimeError), marks.working_on("c1:1"):
            raise RuntimeError
    assert not opened(file).died_of("c1:1")
