"""The data directory: one holder, private secrets, clear refusals."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import SetupError
from core.runtime.data_dir import DataDir, Occupied

pytestmark = pytest.mark.apart

HOLD = """
import sys, time, pathlib
from core.runtime.data_dir import DataDir
DataDir(pathlib.Path(sys.argv[1])).hold(sys.argv[2])
print("held", flush=True)
time.sleep(float(sys.argv[3]))
"""


def hold_elsewhere(path: Path, purpose: str, seconds: float) -> subprocess.Popen[str]:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), purpose, str(seconds)],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    return other


def test_a_second_process_is_told_who_has_it(tmp_path: Path) -> None:
    other = hold_elsewhere(tmp_path, "run", 30)
    try:
        with pytest.raises(Occupied, match=rf"{other.pid}, `run`.*--data-dir"):
            DataDir(tmp_path).hold_soon("kb add")
    finally:
        other.kill()
        other.wait()
    DataDir(tmp_path).hold("run")  # a killed process holds nothing


def test_a_short_command_is_waited_for(tmp_path: Path) -> None:
    other = hold_elsewhere(tmp_path, "kb list", 0.5)
    began = time.monotonic()
    data_dir = DataDir(tmp_path)
    data_dir.hold_soon("run")
    assert time.monotonic() - began < 5
    data_dir.release()
    data_dir.release()
    other.wait()


def test_a_place_we_cannot_write_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=r"cannot be written .*--data-dir") as refused:
        DataDir(tmp_path / "file" / "data").hold("run")
    assert "\n" not in refused.value.detail
    with pytest.raises(SetupError, match="cannot be written"):
        DataDir(Path("/proc/nowhere")).hold("run")


def test_the_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path)
    data_dir.prepare()
    key = data_dir.secret_key()
    assert len(key) >= 32
    assert DataDir(tmp_path).secret_key() == key
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


def test_it_is_closed_to_others_however_it_was_made(tmp_path: Path) -> None:
    for mode in (0o755, 0o777, 0o750, 0o500):
        tmp_path.chmod(mode)
        DataDir(tmp_path).prepare()
        assert tmp_path.stat().st_mode & 0o7777 == 0o700
    made = tmp_path / "deep" / "data"
    DataDir(made).prepare()
    assert made.stat().st_mode & 0o7777 == 0o700


def test_a_directory_that_others_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(SetupError, match="ours alone"):
        DataDir(shared).hold("run")
    assert shared.stat().st_mode & 0o7777 == 0o1777
    if os.geteuid() == 0:
        os.chown(shared, 65534, 65534)
        shared.chmod(0o700)
        with pytest.raises(SetupError, match="ours alone"):
            DataDir(shared).prepare()


def test_a_place_where_it_may_be_exchanged_is_known(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "open" / "data")
    data_dir.prepare()
    assert data_dir.open_parents() == []
    (tmp_path / "open").chmod(0o777)
    assert data_dir.open_parents() == [tmp_path / "open"]
