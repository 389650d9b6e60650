"""Files as articles: Markdown, text, HTML, PDF, CSV of question and answer, JSONL."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from core.rag.chunks import language_of, plain
from core.rag.errors import UnreadableDocument
from core.rag.passages import Article

MAX_BYTES = 50_000_000
_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_PAGE = re.compile(r"https?://|/(?![/\\])")
_TITLE = re.compile(r"^#\s+(.+?)\s*#*\s*$", re.MULTILINE)
_BLOCKS = [
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "li",
    "pre",
    "blockquote",
    "td",
    "th",
    "dt",
    "dd",
]


def files_in(paths: Sequence[Path]) -> list[Path]:
    """The files to read, folders searched for the kinds that we know; sorted, no repeats.

    What is hidden in a folder (`.git`, `.draft.md`) was not meant for customers; named, it is read.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = (p for p in sorted(path.rglob("*")) if p.suffix.lower() in READERS)
            shown = (p for p in inside if not _is_hidden(p.relative_to(path)))
            found.update(dict.fromkeys(p for p in shown if p.is_file()))
        else:
            found[path] = None
    return list(found)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def read_file(path: Path, *, topic: str = "", lang: str = "") -> list[Article]:
    """The articles in a file. Raises UnreadableDocument, naming the file and the reason."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(sorted(READERS))
        raise UnreadableDocument(str(path), f"this kind of file is not known; known are {known}")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnreadableDocument(str(path), f"larger than {MAX_BYTES // 1_000_000} MB")
        articles = list(reader(path, path.read_bytes()))
    except UnreadableDocument:
        raise
    except FileNotFoundError as error:
        raise UnreadableDocument(str(path), "there is no such file") from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableDocument(str(path), str(error) or type(error).__name__) from error
    except Exception as error:
        # The PDF and HTML libraries raise errors of their own for broken files.
        raise UnreadableDocument(str(path), f"{type(error).__name__}: {error}") from error
    if not articles:
        raise UnreadableDocument(str(path), "there is no text in it")
    return [_completed(article, topic=topic, lang=lang) for article in articles]


def decoded(raw: bytes) -> str:
    """Text in UTF-8, UTF-16 with a mark, or the code page of Korean spreadsheets."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            return raw.decode("cp949")
        except UnicodeDecodeError as error:
            raise ValueError("the text is neither UTF-8 nor UTF-16 nor CP949") from error


def article_from_row(row: Mapping[str, object], *, source: str = "") -> Article:
    """One line of the contract's `kb.jsonl`. Raises ValueError when it is not one."""
    if not isinstance(row, dict):
        raise ValueError("a line is not a JSON object")
    identifier, title, text = row.get("id"), row.get("title") or "", row.get("text") or ""
    if not isinstance(identifier, str) or not identifier:
        raise ValueError("an entry has no id")
    if not isinstance(title, str) or not isinstance(text, str) or not (title or text):
        raise ValueError(f"the entry {identifier} has neither a title nor a text")
    return Article(
        id=identifier,
        title=title,
        text=text,
        topic=str(row.get("topic") or ""),
        locale=str(row.get("lang") or "") or language_of(f"{title} {text}"),
        url=str(row.get("url") or ""),
        source=str(row.get("source") or source),
    )


def article_id(name: str, key: str) -> str:
    """A readable id that stays the same for the same key."""
    slug = re.sub(r"[^\w가-힣]+", "-", name).strip("-").lower()[:40] or "article"
    return f"{slug}-{hashlib.blake2b(key.encode(), digest_size=4).hexdigest()}"


def _markdown(path: Path, raw: bytes) -> Iterator[Article]:
    text = decoded(raw).replace("\r\n", "\n")
    front: dict[str, str] = {}
    if match := _FRONT.match(text):
        pairs = (line.partition(":") for line in match[1].splitlines())
        front = {key.strip(): value.strip() for key, _, value in pairs}
        text = text[match.end() :]
    title = _TITLE.search(text)
    if text.strip():
        yield Article(
            id=front.get("id") or article_id(path.stem, str(path.resolve())),
            title=front.get("title") or (plain(title[1]) if title else path.stem),
            text=text.strip(),
            topic=front.get("topic", ""),
            locale=front.get("lang", ""),
            url=front.get("url", ""),
            source=str(path),
        )


