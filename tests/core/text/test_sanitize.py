"""What nobody sees goes from every text; what a script or an emoji needs stays."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.text.sanitize import conceals, is_blank, sanitize

KEPT = [
    "👩‍👩‍👧‍👦 and 👨🏽‍💻 and 🏳️‍🌈 and 🏴‍☠️ and ❤️‍🔥",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f Scotland, 🇰🇷 Korea",
    "1️⃣ and #️⃣, ☎︎ as text and ☎️ as a picture",
    "ㅋㅋㅋ ㅠㅠ 한글 한글 ᄒᆞᆫ글",
    "\u1112\u119e\u11ab old Hangul, \u115f\u1161 and \u1100\u1160\u11a8 with a filler",
    "می‌خواهم and نمی‌دانم, שלום\u200f! 12\u200f ש",
    "क्‍ष and ക്‍ക, ශ්‍රී",
    "葛\U000e0100城 and 辻\ufe00",
    "ᠮᠣᠩᠭᠣᠯ\u180bᠠ",
    "café naïve e\u0301 Ünïcödé",
    "tabs\tand\r\nlines\nand no-break\u00a0spaces\u3000here",
]
HIDDEN = {
    "pass\u200bword": "password",
    "sa\u00adfe": "safe",
    "\u202emoc.live\u202c": "moc.live",
    "a\u2066b\u2069c": "abc",
    "help\u2060.acme\ufeff.com": "help.acme.com",
    "30\u200c0 days": "300 days",
    "ab\u200d": "ab",
    "비\u200b밀\u3164번\uffa0호": "비밀번호",
    "가\u1160나": "가나",
    "\U000e0041\U000e0042hello\U000e007f": "hello",
    "🏴\U000e0067\U000e0062": "🏴",
    "x\ufe0fy\ufe00z": "xyz",
    "left\u200eright": "leftright",
    "bell\x07 null\x00 esc\x1b[31m": "bell null esc[31m",
    "one\u2028two\x0bthree\x85four": "one\ntwo\nthree\nfour",
    "a\ufff9b\ufffac\ufffb": "abc",
    "a\U0001d173b": "ab",
}


@pytest.mark.parametrize("text", KEPT)
def test_what_a_script_needs_stays(text: str) -> None:
    assert sanitize(text) == text
    assert not conceals(text)


@pytest.mark.parametrize(
    "text", ["", " \n", "\u200b", "\u3164\u00a0", "\u2800 \u2003", "\u202e\u202c"]
)
def test_what_shows_nothing_is_blank(text: str) -> None:
    assert is_blank(text)
    assert not is_blank(f"{text}.")


@pytest.mark.parametrize(("text", "seen"), HIDDEN.items())
def test_what_nobody_sees_goes(text: str, seen: str) -> None:
    assert sanitize(text) == seen


@settings(max_examples=400, deadline=None)
@given(st.text())
def test_cleaning_twice_is_cleaning_once_and_loses_nothing_visible(text: str) -> None:
    clean = sanitize(text)
    assert sanitize(clean) == clean
    visible = [c for c in text if unicodedata.category(c)[0] in "LNPS" and c not in "\u115f\u1160"]
    fillers = "\u3164\uffa0"
    assert [c for c in visible if c not in fillers] == [
        c for c in clean if unicodedata.category(c)[0] in "LNPS" and c not in "\u115f\u1160"
    ]


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet="abc가나다 .,1", min_size=1),
    st.lists(
        st.tuples(
            st.integers(0, 30),
            st.sampled_from("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2060\u2063\u3164\ufeff"),
        ),
        min_size=1,
    ),
)
def test_hidden_characters_anywhere_in_plain_text_go(
    text: str, hidden: list[tuple[int, str]]
) -> None:
    dirty = text
    for at, char in hidden:
        dirty = dirty[:at] + char + dirty[at:]
    assert sanitize(dirty) == text


@pytest.mark.parametrize(
    ("text", "hides"),
    [
        ("a soft\u00adhyphen", False),
        ("\ufeffbegins with a mark", False),
        ("two words\u200b apart", False),
        ("in\u200bside", True),
        ("turned \u202eround", True),
        ("\U000e0041 tag", True),
        ("30\u200d0", True),
        ("plain", False),
    ],
)
def test_what_is_hidden_on_purpose_is_told_from_what_comes_with_copied_text(
    text: str, hides: bool
) -> None:
    assert conceals(text) is hides
