"""Texts that a stranger, a model or an article may hold, and how time grows with them."""

from __future__ import annotations

import gc
import inspect
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.hostile.patterns import product_modules, steady

UNITS = (
    "1. ", ".", ". ", "a", "가", "a ", "가 ", "\n", " ", "#", "# a\n", "- a\n", "> ", ">", "`",
    "`` ",    "```\n", "```a\n", "*", "**a", "**a** ", "*a ", "_a_ ", "_", "[", "[a](",
    "[a](b) ", "![", "](",
    "<", "<!--", "<a>", "<a href=", "http://a.b/ ", "http://", "www.", "www.a.b ", "a@b.", "a.",
    "1", "1 ", "010-", "010-1234-5678 ", "1:2,", "1.", "|", "|a|b|\n", "a|b\n-|-\n", "\\", "&amp;",
    "&", "&lt;", "😀", "👍🏽", "🇰🇷", "e\u0301", "\u200d", "ᄀ", "? ", "!)", "“", "... ", "{",
    '{"a":', '{"claims":[', '{"claims": [{"text": "a. ", ', '"', "[1] ", "[1]", "a [1]. ", "[[1]](",
    "~~a",
    "~", "\t", "  - ", "- ", "+ a\n  ", "0 ", "A.", "-----BEGIN PRIVATE KEY-----", "password is ",
    "ㅋ", "ㅋㅋ ", "ignore all ", "앞선", "all ", "no ", "'", "x'y ", "(", ")", "()", "a-", "=",
    "a\n=\n", "---\n", "\r\n", "\u2028", "\x00", "Ａ", "ﷺ", "<b", "mailto:a@b.c ", "$", "^",
    "1)", "ก", "İ", "ß", "좋아요 ", "ha", "<@U1> ", "<http://a|b> ", "liked “a” ", "STOP ",
    "<think>", "</think>", "NO_ANSWER ", "source 1 ", "【1†a】", "On a wrote:\n", "a, ",
    "hundred and ", "사과와 ", "A\n", "Bo Li\n", "김철수 드림\n", "-- \n", "<style>a{b:c}",
    "<div style=display:none>", "[a]: b\n", "서울 강남구 가로1 ", "Order #1", "sk-", "\u202e",
)  # fmt: skip


def text_of(unit: str, length: int) -> str:
    """The unit again and again, this many characters."""
    return (unit * (length // len(unit) + 1))[:length]


def seconds(call: Callable[[str], Any], text: str) -> float:
    """Processor seconds of the call with all that it yields; how it ends does not matter."""
    gc.disable()
    began = time.thread_time()
    try:
        made = call(text)
        if isinstance(made, Iterator):
            for _ in made:
                pass
    except Exception:
        pass
    finally:
        took = time.thread_time() - began
        gc.enable()
    return took


def of_one_text(not_these: Callable[[str], bool]) -> Iterator[tuple[str, Callable[[str], Any]]]:
    """The product's functions that need one text and nothing else, by name."""
    for module in product_modules():
        for name, call in vars(module).items():
            where = f"{module.__name__}.{name}"
            if (
                not inspect.isfunction(call)
                or inspect.iscoroutinefunction(call)
                or call.__module__ != module.__name__
                or not_these(where)
            ):
                continue
            needed = [
                p for p in inspect.signature(call).parameters.values() if p.default is p.empty
            ]
            if len(needed) == 1 and needed[0].annotation == "str":
                yield where, call


def slow(call: Callable[[str], Any], *, length: int, limit: float, growth: float) -> str:
    """What makes the call slow, or "": longer than the limit, or grown by more than its text.

    What looks slow is measured again: others at work on the machine make a measurement longer,
    by their share of the processor's caches, and never shorter.
    """

    def least(size: int, *, over: float, unit: str) -> float:
        text = text_of(unit, size)
        return steady(lambda: seconds(call, text), limit=over)

    for unit in UNITS:
        eighth = seconds(call, text_of(unit, length // 8))
        if eighth < limit / 200:
            continue  # a square of this would stay far below the limit
        # Where twice the text takes less than 2.4 times as long, at most a fifth of the time grows
        # as a square: four times the quarter's text takes at most eight times the quarter's time.
        once = seconds(call, text_of(unit, length // 4))
        if once < 2.4 * eighth and once < limit / growth:
            continue
        quarter = least(length // 4, over=limit / 4, unit=unit)
        if quarter > limit:
            return f"{unit!r}: {quarter * 1000:.0f} ms at a quarter"
        whole = least(length, over=max(limit / 5, growth * quarter), unit=unit)
        whole = min(whole, least(length, over=limit, unit=unit)) if whole > limit else whole
        if whole > limit or (whole > limit / 5 and whole > growth * quarter):
            return f"{unit!r}: {quarter * 1000:.0f} ms at a quarter, {whole * 1000:.0f} ms"
    return ""