def _html(path: Path, raw: bytes) -> Iterator[Article]:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(raw, "lxml")
    for tag in soup(["script", "style", "nav", "header", "footer", "template", "noscript"]):
        tag.decompose()
    parts: list[str] = []
    for block in soup.find_all(_BLOCKS):
        # A paragraph in a list item is said by the item.
        if block.find_parent(_BLOCKS) is not None:
            continue
        said = " ".join(block.get_text(" ", strip=True).split())
        if not said:
            continue
        level = int(block.name[1]) if re.fullmatch(r"h[1-6]", block.name) else 0
        parts.append(
            f"{'#' * level} {said}" if level else f"- {said}" if block.name == "li" else said
        )
    if not parts:
        parts = [" ".join(soup.get_text(" ", strip=True).split())]
    text = "\n\n".join(part for part in parts if part)
    heading = soup.find("h1")
    title = heading.get_text(" ", strip=True) if heading else ""
    if not title and soup.title is not None:
        title = soup.title.get_text(" ", strip=True)
    if text:
        yield Article(
            id=article_id(path.stem, str(path.resolve())),
            title=title or path.stem,
            text=text,
            locale=str(soup.html.get("lang") or "")[:2] if soup.html else "",
            source=str(path),
        )


def _pdf(path: Path, raw: bytes) -> Iterator[Article]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(raw))
    if reader.is_encrypted and not reader.decrypt(""):
        raise ValueError("the PDF is locked with a password")
    pages = [page.extract_text() for page in reader.pages]
    text = "\n\n".join(page.strip() for page in pages if page.strip())
    if not text:
        raise ValueError("the PDF has no text in it, only pictures")
    title = str(reader.metadata.title or "") if reader.metadata else ""
    yield Article(
        id=article_id(path.stem, str(path.resolve())),
        title=title.strip() or path.stem,
        text=text,
        locale="",
        source=str(path),
    )


def _csv(path: Path, raw: bytes) -> Iterator[Article]:
    rows = csv.DictReader(io.StringIO(decoded(raw)))
    names = {(name or "").strip().lower(): name for name in rows.fieldnames or []}
    if "question" not in names or "answer" not in names:
        raise ValueError("the first line must name the columns question and answer")
    for number, row in enumerate(rows, start=2):
        question = (row[names["question"]] or "").strip()
        answer = (row[names["answer"]] or "").strip()
        if not question and not answer:
            continue
        if not question or not answer:
            raise ValueError(f"line {number} has only one of question and answer")
        yield Article(
            id=article_id(path.stem, question),
            title=question,
            text=answer,
            topic=(row[names["topic"]] or "").strip() if "topic" in names else "",
            locale=(row[names["lang"]] or "").strip() if "lang" in names else "",
            source=str(path),
        )


def _jsonl(path: Path, raw: bytes) -> Iterator[Article]:
    for number, line in enumerate(decoded(raw).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield article_from_row(json.loads(line), source=str(path))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error


def _text(path: Path, raw: bytes) -> Iterator[Article]:
    text = decoded(raw).strip()
    if "\x00" in text:
        raise ValueError("this is not a text file")
    if text:
        first = text.splitlines()[0].strip()
        yield Article(
            id=article_id(path.stem, str(path.resolve())),
            title=first if len(first) <= 100 else path.stem,
            text=text,
            locale="",
            source=str(path),
        )


READERS: Mapping[str, Callable[[Path, bytes], Iterator[Article]]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _text,
    ".text": _text,
    ".html": _html,
    ".htm": _html,
    ".pdf": _pdf,
    ".csv": _csv,
    ".jsonl": _jsonl,
}


def _completed(article: Article, *, topic: str, lang: str) -> Article:
    return Article(
        id=article.id,
        title=article.title,
        text=article.text,
        topic=topic or article.topic,
        locale=lang or article.locale or language_of(f"{article.title} {article.text}"),
        # A citation leads to a page; what else a file calls its address might run in a browser.
        url=article.url if _PAGE.match(article.url) else "",
        source=article.source,
        questions=article.questions,
    )
