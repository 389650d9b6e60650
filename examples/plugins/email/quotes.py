"""Takes from a reply what its writer did not write: quotes, their headers, the signature."""

from __future__ import annotations

import re

_STARTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # "On Mon, 2 Mar 2026 at 09:00, Desk <desk@example.com> wrote:", also over two lines
        r"^on .{5,200}wrote:\s*$",
        r"^le .{5,200}a écrit\s*:\s*$",
        r"^am .{5,200}schrieb .{0,200}:\s*$",
        # The same as Korean mail programs put it.
        r"^\d{4}년 .{3,200}(작성|쓰신 글|보낸 메시지)\s*:\s*$",
        r"^-{2,}\s*(original|forwarded) message\s*-{2,}",
        r"^-{2,}\s*(원본 메시지|원본 메일|전달된 메시지)\s*-{2,}",
        r"^_{20,}\s*$",
    )
)
_HEADER = re.compile(
    r"^\*?(from|sent|to|subject|date|보낸\s?사람|받는\s?사람|보낸\s?날짜|제목|날짜)\s*:\*?\s",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"^-- ?$")


def own_words(text: str) -> str:
    """What the writer added; the whole text when nothing else would be left."""
    lines = text.replace("\r\n", "\n").split("\n")
    kept: list[str] = []
    for number, line in enumerate(lines):
        bare = line.strip()
        if _SIGNATURE.match(line.rstrip("\r")) or _begins_a_quote(lines, number):
            break
        if bare.startswith(">"):
            continue
        kept.append(line.rstrip())
    words = "\n".join(kept).strip()
    return words or text.strip()


def _begins_a_quote(lines: list[str], number: int) -> bool:
    here = lines[number].strip()
    two = f"{here} {lines[number + 1].strip()}" if number + 1 < len(lines) else here
    if any(start.match(here) for start in _STARTS):
        return True
    if any(start.match(two) for start in _STARTS[:4]):
        return True
    # Outlook writes the quoted letter's headers out: two of them in a row are no accident.
    following = lines[number + 1].strip() if number + 1 < len(lines) else ""
    return bool(_HEADER.match(here + " ") and _HEADER.match(following + " "))
