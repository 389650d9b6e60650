"""Reads files as articles, each kind by its reader."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from config.languages import ANSWERING, DEFAULT
from core.nlu.language_detection import foreign_language, language_of
from core.rag.domain.errors import UnreadableDocument
from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, count
from core.rag.reading import files, mail, markdown, pages
from core.rag.reading.pdf import reader as pdf
from core.rag.reading.tables import delimited, records

FEW_WORDS = 60  #: characters that show no language for certain
_PAGE = re.compile(r"https?://|/(?![/\\])")


def files_in(paths: Sequence[Path]) -> list[Path]:
    """The files to read in these paths; see `core.rag.reading.files.selected`."""
    return list(files.selected(paths, READERS).files)


def read_file(path: Path, *, topic: str = "", lang: str = "") -> list[Article]:
    """The articles in a file. Raises UnreadableDocument, naming the file and the reason."""
    return list(read(path, topic=topic, lang=lang).articles)


def read(
    path: Path, *, topic: str = "", lang: str = "", address: str = "", charset: str = ""
) -> Reading:
    """A file's articles, and what of it is not in them.

    `topic` and `lang` are what the operator says of it, before what it says of itself. A page that
    was fetched has an `address`, and the `charset` that its server named. Raises
    UnreadableDocument, naming the file and the reason.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(sorted(READERS))
        unknown = f"this kind of file is not known; known are {known}"
        raise UnreadableDocument(str(path), instead_of(path) or unknown)
    try:
        raw = files.bytes_of(path)
        if reader is pages.read:
            found = pages.read(path, raw, address=address, charset=charset)
        else:
            found = reader(path, raw)
    except UnreadableDocument:
        raise
    except FileNotFoundError as error:
        raise UnreadableDocument(str(path), "there is no such file") from error
    except RecursionError as error:
        raise UnreadableDocument(str(path), "it is nested too deeply") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableDocument(str(path), str(error) or type(error).__name__) from error
    except Exception as error:
        # The libraries of the formats raise errors of their own for broken files.
        raise UnreadableDocument(str(path), f"{type(error).__name__}: {error}") from error
    if not found.articles:
        reasons = "; ".join(str(one) for one in found.warnings[:3])
        why = "there is no text in it" + (f" ({reasons})" if reasons else "")
        raise UnreadableDocument(str(path), why)
    usual = _language(" ".join(f"{a.title} {a.text}" for a in found.articles[:200]))
    articles = [_completed(a, topic=topic, lang=lang, usual=usual) for a in found.articles]
    return _apart(replace(found, articles=articles))


def instead_of(path: Path) -> str:
    """What to do with a file of a kind that is not read; "" where its kind is not known."""
    from core.rag.reading.older import INSTEAD

    return INSTEAD.get(path.suffix.lower(), "") if path.suffix.lower() not in READERS else ""


def _lazily(module: str, name: str) -> Callable[[Path, bytes], Reading]:
    """A reader whose library is imported with the first file of its kind."""

    def read_it(path: Path, raw: bytes) -> Reading:
        from importlib import import_module

        found: Reading = getattr(import_module(f"core.rag.reading.{module}"), name)(path, raw)
        return found

    return read_it


READERS: Mapping[str, Callable[[Path, bytes], Reading]] = {
    ".md": markdown.read_markdown,
    ".markdown": markdown.read_markdown,
    ".mdx": markdown.read_markdown,
    ".txt": markdown.read_text,
    ".text": markdown.read_text,
    ".html": pages.read,
    ".htm": pages.read,
    ".xhtml": pages.read,
    ".pdf": pdf.read,
    ".csv": delimited.read,
    ".tsv": delimited.read,
    ".tab": delimited.read,
    ".jsonl": records.read_lines,
    ".ndjson": records.read_lines,
    ".json": records.read_document,
    ".eml": mail.read,
    ".docx": _lazily("office.word", "read"),
    ".docm": _lazily("office.word", "read"),
    ".xlsx": _lazily("office.sheets", "read_xlsx"),
    ".xlsm": _lazily("office.sheets", "read_xlsx"),
    ".pptx": _lazily("office.slides", "read"),
    ".odt": _lazily("office.open_document", "read_text"),
    ".odp": _lazily("office.open_document", "read_text"),
    ".ods": _lazily("office.open_document", "read_sheets"),
    ".epub": _lazily("office.epub", "read"),
    ".rtf": _lazily("office.rtf", "read"),
    ".doc": _lazily("older", "read_document"),
    ".xls": _lazily("older", "read_sheet"),
}


def _completed(article: Article, *, topic: str, lang: str, usual: str) -> Article:
    return replace(
        article,
        topic=topic or article.topic,
        locale=lang or article.locale or _spoken(f"{article.title} {article.text}", usual),
        # A citation leads to a page; what else a file calls its address might run in a browser.
        url=article.url if _PAGE.match(article.url) else "",
    )


def _spoken(text: str, usual: str) -> str:
    """The language of one entry; of a few words it is the one of the whole file."""
    found = _language(text)
    foreign = usual not in ANSWERING and (found == DEFAULT or found not in ANSWERING)
    return usual if foreign and len(text) < FEW_WORDS else found


def _language(text: str) -> str:
    """The language a text is written in; English where it shows none."""
    return foreign_language(text) or language_of(text)


def _apart(found: Reading) -> Reading:
    """Entries of one place told apart: a second row with a question is an article of its own.

    Both are named. One that says the very same is not kept twice.
    """
    said: dict[str, list[Article]] = {}
    kept: list[Article] = []
    warnings = list(found.warnings)
    dropped = Counter(found.dropped)
    for article in found.articles:
        before = said.setdefault(article.place.casefold(), [])
        if any(a.text == article.text for a in before):
            warnings.append(Warned(what=f"twice in this file: {_short(article.title)}"))
            dropped["repeated entries"] += count(article.title) + count(article.text)
            continue
        if before:
            what = f"answered once more, and otherwise, in this file: {_short(article.title)}"
            warnings.append(Warned(what=what))
            number = len(before) + 1
            article = replace(
                article, id=f"{article.id}-{number}", place=f"{article.place} ({number})"
            )
        before.append(article)
        kept.append(article)
    return replace(found, articles=kept, warnings=warnings, dropped=dropped)


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
