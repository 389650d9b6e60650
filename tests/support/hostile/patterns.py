"""Finds every regular expression of the product and makes the texts that would slow it down."""

from __future__ import annotations

import ast
import dataclasses
import functools
import gc
import importlib
import pkgutil
import random
import re
import re._constants as sre
import re._parser as sre_parser
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from core.text.linear_regex import LinearRegex

ROOT = Path(__file__).parents[3]
PACKAGES = (
    "app",
    "core",
    "channels",
    "plugins",
    "sources",
    "approvals",
    "analytics",
    "imports",
    "config",
)
MODULES = ("bot",)
METHODS = frozenset(
    {"compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn"}
)
TAILS = ("", "x", "!", "\0", "\n", "가", ")", " .")
SPACES = (" ", "\n", "\t ", "\u3000")


@dataclass(frozen=True, kw_only=True)
class Known:
    """A pattern of the product, where it stands, and how a text is searched with it."""

    where: str
    sources: tuple[str, ...]
    flags: int
    run: Callable[[str], object]


def every_pattern() -> list[Known]:
    """Those that live in modules, and those that are written into a call."""
    found: dict[int, Known] = {}
    for module in product_modules():
        for name, value in vars(module).items():
            for where, pattern in _inside(f"{module.__name__}.{name}", value, set(), 0):
                found.setdefault(id(pattern), _known(where, pattern))
    return [*found.values(), *(known for known, _ in written() if known is not None)]


def product_modules() -> Iterator[ModuleType]:
    """All modules of the product, imported."""
    for name in MODULES:
        yield importlib.import_module(name)
    for package in PACKAGES:
        root = importlib.import_module(package)
        yield root
        for info in pkgutil.walk_packages(root.__path__, f"{package}."):
            if ".templates" not in info.name and not info.name.endswith("__main__"):
                yield importlib.import_module(info.name)


def _inside(
    where: str, value: Any, seen: set[int], depth: int
) -> Iterator[tuple[str, re.Pattern[Any] | LinearRegex]]:
    if isinstance(value, LinearRegex):
        yield where, value
        return
    if isinstance(value, re.Pattern):
        yield where, value
        return
    if depth > 4 or id(value) in seen:
        return
    seen.add(id(value))
    parts: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Mapping):
        parts = [
            (str(key), item)
            for pair in value.items()
            for key, item in zip("kv", pair, strict=False)
        ]
    elif isinstance(value, (tuple, list, set, frozenset)):
        parts = [(str(number), item) for number, item in enumerate(value)]
    elif isinstance(value, type) and value.__module__.split(".")[0] in (*PACKAGES, *MODULES):
        parts = list(vars(value).items())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [(f.name, getattr(value, f.name, None)) for f in dataclasses.fields(value)]
    for name, item in parts:
        yield from _inside(f"{where}.{name}", item, seen, depth + 1)


def _known(where: str, pattern: re.Pattern[Any] | LinearRegex) -> Known:
    if isinstance(pattern, LinearRegex):
        return Known(where=where, sources=pattern.patterns, flags=0, run=pattern.which)
    source = pattern.pattern
    if isinstance(source, bytes):
        source, run = source.decode("latin-1"), pattern.finditer
        return Known(
            where=where,
            sources=(source,),
            flags=pattern.flags,
            run=lambda text: sum(1 for _ in run(text.encode("utf-8", "replace"))),
        )
    return Known(where=where, sources=(source,), flags=pattern.flags, run=_everywhere(pattern))


def _everywhere(pattern: re.Pattern[str]) -> Callable[[str], object]:
    """Searched from every place, as `sub` and `split` do; that costs more than any single call."""
    return lambda text: sum(1 for _ in pattern.finditer(text))


