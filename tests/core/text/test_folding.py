"""Folding makes one form of alike signs and never a text many times as long."""

from __future__ import annotations

import re
import sys

from core.text.folding import compatible
from tests.support.process import PRODUCT, ROOT


def test_alike_signs_are_one() -> None:
    assert compatible("Ｒｅｆｕｎｄ №５ ﬁle ㎏ 환불") == "Refund No5 file kg 환불"
    assert compatible("plain") == "plain"


def test_no_sign_becomes_more_than_six_letters() -> None:
    longest = max(range(sys.maxunicode + 1), key=lambda code: len(compatible(chr(code))))
    assert len(compatible(chr(longest))) <= 6, hex(longest)


def test_only_addresses_are_folded_without_that_bound() -> None:
    """Whoever calls NFKC by himself gets eighteen times the text from the one sign "ﷺ"."""
    by_hand = {
        str(path.relative_to(ROOT))
        for top in PRODUCT
        for path in (ROOT / top).rglob("*.py")
        if re.search(r"normalize\(\s*[\"']NFKC", path.read_text("utf-8"))
    }
    assert by_hand == {"core/text/folding.py", "core/text/links.py", "core/text/autolinks.py"}
