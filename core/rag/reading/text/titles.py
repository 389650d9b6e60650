"""Tells the title of a document from what programs write in its place."""

from __future__ import annotations

import re

_OF_A_PROGRAM = re.compile(
    r"^(?:microsoft (?:office )?(?:word|powerpoint|excel)\b.*|untitled.*|unbenannt.*|document ?\d*|"
    r"dokument ?\d*|presentation ?\d*|powerpoint.presentation|powerpoint-präsentation|book ?\d*|"
    r"slide ?\d+|sheet ?\d+|page ?\d+|title|new document|"
    r"무제.*|제목 ?없음.*|文書 ?\d*|print.*\bjob)$",
    re.IGNORECASE,
)
_OF_A_FILE = re.compile(
    r"\.(?:docx?|docm|pdf|pptx?|xlsx?|odt|ods|odp|rtf|indd|pages|key|hwpx?|tmp|txt|html?|ai|qxp|"
    r"tex|dvi|ps|eps|cdr|fm|p65|pub|vsd|wpd)\W*\d*$",
    re.IGNORECASE,
)
_NO_WORDS = re.compile(r"\A(?:[\W\d_]*+|[a-z0-9]++(?:[_-][a-z0-9]++){2,}+)\Z", re.IGNORECASE)


def usable(title: str) -> str:
    """The title; "" for the name of a program, of a file, or of nothing."""
    title = " ".join(title.split())
    of_a_path = " " not in title and ("_" in title or "~" in title)
    if of_a_path or _OF_A_PROGRAM.match(title) or _OF_A_FILE.search(title):
        return ""
    if _NO_WORDS.match(title):
        return ""
    return title
