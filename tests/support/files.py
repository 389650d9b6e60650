"""Files as strangers send them: good ones, large ones, and such that want to do harm."""

from __future__ import annotations

import io
import os
import struct
import wave
import zipfile
import zlib

from PIL import Image

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>window.planted = 1</script></svg>'
HTML = b"<!DOCTYPE html><html><script>window.planted = 1</script><h1>Sign in</h1></html>"
SECRET_PLACE = b"51.5007N"  #: stands in a photo's EXIF


def photo(width: int = 1200, height: int = 900, *, seed: int = 1) -> bytes:
    """A JPEG with EXIF that says where it was taken."""
    picture = Image.effect_noise((width // 8, height // 8), 60).resize((width, height))
    picture = picture.convert("RGB")
    picture.putpixel((seed % width, 0), (255, 0, 0))
    exif = Image.Exif()
    exif[0x010E] = SECRET_PLACE.decode()
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


def png() -> bytes:
    """A small PNG with transparency."""
    out = io.BytesIO()
    Image.new("RGBA", (64, 48), (0, 120, 200, 128)).save(out, "PNG")
    return out.getvalue()


def voice(seconds: float = 1.0) -> bytes:
    """A WAV with silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * int(8000 * seconds))
    return out.getvalue()


def ogg() -> bytes:
    """The head of an Opus voice note, as Telegram sends them."""
    return b"OggS\0\x02" + b"\0" * 20 + b"\x01\x13OpusHead\x01\x01" + bytes(2000)


def pdf(text: str = "The pump makes a noise.", *, size: int = 0) -> bytes:
    """A PDF of one page that says this, filled up to so many bytes."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    fonts = b"/Resources << /Font << /F1 5 0 R >> >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R %s >>" % fonts,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    if size:
        filling = os.urandom(max(0, size - 1200))
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(filling), filling))
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF" % (len(objects) + 1, table, len(objects) + 1, len(out))
    )


def many_entries(count: int) -> bytes:
    """A ZIP file whose directory has so many entries of 46 bytes, which lead nowhere."""
    local = b"PK\x03\x04" + bytes(26)
    directory = (b"PK\x01\x02" + bytes(42)) * count
    end = struct.pack("<4s8x2I2x", b"PK\x05\x06", len(directory), len(local))
    return local + directory + end


def docx(text: str = "Please send a new filter.") -> bytes:
    """A Word document of one paragraph."""
    import docx as word

    document = word.Document()
    document.add_paragraph(text)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def bomb(*, name: str = "word/document.xml", megabytes: int = 400) -> bytes:
    """A small archive that unpacks to hundreds of megabytes; a docx by its looks."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open(name, "w", force_zip64=True) as file:
            for _ in range(megabytes):
                file.write(bytes(1_000_000))
    return out.getvalue()


def pixel_bomb(side: int = 40_000) -> bytes:
    """A PNG of a few hundred kilobytes that says it has 1,600 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
        + chunk(b"IEND", b"")
    )
