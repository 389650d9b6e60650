"""Recognises headings in plain text: a question alone on its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from config.languages import every
from core.rag.domain.chunks import sentences
from core.rag.semantics.statements import QUESTION_CHARS, is_question

_HEADING = re.compile(r"^(#{1,6})\s")
_FENCES = ("```", "~~~")
_ITEM = re.compile(r"^(?:[-*+•·]|\d{1,3}[.)])\s")
_NUMBERED = r"[ .]?[ ]?\d{0,3}[ ]?[.:)）：](?:\*\*|__)?"
_ASKED = re.compile(
    rf"^(?:\*\*|__)?(?:{'|'.join(every('documents', 'question'))}){_NUMBERED}", re.IGNORECASE
)
_ANSWERED = re.compile(
    rf"^(?:\*\*|__)?(?:{'|'.join(every('documents', 'answer'))}){_NUMBERED}", re.IGNORECASE
)
_AROUND = "*_ \t"
ENDS = (".", "!", "?", ":", "。", "？", "！", "؟")
ASKS = ("?", "？", "؟")
TITLE_CHARS = 100  #: of a first line that may be a title


def with_questions_as_headings(text: str) -> str:
    """The text with each question that stands alone on a line as the heading of what follows.

    "Q: …" and "A: …" count by their letter. Of several questions in a row the later ones are noted
    as other ways to ask the first. Code and lists stay as they are.
    """
    return "\n".join(_structured(text.splitlines()))


def titled(text: str) -> tuple[str, str]:
    """A plain text's title, "" where its first line is none, and the rest with its headings."""
    first, _, rest = text.partition("\n")
    first = first.strip()
    asked, said = _question(first)
    others = (_question(line)[0] for line in rest.splitlines())
    if len(first) > TITLE_CHARS or said or (asked and any(others)):
        # Of many questions the first is no title of the others.
        return "", with_questions_as_headings(text)
    if asked or first.endswith(ENDS) or not rest.strip():
        return asked or first, with_questions_as_headings(text)
    return first, f"# {first}\n\n{with_questions_as_headings(rest.strip())}"


def _structured(lines: list[str]) -> Iterator[str]:
    level, fenced, answered = 1, False, True
    # Only where a paragraph may begin: of a question that was wrapped the last line is none.
    begins = True
    hidden = False  # in an author's note
    for line, following in zip(lines, _following(lines), strict=True):
        if hidden or line.lstrip().startswith("<!--"):
            hidden = "-->" not in line
            yield line
            continue
        if line.lstrip().startswith(_FENCES):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading is not None:
            level, answered = len(heading[1]), True
        question, rest = "", ""
        if begins and not fenced and heading is None:
            question, rest = _question(line, following)
        begins = heading is not None or not line.strip() or line.rstrip(_AROUND).endswith(ENDS)
        if question and answered:
            yield f"\n{'#' * min(level + 1, 6)} {question}\n"
            answered = bool(rest)
            if rest:
                yield rest
        elif question:
            yield f"<!-- asked:\n{question}\n-->"
        else:
            # What begins with a letter for the answer begins a paragraph of its own.
            said = line if fenced or answered else _without(_ANSWERED, line)
            answered = answered or bool(line.strip())
            yield said


def begins_anew(line: str) -> bool:
    """Whether a line begins with the letter for a question or an answer."""
    return _ASKED.match(line) is not None or _ANSWERED.match(line) is not None


def _following(lines: Sequence[str]) -> Sequence[str]:
    """Of each line the next one that is not blank, "" behind the last."""
    following, after = [""] * len(lines), ""
    for at in range(len(lines) - 1, -1, -1):
        following[at] = after
        after = lines[at].strip() or after
    return following


def _question(line: str, following: str = "") -> tuple[str, str]:
    """The question that a line is, without its letter, and what is said behind it.

    "" for any other line. A numbered question is one where no item follows: else it is a contents.
    """
    line = line.strip()
    if line.startswith(">"):
        return "", ""  # what somebody else asked, quoted
    item = _ITEM.match(line)
    bare = line[item.end() :] if item else line
    marked = _ASKED.match(bare) is not None
    said = _without(_ASKED, bare).strip(_AROUND)
    if marked and (end := next((i for i, c in enumerate(said) if c in ASKS), 0)):
        said, rest = said[: end + 1], said[end + 1 :].strip(_AROUND)
        rest = _without(_ANSWERED, rest)
    else:
        rest = ""
    if not said or len(said) > QUESTION_CHARS:
        return "", ""
    if marked:
        return said, rest
    if item and not (item[0][0].isdigit() and _is_answered(following)):
        return "", ""
    asks = said.endswith(ASKS) and is_question(said) and len(sentences(said)) == 1
    return (said, "") if asks else ("", "")


def _is_answered(after: str) -> bool:
    return bool(after) and not _ITEM.match(after) and not after.endswith(ASKS)


def _without(mark: re.Pattern[str], line: str) -> str:
    """The line without its letter at the beginning."""
    found = mark.match(line.lstrip())
    return line.lstrip()[found.end() :].lstrip() if found else line
