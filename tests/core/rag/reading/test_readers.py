"""Files as articles."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.rag.domain.errors import UnreadableDocument
from core.rag.reading.files import selected
from core.rag.reading.readers import READERS, files_in, read_file


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


def test_of_an_html_page_no_line_is_lost_and_what_is_asked_is_a_heading(tmp_path: Path) -> None:
    page = (
        "<body><div class=q>Do you ship abroad?</div><div class=a>Yes, <b>to Norway</b>.</div>"
        "<details><summary>May I cancel?</summary>Within an hour.<br>By mail.</details>"
        "<dl><dt>Delivery time</dt><dd>Five days</dd></dl>"
        "<table><tr><th>Small</th><td>20 cm</td></tr>"
        "<tr><td>A</td><td>B</td><td>C</td></tr></table>"
        "Loose <i>words</i></body>"
    )
    [article] = read_file(write(tmp_path, "faq.html", page))
    assert [line for line in article.text.splitlines() if line] == [
        "## Do you ship abroad?", "Yes, to Norway.", "##### May I cancel?", "Within an hour.  ",
        "By mail.", "##### Delivery time", "Five days", "# faq", "Small: 20 cm", "A | B | C",
        "Loose words",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "named",
    ['id="cookie-law-info-bar"', 'class="cky-consent-container"', 'id="shopify-pc__banner"',
     'class="osano-cm-window"', 'id="tarteaucitronRoot"', 'id="onetrust-banner-sdk"'],
)  # fmt: skip
def test_what_asks_for_consent_is_no_text_of_the_page(tmp_path: Path, named: str) -> None:
    page = f"<body><div {named}><p>We use cookies.</p></div><p>Open until nine.</p></body>"
    [article] = read_file(write(tmp_path, "a.html", page))
    assert article.text == "Open until nine."


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
        ("a.html", "<frameset><frame src='x.html'></frameset>", "was not read: x.html"),
        ("a.csv", "\n\n", "no text"),
        ("a.csv", "question,answer\nonly this,\n", "2: left out, as it has no answer"),
        ("a.jsonl", '{"id": "a"}\n{broken\n', "line 1"),
        ("a.jsonl", '["list"]\n', "not a JSON object"),
        ("a.pdf", b"%PDF-1.4 nonsense", ""),
        ("a.txt", b"\xff\xfe\x00\xd8", ""),
        ("a.md", "   \n", "no text"),
        ("a.xyz", b"PK", "not known"),
        ("a.pages", b"PK", "export the file as .docx"),
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
    write(tmp_path, "c.pages", "x")
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


def test_no_link_is_followed_out_of_a_folder(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "docs"
    (outside / "deep").mkdir(parents=True)
    (folder / "sub").mkdir(parents=True)
    secret = write(outside, "secret.md", "the company's secret")
    write(outside / "deep", "more.md", "another secret")
    write(folder, "own.md", "What customers may read.")
    write(folder, ".hidden.md", "a draft")
    own = [folder / "own.md"]
    links = {
        "file.md": secret,
        "relative.md": Path("../outside/secret.md"),
        "sub/up.md": Path("../../outside/secret.md"),
        "folder": outside,
        "sub/loop": folder,
        "sub/chain": folder / "folder" / "deep",
        "chain.md": folder / "file.md",
        "again.md": folder / "own.md",
        "shown.md": folder / ".hidden.md",
        "gone.md": folder / "never.md",
        "device.txt": Path("/dev/zero"),
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
    assert files_in([folder]) == own
    out = {"file.md", "relative.md", "sub/up.md", "folder", "sub/chain", "chain.md", "device.txt"}
    assert {str(link.relative_to(folder)) for link in selected([folder], READERS).left_out} == out
    # A folder or file that is named is meant, link or not.
    (tmp_path / "named").symlink_to(folder)
    assert [p.name for p in files_in([tmp_path / "named"])] == ["own.md"]
    (tmp_path / "named.md").symlink_to(secret)
    assert read_file(*files_in([tmp_path / "named.md"]))[0].text == "the company's secret"


def test_what_takes_a_files_place_is_not_read(tmp_path: Path) -> None:
    secret = write(tmp_path, "secret.txt", "the company's secret")
    path = write(tmp_path, "own.md", "fine")
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(UnreadableDocument):
        read_file(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UnreadableDocument, match="no file"):
        read_file(path)
    assert files_in([tmp_path]) == [secret]
