"""The data directory: one holder, private secrets, clear refusals."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.data_dir import DataDir, Occupied
from core.errors import SetupError

HOLD = """
import sys, time, pathlib
from core.data_dir import DataDir
DataDir(pathlib.Path(sys.argv[1])).hold(sys.argv[2])
print("held", flush=True)
time.sleep(float(sys.argv[3]))
"""


def hold_elsewhere(path: Path, purpose: str, seconds: float) -> subprocess.Popen[str]:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), purpose, str(seconds)],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
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
