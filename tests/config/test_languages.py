"""Every language in the list has all words of its readers, and none of another's blanks."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

import pytest

from config.languages import (
    ANSWERING,
    DEFAULT,
    LANGUAGES,
    LOCALES,
    STAFF,
    language_called,
    patterns,
)
from core.i18n import choose_locale
from tests.support.hostile.patterns import PACKAGES, ROOT, source_files

CUSTOMERS = ("channels", "chat", "desk", "notices", "smalltalk")
"""The files of `config/locales/LANGUAGE` that customers read; the others are for staff."""
ALIKE = re.compile(r"[\W\d_]*\Z")  #: a text without letters is the same in any language


def faults(folder: Path, language: str, files: tuple[str, ...]) -> list[str]:
    """What this language lacks, or has too much, against the default one."""
    found = []
    for name in files:
        ours, theirs = _texts(folder / DEFAULT, name), _texts(folder / language, name)
        found += [f"{name}.{key} is missing" for key in ours.keys() - theirs.keys()]
        found += [f"{name}.{key} is read by nobody" for key in theirs.keys() - ours.keys()]
        for key in ours.keys() & theirs.keys():
            if _blanks(ours[key]) != _blanks(theirs[key]):
                found.append(f"{name}.{key} has other blanks: {theirs[key]}")
            if ours[key].strip() and not theirs[key].strip():
                found.append(f"{name}.{key} is empty")
    return sorted(found)


def files_of(language: str) -> tuple[str, ...]:
    """What this language has to translate."""
    if language not in STAFF:
        return CUSTOMERS
    return tuple(f.stem for f in sorted((LOCALES / DEFAULT).glob("*.toml")) if f.stem != "language")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_missing(language: str) -> None:
    assert faults(LOCALES, language, files_of(language)) == []


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != DEFAULT])
def test_no_word_is_left_in_english(language: str) -> None:
    for name in CUSTOMERS:
        ours, theirs = _texts(LOCALES / DEFAULT, name), _texts(LOCALES / language, name)
        same = [key for key, text in ours.items() if theirs[key] == text and not ALIKE.match(text)]
        assert same == [], name


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ('sources = "Fuentes {n}"', "channels.sources has other blanks: Fuentes {n}"),
        ('extra = "x"', "channels.extra is read by nobody"),
        ('sources = " "', "channels.sources is empty"),
        ("", "channels.sources is missing"),
    ],
)
def test_a_planted_fault_is_found(tmp_path: Path, planted: str, told: str) -> None:
    for language, text in ((DEFAULT, 'sources = "Sources"'), ("es", planted)):
        (tmp_path / language).mkdir()
        (tmp_path / language / "channels.toml").write_text(text, encoding="utf-8")
    assert told in faults(tmp_path, "es", ("channels",))


def test_the_list_is_the_folders() -> None:
    assert set(LANGUAGES) == {f.parent.name for f in LOCALES.glob("*/language.toml")}
    assert next(iter(LANGUAGES)) == DEFAULT
    assert DEFAULT in ANSWERING
    assert DEFAULT in STAFF


def test_a_language_is_chosen_by_what_people_call_it() -> None:
    assert language_called(" Español ") == "es"
    assert language_called("스페인어") == "es"
    assert language_called("영어") == "en"
    assert language_called("KO") == "ko"
    assert language_called("klingon") == language_called("") == ""
    called = [name for one in LANGUAGES.values() for name in one.called]
    assert len(called) == len(set(called))
    assert choose_locale("es-MX") == "es"
    assert choose_locale("es_419", among=STAFF) == DEFAULT


@pytest.mark.parametrize("language", ANSWERING)
def test_who_is_answered_word_by_word_has_every_file_of_patterns(language: str) -> None:
    ours, theirs = (
        {file.name for file in (LOCALES / code / "patterns").glob("*.toml")}
        for code in (DEFAULT, language)
    )
    assert ours - {"replies.toml", "telling.toml"} <= theirs  # Korean is told by its letters


GRAMMAR = {
    "core/nlu/language_detection.py": "Hangul is Korean",
    "core/nlu/questions.py": "whose grammar reads a text",
    "core/nlu/questions_ko.py": "Korean grammar",
    "core/rag/groundedness/contradictions.py": "a word with particles, or one with a stem",
    "core/rag/retrieval/followups.py": "what verbs end with",
    "core/rag/safety/secret_requests.py": "the order of words",
    "core/rag/safety/solicitation.py": "the order of words",
    "core/rag/semantics/alignment.py": "a word with particles, or one with a stem",
    "core/rag/semantics/answer_types.py": "what a question word asks for",
    "core/rag/semantics/counted_things.py": "a unit behind its number, or grown together with it",
    "core/rag/semantics/departures/departures.py": "nouns that stand side by side",
    "core/rag/semantics/facets.py": "words by stems, or within others",
    "core/rag/semantics/keywords.py": "a word with particles, or one with a stem",
    "core/rag/semantics/negation.py": "what stands before or after the word that it denies",
    "core/rag/semantics/amounts/number_words.py": "how numbers are put together",
    "core/rag/semantics/source_sentences.py": "a verb made of a noun",
    "core/rag/semantics/thesaurus.py": "words by stems, or as they stand",
    "plugins/console/pages.py": "the manifest's key `description_ko`",
}
"""The modules that name a language, each with the reason: it cannot be a list of words."""


def test_nothing_but_grammar_names_a_language() -> None:
    codes = set(LANGUAGES) - {DEFAULT}
    named = set()
    for path in source_files():
        constants = (n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if _is_text(n))
        if any(node.value in codes for node in constants):
            named.add(str(path.relative_to(ROOT)))
    assert named == set(GRAMMAR)


def test_no_script_or_template_names_a_language() -> None:
    names = re.compile("|".join(f"""["']{code}["']""" for code in LANGUAGES if code != DEFAULT))
    files = [f for p in PACKAGES for kind in ("js", "html") for f in (ROOT / p).rglob(f"*.{kind}")]
    assert len(files) > 30
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        told = [line for line in lines if not line.lstrip().startswith("//") and names.search(line)]
        assert told == [], file


def test_a_language_without_patterns_of_a_topic_is_left_out() -> None:
    assert list(patterns("matching")) == ["en", "ko"]
    assert patterns("no such topic") == {}


def _is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _texts(folder: Path, name: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    file = folder / f"{name}.toml"
    if file.is_file():
        _flatten(tomllib.loads(file.read_text(encoding="utf-8")), "", found)
    return found


def _flatten(node: Mapping[str, object], prefix: str, into: dict[str, str]) -> None:
    for key, value in node.items():
        if isinstance(value, Mapping):
            _flatten(value, f"{prefix}{key}.", into)
        else:
            into[f"{prefix}{key}"] = str(value)


def _blanks(text: str) -> list[str]:
    """The blanks of a text; a date may name its month or count it."""
    names = (name for _, name, _, _ in string.Formatter().parse(text) if name)
    return sorted(name.removesuffix("_name") for name in names)
