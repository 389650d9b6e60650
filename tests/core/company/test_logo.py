"""An uploaded logo is read by its content, and only its pixels are kept."""

from __future__ import annotations

import io

import pytest
from PIL import Image, PngImagePlugin

from core.accounts.audit.log import Audit
from core.accounts.roles import Role, User
from core.company import logo
from core.company.logo import SIDE, drawn_anew
from core.company.model import Company
from core.company.store import CompanyStore
from core.errors import BadInput, Forbidden
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

ADA = User(id="u1", email="ada@example.com", role=Role.ADMIN)
SARA = User(id="u2", email="sara@example.com", role=Role.SUPERVISOR)


def picture(kind: str = "PNG", size: tuple[int, int] = (400, 200), **how: object) -> bytes:
    """A picture of this kind."""
    out = io.BytesIO()
    Image.new("RGB", size, "#0b6e4f").save(out, kind, **how)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_becomes_a_small_png(kind: str) -> None:
    with Image.open(io.BytesIO(drawn_anew(picture(kind)))) as drawn:
        assert (drawn.format, drawn.size) == ("PNG", (SIDE, SIDE // 2))


def test_what_hides_in_a_picture_is_not_kept() -> None:
    hidden = PngImagePlugin.PngInfo()
    hidden.add_text("Comment", "<script>alert(1)</script>")
    content = picture(pnginfo=hidden) + b"<script>alert(2)</script>"
    assert b"script" not in drawn_anew(content)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<SVG/>", "SVG"),
        (b"<html><script>alert(1)</script></html>", "no picture"),
        (b"", "no picture"),
        (picture()[:60], "no picture"),
        (picture("BMP"), "no picture"),
        (b"x" * (logo.LARGEST + 1), "at most"),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        drawn_anew(content)


def test_a_picture_that_would_fill_the_memory_is_not_decoded() -> None:
    with pytest.raises(BadInput, match="too many pixels"):
        drawn_anew(picture(size=(6_000, 6_000)))


async def test_it_stays_when_the_form_is_saved(db: Database, clock: ManualClock) -> None:
    company = CompanyStore(db["company"], audit=Audit(db, clock=clock), clock=clock)
    with pytest.raises(Forbidden):
        await company.set_logo(SARA, b"png")
    digest = (await company.set_logo(ADA, b"png")).logo
    await company.set_demonstration(ADA, is_here=True)
    saved = await company.save(ADA, Company(name="Acme"))
    assert (saved.name, saved.logo, saved.demonstration) == ("Acme", digest, True)
    assert await company.logo() == b"png"
    assert (await company.set_logo(ADA, b"")).logo == ""
    assert await company.logo() == b""
    assert (await company.load()).name == "Acme"
    deeds = [entry.what for entry in await Audit(db, clock=clock).page()]
    assert deeds == ["settings.logo", "settings.change", "settings.logo"]
