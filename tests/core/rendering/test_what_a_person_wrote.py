"""A person's words: plain marks are drawn on every channel, every other sign stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.slack.render import to_posts
from channels.telegram.render import to_telegram
from core.domain.messages import Address, Author, OutboundMessage
from core.rendering.html import to_html
from core.rendering.markdown import render_message
from core.rendering.plain_marks import as_written
from core.rendering.sms import to_sms
from core.rendering.tree import Blocks, to_plain

WRITTEN = (
    "## How to\nOpen **Settings**, see [the guide](https://x.example/g):\n- `Reset`\n- ~~wait~~ go"
)


def drawn(text: str) -> Blocks:
    message = OutboundMessage(
        id="m",
        conversation_id="c",
        address=Address(channel="web", account="", chat=""),
        author=Author.AGENT,
        text=text,
        locale="en",
    )
    return render_message(message, sources_label="Sources")


def test_telegram_gets_entities() -> None:
    [part] = to_telegram(drawn(WRITTEN))
    assert part.text == "How to\nOpen Settings, see the guide:\n• Reset\n• wait go"
    kinds = {entity["type"] for entity in part.entities}
    assert kinds == {"bold", "text_link", "code", "strikethrough"}


def test_a_text_message_gets_the_address_and_no_marks() -> None:
    [body] = to_sms(drawn(WRITTEN))
    assert body == (
        "How to\nOpen Settings, see the guide (https://x.example/g):\n- Reset\n- wait go"
    )


def test_slack_gets_styled_runs() -> None:
    [part] = to_posts(drawn(WRITTEN), ())
    shown = str(part.blocks)
    assert "**" not in shown
    assert "~~" not in shown
    assert "](" not in shown
    assert "'url': 'https://x.example/g'" in shown
    assert "'bold': True" in shown


def test_korean_particles_follow_a_bold_word_directly() -> None:
    assert to_plain(as_written("**설정**을 열고 *꼭* 누르세요")) == "설정을 열고 꼭 누르세요"


def test_html_gets_elements() -> None:
    shown = to_html(drawn(WRITTEN))
    assert "<strong>Settings</strong>" in shown
    assert 'href="https://x.example/g"' in shown


@pytest.mark.parametrize(
    "text",
    [
        "5 * 3 * 2 = 30\n  * not a list\n_really_ <b>&amp;</b>",
        "**kwargs, **args and 2**3**4",
        "a*b*c *  x * __init__ file_name_x",
        "[not a link] (https://x.example) [x](javascript:alert) [1]",
        "#hashtag #1 and #2",
        "-5 degrees\n--flag\n---",
        "    four spaces\n\ttab  two  spaces\n\n\nlines",
        "| a | b |\n\\*escaped\\*",
    ],
)
def test_what_is_not_a_mark_stays_letter_by_letter(text: str) -> None:
    assert to_plain(as_written(text)) == text.strip("\r\n").rstrip()


@given(text=st.text(alphabet="ab 가*_`~[]()#-\n.https:/", max_size=120))
def test_every_letter_arrives(text: str) -> None:
    assert letters(to_plain(drawn(text))) == letters(text)


def letters(text: str) -> list[str]:
    return [c for c in text if c in "ab가"]


@pytest.mark.no_cover  # a tracer would be what takes the time
def test_nonsense_of_twenty_thousand_signs_is_read_at_once() -> None:
    begun = time.process_time()
    for sign in ("**a ", "*a ", "[a", "`a ", "~~a ", "[a](https://x(", "**" * 2):
        as_written((sign * 20_000)[:20_000])
    assert time.process_time() - begun < 5
