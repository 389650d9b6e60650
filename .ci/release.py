"""Builds what a release is made of, in dist/: the wheel from the last commit, and its checksums.

`--changed` builds from the files as they lie here, for tests; a release is built from a commit.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core.runtime.version import VERSION  # noqa: E402 - this script may run from anywhere

SOURCES = (
    "analytics", "app", "approvals", "bot.py", "channels", "config", "core", "docs/guide",
    "imports", "LICENSE", "plugins", "pyproject.toml", "README.md", "requirements.in", "sources",
)  # fmt: skip
MUST_HOLD = (
    "bot.py", "config/locales/ko/language.toml", "docs/guide/en/running.md",
    "plugins/conformance/skeleton/pyproject.toml.in", "channels/telegram/manifest.toml",
)  # fmt: skip


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--changed", action="store_true")
    asked = parser.parse_args()
    if not asked.changed and (wrong := _wrong()):
        print(f"No release: {wrong}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        _copy_files(tree) if asked.changed else _copy_commit(tree)
        wheel = _build(tree, asked.out)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (asked.out / "SHA256SUMS").write_text(f"{digest}  {wheel.name}\n")
    print(f"{wheel}\nsha256 {digest}")
    if not asked.changed:
        print(f"Next: git tag -a v{VERSION} -m v{VERSION} && git push origin v{VERSION}")
    return 0


def _wrong() -> str:
    """Why what lies here is no release; "" where it is one."""
    if _git("status", "--porcelain", "--untracked-files=no"):
        return "there are changes that no commit has."
    if f"\n## {VERSION}" not in (ROOT / "CHANGELOG.md").read_text():
        return f"CHANGELOG.md has no heading `## {VERSION}` (core/runtime/version.py)."
    tag = _git("tag", "--points-at", "HEAD", "--list", "v*")
    if tag and tag != f"v{VERSION}":
        return f"this commit's tag is {tag}, and core/runtime/version.py says {VERSION}."
    return ""


def _git(*words: str) -> str:
    asked = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    return asked.stdout.strip()


def _copy_commit(tree: Path) -> None:
    packed = subprocess.run(
        ["git", "archive", "HEAD", *SOURCES],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as tar:
        tar.extractall(tree, filter="data")


def _copy_files(tree: Path) -> None:
    for name in SOURCES:
        source, target = ROOT / name, tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)


def _build(tree: Path, out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    # The same commit makes the same bytes.
    when = {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "1767225600")}
    code = "import sys, setuptools.build_meta as b; print('built', b.build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", code, str(out.resolve())],
        cwd=tree, env={**os.environ, **when}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if built.returncode:
        raise SystemExit(built.stderr)
    wheel = out / built.stdout.rpartition("built ")[2].strip()
    with zipfile.ZipFile(wheel) as packed:
        held = set(packed.namelist())
    if missing := [name for name in MUST_HOLD if name not in held]:
        raise SystemExit(f"The wheel lacks {', '.join(missing)}.")
    if strange := sorted(name for name in held if name.split("/")[0] in ("tests", "bench")):
        raise SystemExit(f"The wheel holds {strange[0]}, which is not for those who run this.")
    return wheel


if __name__ == "__main__":
    sys.exit(main())
