"""Every visible character of an answer arrives on every medium, and no limit is ever exceeded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from channels.telegram.render import MAX_ENTITIES, to_telegram
from core.domain.messages import Address, Author, Citation, OutboundMessage
from core.rendering.html import to_html
from core.rendering.markdown import (
    _PARSER,
    from_markdown,
    literally,
    read,
    render_message,
    web_links,
)
from core.rendering.slack import to_slack
from core.rendering.sms import size, to_sms, transliterate
from core.rendering.tree import (
    Block,
    BlockKind,
    Span,
    Style,
    graphemes,
    split,
    to_plain,
    utf16_length,
)
from core.text.sanitize import sanitize

FAMILY = "👩‍👩‍👧‍👦"
FLAG = "🇰🇷"

words = st.one_of(
    st.text(alphabet="abcXYZ019.,!?-", min_size=1, max_size=12),
    st.text(alphabet="가나다라마바사아자차카타파하", min_size=1, max_size=8),
    st.sampled_from([FAMILY, FLAG, "👍🏽", "é", "‘smart’", "“q”", "<b>", "&amp;", "*", "_x_"]),
)
inline = st.one_of(
    words,
    words.map(lambda word: f"**{word}**"),
    words.map(lambda word: f"`{word}`"),
    words.map(lambda word: f"[{word}](https://example.org/{abs(hash(word)) % 999})"),
    st.just("[1]"),
)
line = st.lists(inline, min_size=1, max_size=40).map(" ".join)
block = st.one_of(
    line,
    line.map(lambda text: f"# {text}"),
    line.map(lambda text: f"> {text}"),
    st.lists(line, min_size=1, max_size=6).map(lambda ls: "\n".join(f"- {x}" for x in ls)),
    st.lists(line, min_size=1, max_size=6).map(lambda ls: "\n".join(f"3. {x}" for x in ls)),
    st.lists(line, min_size=1, max_size=30).map(lambda ls: "```py\n" + "\n".join(ls) + "\n```"),
    st.lists(words, min_size=2, max_size=9).map(
        lambda cells: f"| {cells[0]} | {cells[1]} |\n|---|---|\n" + "| " + " | ".join(cells) + " |"
    ),
    st.text(min_size=1, max_size=300),
)
markdown = st.lists(block, min_size=1, max_size=20).map("\n\n".join)
anything = st.one_of(markdown, st.text(max_size=6000), st.integers(1, 9000).map(lambda n: "x" * n))
thorough = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)

SOURCES = (
    Citation(id="a", title="Returns", url="https://example.org/returns"),
    Citation(id="b", title="보증", url="/guide/warranty"),
)


def answer(text: str, *, author: Author = Author.AI) -> tuple[Block, ...]:
    message = OutboundMessage(
        id="m",
        conversation_id="c",
        address=Address(channel="x", account="a", chat="c"),
        author=author,
        text=text,
        citations=SOURCES,
    )
    return render_message(message, sources_label="Sources", site="https://desk.example.org")


def visible(text: str) -> str:
    return "".join(text.split())


def content(blocks: Sequence[Block]) -> str:
    return visible("".join(block.text for block in blocks))


def holds(shown: str, wanted: str) -> bool:
    """Whether all wanted characters stand in the shown ones, in order."""
    rest = iter(shown)
    return all(char in rest for char in wanted)


def slack_text(node: Any) -> str:
    if isinstance(node, dict):
        own = node["text"] if node["type"] in {"text", "link"} else ""
        return own + slack_text(node.get("elements", []))
    return "".join(slack_text(child) for child in node)


#: Whatever a text says, the page gets no others.
ELEMENTS = {
    "a", "blockquote", "br", "code", "div", "em", "h3", "hr", "li", "ol", "p", "pre", "s", "span",
    "strong", "sup", "table", "td", "th", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = frozenset(
    [
        *(("a", name) for name in ("href", "rel", "target")),
        *(("div", name) for name in ("class", "tabindex")),
        ("code", "class"),
        ("ol", "start"),
        ("pre", "tabindex"),
        ("sup", "class"),
    ]
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen = ""
        self.tags: list[str] = []
        self.attributes: set[tuple[str, str]] = set()
        self.links: list[str] = []

    def handle_data(self, data: str) -> None:
        self.seen += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.attributes |= {(tag, name) for name, _ in attrs}


@thorough
@given(anything)
@example("👍" * 2100)  # Telegram counts each of them twice
def test_telegram_gets_every_character_within_4096(text: str) -> None:
    blocks = answer(text)
    parts = to_telegram(blocks)
    assert holds(visible("".join(part.text for part in parts)), content(blocks))
    for part in parts:
        units = part.text.encode("utf-16-le")
        assert 0 < len(units) // 2 <= 4096
        assert len(part.entities) <= MAX_ENTITIES
        for entity in part.entities:
            start, length = entity["offset"], entity["length"]
            assert length > 0
            assert start + length <= len(units) // 2
            # An offset inside a surrogate pair would not decode.
            units[start * 2 : (start + length) * 2].decode("utf-16-le")


@thorough
@given(anything)
@example("word " * 700)
def test_slack_gets_every_character_within_a_block(text: str) -> None:
    blocks = answer(text)
    parts = to_slack(blocks)
    shown = "".join(slack_text(part.blocks) for part in parts)
    assert holds(visible(shown), content(blocks))
    for part in parts:
        assert utf16_length(part.text) <= 3000
        assert len(part.blocks) <= 50
        assert utf16_length(slack_text(part.blocks)) <= 3000


@thorough
@given(anything)
@example("word " * 700)
def test_sms_gets_every_character_within_1600(text: str) -> None:
    blocks = answer(text)
    bodies = to_sms(blocks)
    if len(bodies) > 1:
        total = len(bodies)
        for number, body in enumerate(bodies, start=1):
            assert body.startswith(f"({number}/{total}) ")
        bodies = tuple(body.split(") ", 1)[1] for body in bodies)
    shown = transliterate(visible("".join(bodies)))
    wanted = visible(to_plain(blocks))
    assert shown in {wanted, transliterate(wanted)} or holds(_plainest(shown), _plainest(wanted))
    assert all(utf16_length(body) <= 1600 for body in to_sms(blocks))


def _plainest(text: str) -> str:
    return "".join(transliterate(char) for char in text)


@thorough
@given(anything)
def test_html_gets_every_character_and_nothing_else(text: str) -> None:
    blocks = answer(text)
    reader = _Reader()
    reader.feed(to_html(blocks))
    spans = [span for block in blocks for span in block.spans if not span.bar]
    assert holds(visible(reader.seen), visible("".join(span.text for span in spans)))
    reader.feed(to_html(blocks, marks=True))
    assert set(reader.tags) <= ELEMENTS
    assert reader.attributes <= ATTRIBUTES
    assert all(link.startswith(("http://", "https://", "mailto:", "tel:")) for link in reader.links)


@thorough
@given(st.lists(st.text(alphabet="abcdefghij0123456789가나다라", min_size=1), min_size=1))
def test_the_words_of_markdown_all_stand_in_the_tree(plain_words: list[str]) -> None:
    text = "\n\n".join(f"**{word}** and *{word}* and `{word}`" for word in plain_words)
    tree = to_plain(from_markdown(text))
    assert tree.split() == [
        part for word in plain_words for part in (word, "and", word, "and", word)
    ]


@thorough
@given(st.text(max_size=5000))
def test_what_a_person_wrote_is_not_changed(text: str) -> None:
    """Nothing that a reader sees; what nobody sees is gone."""
    assert to_plain(literally(text)) == sanitize(text).strip("\r\n").rstrip()


@thorough
@given(
    st.lists(st.sampled_from([FAMILY, FLAG, "👍🏽", "e\u0301", "한", "a", " "]), max_size=200),
    st.integers(12, 60),
)
def test_no_grapheme_is_cut(clusters: list[str], limit: int) -> None:
    text = "".join(clusters)
    blocks = literally(text)
    parts = split(blocks, limit=limit, measure=lambda part: utf16_length(to_plain(part)))
    # By what was put together: `graphemes` itself is on trial.
    places = {0, *accumulate(map(len, clusters))}
    position = 0
    for part in parts:
        shown = to_plain(part)
        position = text.index(shown, position)
        assert position in places
        position += len(shown)
        assert position in places
        assert utf16_length(shown) <= limit


@pytest.mark.parametrize("cluster", [FAMILY, FLAG + FLAG, "e\u0301\u0302", "👍🏽", "각"])
def test_graphemes_know_what_belongs_together(cluster: str) -> None:
    inner = list(graphemes(cluster))
    assert inner == ([2] if cluster == FLAG + FLAG else [])


def test_a_link_is_not_cut() -> None:
    text = "word " * 15 + "[a link of several words](https://example.org/there) " + "more " * 20
    # Half of it would fit with its address, all of it does not.
    parts = split(from_markdown(text), limit=112, measure=lambda part: len(to_plain(part)))
    holding = [part for part in parts for span in part[0].spans if span.link]
    assert len(holding) == 1


def test_a_citation_is_not_cut() -> None:
    text = "x" * 9 + "[1]" + "y" * 9
    blocks = answer(text)[:1]
    parts = split(blocks, limit=10, measure=lambda part: len("".join(b.text for b in part)))
    assert sum("[1]" in part[0].text for part in parts) == 1


def test_a_link_without_end_and_citations_without_end_take_no_square() -> None:
    """One link in pieces, and sources one after another: both once were looked at as a whole."""
    pieces = [
        Span(text=f"{n} ", style=Style.BOLD if n % 2 else Style.PLAIN, link="https://a.example/")
        for n in range(4_000)
    ]
    sources = [Span(text="[1]", link="https://a.example/", citation=True) for _ in range(4_000)]
    for spans in (pieces, sources):
        looked_at = 0

        def measured(blocks: Sequence[Block]) -> int:
            nonlocal looked_at
            looked_at += sum(len(block.spans) for block in blocks)
            return sum(len(block.text) for block in blocks)

        block = Block(kind=BlockKind.PARAGRAPH, spans=tuple(spans))
        parts = split([block], limit=900, measure=measured)
        text = "".join(block.text for part in parts for block in part)
        assert "".join(text.split()) == "".join(block.text.split())
        assert looked_at < 40 * len(spans)


def test_a_code_block_that_is_split_is_a_code_block_again() -> None:
    code = "\n".join(f"    line({number})" for number in range(900))
    parts = to_telegram(from_markdown(f"Look:\n\n```python\n{code}\n```\n\nDone."))
    assert len(parts) > 2
    for part in parts:
        fences = [entity for entity in part.entities if entity["type"] == "pre"]
        assert [fence["language"] for fence in fences] == ["python"]
    assert "".join(part.text for part in parts).count("    line(") == 900


def test_parts_end_at_sentences_where_they_can() -> None:
    text = " ".join(f"This is sentence number {number}." for number in range(400))
    for part in to_telegram(from_markdown(text)):
        assert part.text.endswith(".")


@pytest.mark.parametrize("author", [Author.AI, Author.AGENT])
@pytest.mark.parametrize("sentence", ["Sentence {n} is here. ", "{n}번째 문장입니다. ", "{n}"])
def test_an_answer_of_20000_characters_arrives_whole_everywhere(
    author: Author, sentence: str
) -> None:
    text = ""
    while len(text) < 20_000:
        text += sentence.format(n=len(text))
    blocks = answer(text[:20_000], author=author)
    wanted = visible(text[:20_000])
    shown = [
        "".join(part.text for part in to_telegram(blocks)),
        "".join(slack_text(part.blocks) for part in to_slack(blocks)),
        "".join(re.sub(r"^\(\d+/\d+\) ", "", body) for body in to_sms(blocks)),
        to_plain(blocks),
    ]
    for one in shown:
        assert visible(one).startswith(wanted)
        assert "example.org/returns" in one or one is shown[0] or one is shown[1]


def test_sources_stand_numbered_at_the_end_with_their_links() -> None:
    blocks = answer("Thirty days [1], see also [2].")
    telegram = to_telegram(blocks)[0]
    assert telegram.text.endswith("Sources\n[1] Returns\n[2] 보증")
    links = [entity["url"] for entity in telegram.entities if entity["type"] == "text_link"]
    assert links.count("https://example.org/returns") == 2
    assert links.count("https://desk.example.org/guide/warranty") == 2
    assert "[1] Returns (https://example.org/returns)" in to_sms(blocks)[0]
    assert "https://example.org/returns" in to_slack(blocks)[0].text


def test_dangerous_addresses_are_not_links() -> None:
    for address in ("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://x.y"):
        blocks = from_markdown(f"[press](<{address}>)")
        assert all(not span.link for block in blocks for span in block.spans)
        assert address in to_plain(blocks)


def test_html_in_an_answer_is_shown_not_obeyed() -> None:
    html = to_html(from_markdown("<script>alert(1)</script>\n\na <img src=x onerror=y> b"))
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_lists_in_html_nest() -> None:
    html = to_html(from_markdown("1. a\n   - b\n   - c\n2. d\n\nend"))
    assert html == "<ol><li>a<ul><li>b</li><li>c</li></ul></li><li>d</li></ol><p>end</p>"


def test_a_table_in_html_is_a_table() -> None:
    html = to_html(from_markdown("a\n\n| | **b** |\n|---|---|\n| 1 | <2> [1] |\n\nend"))
    assert html == (
        '<p>a</p><div class="table" tabindex="0"><table><tr><th></th><th><strong>b</strong></th>'
        "</tr><tr><td>1</td><td>&lt;2&gt; [1]</td></tr></table></div><p>end</p>"
    )


def test_two_tables_in_html_are_two() -> None:
    table = "| a |\n|---|\n| 1 |\n"
    html = to_html(from_markdown(f"{table}\n{table}"))
    assert html.count("<table>") == html.count("</table></div>") == 2


def test_marks_cling_to_their_word_and_lead_to_pages_only() -> None:
    sources = (
        Citation(id="1", title="a", url="https://a.example/?a=1&b"),
        Citation(id="2", title="b", url="javascript:alert(1)"),
        Citation(id="3", title="c"),
    )
    blocks = read(Author.AI, "So **it** is [1], here [2] [3] [4].", sources)
    html = to_html(blocks, marks=True)
    mark = '\u2060<sup class="mark">{}</sup>'
    link = (
        '<a href="https://a.example/?a=1&amp;b" rel="noopener noreferrer nofollow"'
        ' target="_blank">1</a>'
    )
    assert html == (
        f"<p>So <strong>it</strong> is{mark.format(link)}, here{mark.format('<span>2</span>')}"
        f"{mark.format('<span>3</span>')} [4].</p>"
    )
    assert web_links(blocks) == ()


@pytest.mark.parametrize(
    ("text", "bold"),
    [
        ("**설정(Settings)**을 여세요", "설정(Settings)"),
        ('먼저 **"반품"**을 누르세요', '"반품"'),
        ("여기서**(중요)** 멈추세요", "(중요)"),
        ("**설정**을", "설정"),
        ("**「設定」**を開く", "「設定」"),
    ],
)
def test_a_particle_may_follow_bold_signs_directly(text: str, bold: str) -> None:
    [block] = from_markdown(text)
    assert [span.text for span in block.spans if span.style is Style.BOLD] == [bold]
    assert "*" not in block.text


@pytest.mark.parametrize("text", ["5 * 3 * 2", "a ** b ** c", "**kwargs", "가 ** 나 ** 다"])
def test_asterisks_that_stand_alone_stay(text: str) -> None:
    assert to_plain(from_markdown(text)) == text


def test_a_table_keeps_its_cells() -> None:
    text = to_plain(from_markdown("| a | b |\n|---|---|\n| 1 | 2 |"))
    assert text == "  a | b\n  1 | 2"


def test_deep_nesting_loses_nothing() -> None:
    text = ">" * 500 + " deep\n\n" + "- " * 300 + "x"
    assert "deep" in to_plain(from_markdown(text))


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("가" * 70, "UCS-2", 1),
        ("가" * 71, "UCS-2", 2),
        ("가" * 134, "UCS-2", 2),
        ("😀" * 35, "UCS-2", 1),
        ("😀" * 36, "UCS-2", 2),
        # 33 pairs fill 66 units of 67: no pair is torn apart for the last one.
        ("😀" * 67, "UCS-2", 3),
    ],
)
def test_segments_gsm7_160_153_ucs2_70_67(text: str, encoding: str, segments: int) -> None:
    counted = size(text)
    assert (counted.encoding, counted.segments) == (encoding, segments)


def test_smart_quotes_do_not_make_a_text_expensive() -> None:
    assert to_sms(literally("“It’s fine” – really…")) == ('"It\'s fine" - really...',)
    # Where Korean needs the wide alphabet anyway nothing is touched.
    assert to_sms(literally("“좋아요”")) == ("“좋아요”",)


def test_a_heading_is_bold_and_a_quote_is_a_quote() -> None:
    part = to_telegram(from_markdown("# Title\n\n> said"))[0]
    assert [entity["type"] for entity in part.entities] == ["bold", "blockquote"]
    spans = (Span(text="a", style=Style.BOLD | Style.CODE),)
    only = to_slack((Block(kind=BlockKind.PARAGRAPH, spans=spans),))[0]
    assert only.blocks[0]["elements"][0]["elements"][0]["style"] == {"bold": True, "code": True}


def test_threads_read_at_the_same_time_as_if_alone() -> None:
    texts = [
        f"# {n}\n\n| a | b |\n|---|---|\n| **{n}** | ~~x~~ |\n\n* `{n}`\n" * 20 for n in range(8)
    ]
    alone = [from_markdown(text) for text in texts]
    with ThreadPoolExecutor(len(texts)) as threads:
        together = list(threads.map(from_markdown, texts * 4))
    assert together == alone * 4


def test_the_shared_parser_is_whole_before_a_second_thread_can_meet_it() -> None:
    rulers = (_PARSER.core.ruler, _PARSER.block.ruler, _PARSER.inline.ruler, _PARSER.inline.ruler2)
    assert all(ruler.__cache__ is not None for ruler in rulers)