def written() -> Iterator[tuple[Known | None, str]]:
    """Each call of `re` in the source: its pattern where it can be read there, and its place.

    None where the pattern is made at run time.
    """
    for path in sorted(source_files()):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inner = {id(node) for top in tree.body for node in _in_functions(top)}
        for node in ast.walk(tree):
            if not _calls_re(node):
                continue
            assert isinstance(node, ast.Call)
            where = f"{path.relative_to(ROOT)}:{node.lineno}"
            try:
                text = ast.literal_eval(node.args[0])
            except (ValueError, IndexError):
                if id(node) in inner:
                    yield None, where
                continue
            if isinstance(text, str | bytes):
                pattern: re.Pattern[Any] = re.compile(text, _flags(node))
                known = _known(where, pattern)
                assert isinstance(node.func, ast.Attribute)
                if isinstance(text, str) and node.func.attr in ("match", "fullmatch", "search"):
                    known = dataclasses.replace(known, run=getattr(pattern, node.func.attr))
                if (
                    node.func.attr != "compile" or id(node) in inner
                ):  # those are found where they live
                    yield known, where


def source_files() -> Iterator[Path]:
    for name in MODULES:
        yield ROOT / f"{name}.py"
    for package in PACKAGES:
        yield from (p for p in (ROOT / package).rglob("*.py") if "templates" not in p.parts)


def _in_functions(top: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(top):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from ast.walk(node)


def _calls_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in METHODS
    )


def _flags(call: ast.Call) -> int:
    flags = 0
    for node in ast.walk(call):
        if isinstance(node, ast.Attribute) and node.attr.isupper():
            flags |= int(getattr(re, node.attr, 0))
    return flags


# Texts against a pattern


