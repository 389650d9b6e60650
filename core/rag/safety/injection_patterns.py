"""The wordings by which people try to steer an assistant, by kind; data of each language.

They are `config/locales/LANGUAGE/patterns/injection.toml`. Texts arrive here in lower case, NFKC,
without invisible characters. A `plain` pattern counts anywhere; a `command` counts only in a
sentence that is not a how-to question ("how do I …").
"""

from __future__ import annotations

from config.languages import every
from core.text.linear_regex import LinearRegex

TRICKS = ("override", "reveal", "role", "delimiter", "others", "command", "encoded")
"""The families of attempts, in the order in which they are named."""


def _named(kind: str) -> tuple[LinearRegex, tuple[str, ...]]:
    """All tricks' patterns as one search, and whose each of them is."""
    pairs = [(name, pattern) for name in TRICKS for pattern in every("injection", name, kind)]
    return LinearRegex(*(pattern for _, pattern in pairs)), tuple(name for name, _ in pairs)


_PLAIN = _named("plain")
_COMMAND = _named("command")


def plain_tricks(text: str) -> frozenset[str]:
    """Names of the tricks whose wording stands anywhere in the text."""
    regex, owners = _PLAIN
    return frozenset(owners[number] for number in regex.which(text))


def command_tricks(sentence: str) -> frozenset[str]:
    """Names of the tricks that this sentence orders; ask it only of what is no how-to question."""
    regex, owners = _COMMAND
    return frozenset(owners[number] for number in regex.which(sentence))


HOW_TO = LinearRegex(*every("injection", "how_to"))
"""Sentences in which the customer asks how something is done, in any of the languages."""
