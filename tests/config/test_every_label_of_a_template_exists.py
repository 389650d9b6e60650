"""Labels that templates put together from parts exist in every language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.i18n import Words
from tests.support.process import PRODUCT, ROOT
from tests.support.world import LOCALES

TEMPLATES = sorted(path for folder in PRODUCT for path in (ROOT / folder).rglob("templates/*.html"))

_WHOLE = re.compile(r"""\bt\(["']([a-z_.]+)["'](?=[,)])""")
_CHOSEN = re.compile(
    r"""\bt\(["']([a-z_.]+\.)["'] ~ \(["'](\w+)["'] if [^()]* else ["'](\w+)["']\)\)"""
)


def _keys(text: str) -> set[str]:
    chosen = {m[1] + m[end] for m in _CHOSEN.finditer(text) for end in (2, 3)}
    return {m[1] for m in _WHOLE.finditer(text)} | chosen


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
@pytest.mark.parametrize("locale", ["en", "ko"])
def test_every_label_exists(path: Path, locale: str) -> None:
    words = Words.load(LOCALES)
    found = _keys(path.read_text(encoding="utf-8"))
    assert sorted(key for key in found if words.called("", key, locale) == key) == []


def test_a_choice_between_two_labels_is_seen() -> None:
    assert _keys('{{ t("a.b." ~ ("x" if y == "z" else "w")) }} {{ t("a.c", by=1) }}') == {
        "a.b.x",
        "a.b.w",
        "a.c",
    }