def attacks(known: Known, *, seed: int = 7) -> list[tuple[str, str, str]]:
    """Texts as (beginning, what is repeated, end), from the pattern's own words and structure."""
    rng = random.Random(seed)
    found: dict[tuple[str, str, str], None] = {}

    def add(head: str, pump: str, tail: str) -> None:
        if pump:
            found.setdefault((head, pump, tail))

    for source in known.sources:
        tree = sre_parser.parse(source, known.flags & ~re.UNICODE)
        words = list(dict.fromkeys(_words(tree)))
        some = words if len(words) <= 12 else rng.sample(words, 12)
        for space in SPACES:
            add("", space, "")
            add("", space, "x")
        for word in some:
            for between in ("", " "):
                add("", word + between, "")
                add("", word + between, rng.choice(TAILS))
            add(word, rng.choice(SPACES), "x")
            add("", word + " " * 40, "x")
        for _ in range(4):
            add("", " ".join(rng.sample(words, min(3, len(words)))) + " ", "x")
        for before, body in _pumps(tree, ""):
            for _ in range(3):
                pump = sample(body, rng, top=2) or sample(body, rng, top=3)
                head = sample(before, rng, top=1)
                for tail in rng.sample(TAILS, 3):
                    add(head, pump, tail)
                    add("", head + pump, tail)
        for _ in range(6):
            whole = sample(tree, rng, top=3)
            add("", whole, "")
            add("", whole[:-1], rng.choice(TAILS))
            add("", whole[: len(whole) // 2], rng.choice(TAILS))
            add(whole[: len(whole) // 2], whole[len(whole) // 2 :], "\0")
    every = list(found)
    return every if len(every) <= 400 else rng.sample(every, 400)


def text_of(attack: tuple[str, str, str], length: int) -> str:
    """The text at about this length."""
    head, pump, tail = attack
    return head + pump * max(1, (length - len(head) - len(tail)) // len(pump)) + tail


def seconds(run: Callable[[str], object], text: str) -> float:
    """Processor seconds of one search, the collector's work for others left out."""
    gc.disable()
    began = time.thread_time()
    try:
        run(text)
    finally:
        took = time.thread_time() - began
        gc.enable()
    return took


def steady(measure: Callable[[], float], *, limit: float, times: int = 5) -> float:
    """What `measure` tells, asked again while it is over the limit: the least of them.

    Whoever else is at work takes the processor's caches, and half of a core that is shared; it
    makes a measurement longer and never shorter. What is slow by itself is so each time.
    """
    least = measure()
    for _ in range(times - 1):
        if not limit < least < 4 * limit:
            break
        least = min(least, measure())
    return least


def worst(known: Known, length: int, *, limit: float) -> tuple[float, tuple[str, str, str]]:
    """The longest time that this pattern takes for a text of ours up to this length.

    Lengths grow in small steps, so that what would take for ever is caught while it takes long.
    """
    times: list[tuple[float, tuple[str, str, str]]] = []
    for attack in attacks(known):
        took = 0.0
        for size in (24, 32, 44, 64, 100, 200, 600):
            text = text_of(attack, size)
            took = steady(functools.partial(seconds, known.run, text), limit=limit)
            if took > limit:
                return took, attack
        times.append((took, attack))
    times.sort(reverse=True)
    slowest = (0.0, ("", " ", ""))
    for _, attack in [*times[:4], *times[4:40:9]]:
        for size in (2000, 6000, length):
            text = text_of(attack, size)
            took = steady(functools.partial(seconds, known.run, text), limit=limit)
            if took > slowest[0]:
                slowest = (took, attack)
            if took > limit:
                return slowest
    return slowest


def _words(tree: Any) -> Iterator[str]:
    """Runs of letters that the pattern names."""
    run = ""
    for op, value in tree:
        if op is sre.LITERAL:
            run += chr(value)
            continue
        if run:
            yield run
        run = ""
        for child in _children(op, value):
            yield from _words(child)
    if run:
        yield run


def _children(op: Any, value: Any) -> list[Any]:
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return [value[2]]
    if op is sre.SUBPATTERN:
        return [value[3]]
    if op is sre.BRANCH:
        return list(value[1])
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    if op is sre.ATOMIC_GROUP:
        return [value]
    return []


def _pumps(tree: Any, _before: str) -> Iterator[tuple[list[Any], Any]]:
    """Every repeated part, with what stands before it in the same sequence."""
    items = list(tree)
    for number, (op, value) in enumerate(items):
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT) and value[1] > 3:
            yield items[max(0, number - 6) : number], value[2]
        for child in _children(op, value):
            for before, body in _pumps(child, _before):
                yield [*items[max(0, number - 3) : number], *before], body


def sample(tree: Any, rng: random.Random, *, top: int) -> str:
    """A text that the tree matches, look-arounds left aside."""
    text = ""
    for op, value in tree:
        if op is sre.LITERAL:
            text += chr(value)
        elif op is sre.NOT_LITERAL:
            text += "x" if chr(value) != "x" else "y"
        elif op is sre.ANY:
            text += rng.choice("a .")
        elif op is sre.IN:
            text += _one_of(value, rng)
        elif op is sre.BRANCH:
            text += sample(rng.choice(value[1]), rng, top=top)
        elif op is sre.SUBPATTERN:
            text += sample(value[3], rng, top=top)
        elif op is sre.ATOMIC_GROUP:
            text += sample(value, rng, top=top)
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            low, high, body = value
            for _ in range(rng.randint(min(low, 30), min(max(low, top), high, 30))):
                text += sample(body, rng, top=top)
    return text


_OF_CATEGORY = {
    sre.CATEGORY_SPACE: " \n\t", sre.CATEGORY_NOT_SPACE: "a가.", sre.CATEGORY_DIGIT: "07",
    sre.CATEGORY_NOT_DIGIT: "a.", sre.CATEGORY_WORD: "a0가_", sre.CATEGORY_NOT_WORD: " .-",
}  # fmt: skip


def _one_of(parts: Any, rng: random.Random) -> str:
    negated = any(op is sre.NEGATE for op, _ in parts)
    if negated:
        refused = re.compile(
            "[" + "".join(_class_part(p) for p in parts if p[0] is not sre.NEGATE) + "]"
        )
        return next((c for c in rng.sample("a0 .가-_x", 8) if not refused.match(c)), "\x07")
    op, value = rng.choice(parts)
    if op is sre.LITERAL:
        return chr(value)
    if op is sre.RANGE:
        return chr(rng.choice((value[0], value[1])))
    return rng.choice(_OF_CATEGORY.get(value, "a"))


def _class_part(part: Any) -> str:
    op, value = part
    if op is sre.LITERAL:
        return re.escape(chr(value))
    if op is sre.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    named = {
        sre.CATEGORY_SPACE: r"\s", sre.CATEGORY_NOT_SPACE: r"\S", sre.CATEGORY_DIGIT: r"\d",
        sre.CATEGORY_NOT_DIGIT: r"\D", sre.CATEGORY_WORD: r"\w", sre.CATEGORY_NOT_WORD: r"\W",
    }  # fmt: skip
    return named[value]
