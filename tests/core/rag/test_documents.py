"""Files as articles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.rag.documents import files_in, read_file
from core.rag.errors import UnreadableDocument


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_markdown_with_what_its_front_says(tmp_path: Path) -> None:
    path = write(tmp_path, "a.md", "---\nid: x\nlang: ko\ntopic: t\n---\n# 제목\n\n본문")
    [article] = read_file(path)
    assert (article.id, article.title, article.locale, article.topic) == ("x", "제목", "ko", "t")


def test_html_keeps_headings_and_drops_navigation(tmp_path: Path) -> None:
    page = (
        "<html lang=en><title>T</title><nav>Home</nav><h1>Help</h1><p>One.</p>"
        "<h2>Refunds</h2><ul><li><p>Two.</p></li></ul><script>x()</script></html>"
    )
    [article] = read_file(write(tmp_path, "a.html", page))
    assert article.title == "Help"
    assert article.text == "# Help\n\nOne.\n\n## Refunds\n\n- Two."


def test_csv_in_the_code_page_of_korean_spreadsheets(tmp_path: Path) -> None:
    rows = "Question,Answer\r\n환불은 되나요?,14일 안에 됩니다.\r\n".encode("cp949")
    [article] = read_file(write(tmp_path, "faq.csv", rows))
    assert (article.title, article.text, article.locale) == (
        "환불은 되나요?", "14일 안에 됩니다.", "ko",
    )  # fmt: skip
    again = read_file(tmp_path / "faq.csv")
    assert again[0].id == article.id


def test_jsonl_in_the_shape_of_the_contract(tmp_path: Path) -> None:
    row = {"id": "k1", "title": "T", "text": "X", "topic": "t", "lang": "en", "source": "s"}
    [article] = read_file(write(tmp_path, "kb.jsonl", json.dumps(row) + "\n\n"))
    assert (article.id, article.source, article.topic) == ("k1", "s", "t")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", "a,b\n1,2\n", "columns question and answer"),
        ("a.csv", "question,answer\nonly this,\n", "line 2"),
        ("a.jsonl", '{"id": "a", "title": "t"}\n{broken\n', "line 2"),
        ("a.jsonl", '["list"]\n', "not a JSON object"),
        ("a.pdf", b"%PDF-1.4 nonsense", ""),
        ("a.txt", b"\xff\xfe\x00\xd8", ""),
        ("a.md", "   \n", "no text"),
        ("a.docx", b"PK", "not known"),
    ],
)
def test_a_broken_file_is_named_with_its_reason(
    tmp_path: Path, name: str, content: str | bytes, why: str
) -> None:
    with pytest.raises(UnreadableDocument) as caught:
        read_file(write(tmp_path, name, content))
    assert name in caught.value.source
    assert why in caught.value.why


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument, match="no such file"):
        read_file(tmp_path / "gone.md")


def test_folders_are_searched_for_what_we_know(tmp_path: Path) -> None:
    write(tmp_path, "b.md", "x")
    write(tmp_path, "a.txt", "x")
    write(tmp_path, "c.docx", "x")
    assert [p.name for p in files_in([tmp_path, tmp_path / "b.md"])] == ["a.txt", "b.md"]


def test_what_is_hidden_in_a_folder_stays_out_unless_it_is_named(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for name in ("shown.md", ".draft.md", ".git/description.txt"):
        write(tmp_path, name, "x")
    assert [p.name for p in files_in([tmp_path])] == ["shown.md"]
    assert [p.name for p in files_in([tmp_path / ".draft.md", tmp_path / ".git"])] == [
        ".draft.md",
        "description.txt",
    ]


@pytest.mark.parametrize(
    ("text", "locale"), [("영업시간은 아홉 시부터입니다.", "ko"), ("We open at nine.", "en")]
)
def test_the_language_of_a_plain_text_is_the_one_it_is_written_in(
    tmp_path: Path, text: str, locale: str
) -> None:
    [article] = read_file(write(tmp_path, "hours.txt", text))
    assert article.locale == locale


def test_a_source_that_would_run_is_no_source(tmp_path: Path) -> None:
    """What a citation leads to is a page, whoever wrote the file."""
    rows = {
        "a": "javascript:alert(1)", "b": " JavaScript:alert(1)", "c": "data:text/html,x",
        "d": "//evil.example", "e": "https://example.com/x", "f": "/guide/en/asking", "g": "",
    }  # fmt: skip
    file = tmp_path / "kb.jsonl"
    file.write_text(
        "\n".join(json.dumps({"id": i, "title": i, "text": i, "url": u}) for i, u in rows.items())
    )
    found = {article.id: article.url for article in read_file(file)}
    assert found == {
        "a": "", "b": "", "c": "", "d": "", "e": "https://example.com/x", "f": "/guide/en/asking",
        "g": "",
    }  # fmt: skip
