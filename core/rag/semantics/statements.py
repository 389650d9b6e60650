"""Tells statements from questions and headings."""

from __future__ import annotations

import re
from collections.abc import Collection

from config.languages import every
from core.rag.domain.chunks import sentences
from core.rag.vectors.lexical import normalize

QUESTION_CHARS = 200  #: a longer line is no question that stands for itself
_MARKS = "*_`#>\"'“”‘’() \t-•·"
_END = (".", "!", "。", "…", "！")
_BEGINS = re.compile("|".join(every("statements", "begins")))
_ENDS = re.compile("|".join(every("statements", "ends")))
_FACT = re.compile(r"\d")


def is_question(sentence: str) -> bool:
    """Whether this asks instead of saying: by its mark, else by how it begins or ends."""
    said = sentence.strip(_MARKS)
    if said.endswith(("?", "？", "؟")):
        return True
    if said.endswith(_END) or len(said) > QUESTION_CHARS:
        return False
    return _BEGINS.match(said.lower()) is not None or _ENDS.search(said) is not None


def says_something(text: str, *, titles: Collection[str] = ()) -> bool:
    """Whether any line of the text could answer somebody.

    A question does not, nor a line that only repeats a title it stands under.
    """
    return any(is_statement(line, titles=titles) for line in sentences(text))


def is_statement(sentence: str, *, titles: Collection[str] = ()) -> bool:
    """Whether this sentence, or line of a list or a table, says something."""
    said = sentence.strip(_MARKS)
    if not any(character.isalnum() for character in said) or is_question(sentence):
        return False
    # "We open at nine." under a title of the same words is a sentence; "Opening hours" is none.
    if said.endswith(_END) or _FACT.search(said):
        return True
    repeats = {normalize(title.strip(_MARKS)) for title in titles}
    return normalize(said) not in repeats
