"""Reads an uploaded logo by what it is, and draws it anew: small, and nothing but pixels."""

from __future__ import annotations

import io

from core.errors import BadInput

LARGEST = 2_000_000  #: bytes of an upload
MOST_PIXELS = 25_000_000  #: of a picture that is decoded: 100 MB in memory
SIDE = 160  #: pixels of the longer side as it is kept: four times as it is shown
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


def drawn_anew(content: bytes) -> bytes:
    """The picture as a PNG of at most `SIDE` pixels a side. Raises BadInput for what is none.

    What it is called says nothing: the content decides. A drawing in SVG is a document that may
    hold scripts, so it is not taken; what else hides in a file is not drawn, and so not kept.
    """
    from PIL import Image, ImageOps  # a tenth of a second, for what is done once

    if len(content) > LARGEST:
        raise BadInput(f"A logo has at most {LARGEST // 1_000_000} MB.")
    if b"<svg" in content[:4_096].lower():
        raise BadInput("SVG may hold scripts and is not taken; save the logo as PNG.")
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise BadInput("This picture has too many pixels; make it smaller first.")
            picture = ImageOps.exif_transpose(opened).convert("RGBA")
    except BadInput:
        raise
    except Exception as error:
        raise BadInput("This is no picture that can be read: PNG, JPEG, WebP or GIF.") from error
    picture.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
