"""The bounded process that opens a stranger's file: `child.py preview|text IN OUT MEDIA_TYPE`.

It is run as a script and imports nothing of ours, so that nothing of ours is at hand to whoever
takes it over. It prints one line of JSON: {"text", "problem"}. `problem` is "" or one of bomb,
locked, broken.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

MEMORY_BYTES = 1_200_000_000
CPU_SECONDS = 10
OUTPUT_BYTES = 20_000_000

PREVIEW_SIDE = 1024  #: pixels
MOST_PIXELS = 80_000_000  #: of a picture that is opened at all

TEXT_SIGNS = 6_000  #: of a document that people are shown; the rest stands in the document
MOST_PAGES = 60
UNPACKED_BYTES = 100_000_000  #: of an archive that is opened
MOST_ENTRIES = 5_000

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class Refused(Exception):
    """This file is not opened, for this reason."""


def bound() -> None:
    """From here on this process can use no more than its share."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        for what, most in (
            (resource.RLIMIT_AS, MEMORY_BYTES),
            (resource.RLIMIT_CPU, CPU_SECONDS),
            (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(what, (most, most))
        os.nice(10)


def preview(source: Path, target: Path) -> dict[str, str]:
    """Draw the picture anew, small: nothing of the original's bytes is in it, and no EXIF."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # counted here, before anything is unpacked
    with Image.open(source, formats=("JPEG", "PNG", "GIF", "WEBP")) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise Refused("bomb")
        opened.draft("RGB", (PREVIEW_SIDE, PREVIEW_SIDE))
        opened.seek(0)
        picture: Any = ImageOps.exif_transpose(opened)
        picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        if picture.mode in ("RGBA", "LA", "P", "PA"):
            picture = picture.convert("RGBA")
            paper = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(paper, picture)
        fresh = Image.new("RGB", picture.size)
        fresh.paste(picture.convert("RGB"))
        fresh.save(target, "JPEG", quality=82)
    return {"text": ""}


def text(source: Path, media_type: str) -> dict[str, str]:
    """What stands in the document, its beginning where it is long."""
    if media_type == "application/pdf":
        return {"text": _pdf(source)}
    if media_type == DOCX:
        _check_archive(source)
        return {"text": _docx(source)}
    if media_type == "application/zip":
        _check_archive(source)
        return {"text": ""}
    with source.open("rb") as file:
        return {"text": file.read(4 * TEXT_SIGNS).decode("utf-8-sig", "replace")}


def _pdf(source: Path) -> str:
    from pypdf import PdfReader

    reader = PdfReader(source, strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise Refused("locked")
    parts: list[str] = []
    for number, page in enumerate(reader.pages):
        if number >= MOST_PAGES or sum(map(len, parts)) > TEXT_SIGNS:
            break
        parts.append(page.extract_text())
    return "\n\n".join(parts)


def _docx(source: Path) -> str:
    import docx

    parts: list[str] = []
    blocks: Any = docx.Document(str(source)).iter_inner_content()
    for block in blocks:
        if sum(map(len, parts)) > TEXT_SIGNS:
            break
        if hasattr(block, "rows"):
            parts += [" | ".join(cell.text for cell in row.cells) for row in block.rows]
        else:
            parts.append(block.text)
    return "\n".join(parts)


def _check_archive(source: Path) -> None:
    with zipfile.ZipFile(source) as archive:
        entries = archive.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        if len(entries) > MOST_ENTRIES or unpacked > UNPACKED_BYTES:
            raise Refused("bomb")
        # What an archive says of its sizes may be a lie: so much is unpacked, and no more.
        left = UNPACKED_BYTES
        for entry in entries:
            if entry.flag_bits & 1:
                raise Refused("locked")
            with archive.open(entry) as file:
                while chunk := file.read(65_536):
                    left -= len(chunk)
                    if left < 0:
                        raise Refused("bomb")


def main(arguments: list[str]) -> int:
    """The command; 0 also where the file is refused, which the line says."""
    what, source, target, media_type = arguments
    bound()
    try:
        if what == "preview":
            found = preview(Path(source), Path(target))
        else:
            found = text(Path(source), media_type)
    except Refused as refused:
        found = {"text": "", "problem": str(refused)}
    except MemoryError:
        found = {"text": "", "problem": "bomb"}
    except Exception:
        found = {"text": "", "problem": "broken"}
    found["text"] = found["text"].replace("\0", "")[:TEXT_SIGNS]
    sys.stdout.write(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
