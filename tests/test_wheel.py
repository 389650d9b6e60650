"""The wheel, in an empty virtual environment and from any folder: the command serves and answers.

What it depends on is not fetched again: the environment is shown what is installed here.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from core.runtime.version import VERSION
from tests.support.process import ROOT, free_port

pytestmark = [pytest.mark.apart, pytest.mark.long, pytest.mark.timeout(300)]


def ran(*command: str | Path, cwd: Path) -> str:
    """What a command that succeeds says; its environment knows nothing of this repository."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment(), check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def environment() -> dict[str, str]:
    """As of a stranger's shell."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `contact-center`, installed from the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    ran(sys.executable, ROOT / ".ci/release.py", "--changed", "--out", folder / "dist", cwd=folder)
    [wheel] = (folder / "dist").glob("*.whl")
    assert wheel.name == f"contact_center_os-{VERSION}-py3-none-any.whl"
    ran(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    installed, bin_ = Path(sysconfig.get_path("purelib")), folder / "venv" / "bin"
    target = ran(
        bin_ / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    ).strip()
    ran(
        sys.executable, "-m", "pip", "--python", bin_ / "python", "install", "--no-deps",
        "--no-index", "--disable-pip-version-check", wheel, cwd=folder,
    )  # fmt: skip
    Path(target, "what-is-installed-here.pth").write_text(f"{installed}\n")
    (bin_ / "secantusd-py").symlink_to(Path(sys.executable).with_name("secantusd-py"))
    return bin_ / "contact-center"


def test_it_says_its_version_and_runs_our_code_from_nowhere_else(
    command: Path, tmp_path: Path
) -> None:
    assert ran(command, "--version", cwd=tmp_path).strip().endswith(VERSION)
    where = "import core, docs.guide as g; print(core.__file__, *g.__path__)"
    assert str(ROOT) not in ran(command.with_name("python"), "-c", where, cwd=tmp_path)


def test_a_plugin_is_written_and_tested_in_any_folder(command: Path, tmp_path: Path) -> None:
    assert "acme" in ran(command, "plugins", "new", "acme", cwd=tmp_path)
    assert (tmp_path / "acme" / "pyproject.toml").exists()
    assert " 0 failed" in ran(command, "plugins", "test", "acme", cwd=tmp_path)
    # Our own channels' tests need the vendors' stand-ins, which nobody installs.
    said = subprocess.run(
        [command, "plugins", "test", "telegram"], cwd=tmp_path, env=environment(), check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert (said.returncode, "lie in its repository only" in said.stderr) == (2, True)


def test_it_serves_and_answers_from_its_own_guide(command: Path, tmp_path: Path) -> None:
    with serving(command, tmp_path) as url:
        asked = {"text": "How do I change the port?", "locale": "en"}
        opened = httpx.post(f"{url}/api/conversations", json=asked).json()
        headers = {"Authorization": f"Bearer {opened['token']}"}
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            seen = httpx.get(f"{url}/api/conversations/{opened['id']}", headers=headers).json()
            answers = [m for m in seen["messages"] if m["author"] == "ai"]
            if answers:
                break
            time.sleep(0.2)
        assert "HOST" in answers[0]["text"]
        assert answers[0]["citations"]
    assert (tmp_path / "data" / "secret.key").exists()


@contextlib.contextmanager
def serving(command: Path, folder: Path) -> Iterator[str]:
    """The command, serving in this folder until the block ends."""
    port, log = free_port(), folder / "run.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(command), "run", "--port", str(port)], cwd=folder, env=environment(),
            stdout=out, stderr=out,
        )  # fmt: skip
    try:
        deadline, url = time.monotonic() + 90, f"http://127.0.0.1:{port}"
        while time.monotonic() < deadline:
            assert process.poll() is None, log.read_text()
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/readyz").status_code == 200:
                    break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        assert process.wait(20) == 0, log.read_text()
