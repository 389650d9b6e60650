"""Links stay as they are and are written out where a medium drops them; right-to-left is right."""

from __future__ import annotations

import json

from approvals.console.pages import drawn
from channels.telegram.render import to_telegram
from core.rendering.markdown import from_markdown
from core.rendering.slack import rich_text, slack_parts
from core.rendering.sms import to_sms, transliterate

LINK = "https://shop.example/a–b?for=it’s&as=“x”"
WAYS = "Write to [help](mailto:help@shop.example) or call [us](tel:+15551234567)."


def test_clean_up_of_typography_touches_no_link() -> None:
    assert LINK in transliterate(f"It’s “here”: {LINK} – see")
    assert transliterate("It’s “here” – see https://shop.example/a-b") == (
        'It\'s "here" - see https://shop.example/a-b'
    )
    assert "b–c@shop.example" in transliterate("Write to b–c@shop.example")


def test_mail_and_telephone_are_written_out_where_a_medium_has_no_link_for_them() -> None:
    blocks = from_markdown(WAYS)
    [sms] = to_sms(blocks)
    [telegram] = to_telegram(blocks)
    slack = json.dumps([rich_text(part) for part in slack_parts(blocks)])
    for text in (sms, telegram.text):
        assert "help@shop.example" in text
        assert "+15551234567" in text
    assert "mailto:help@shop.example" in slack
    assert "us (+15551234567)" in slack


def test_an_address_that_is_shown_is_not_repeated() -> None:
    blocks = from_markdown("Call [+15551234567](tel:+15551234567).")
    [telegram] = to_telegram(blocks)
    assert telegram.text.count("+15551234567") == 1


def test_each_paragraph_reads_from_its_own_side() -> None:
    html = str(drawn("Hello\n\nمرحبا بكم\n\n- שלום"))
    assert html.count('<p dir="auto">') == 2
    assert '<li dir="auto">' in html
