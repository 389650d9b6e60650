"""Draws the desk's own blocks as pictures for docs/slack.md: `python -m bench.slack_pictures`."""

# ruff: noqa: E501 - markup reads better unbroken
from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from approvals.queue.model import Approval, ApprovalState
from approvals.slack.views import modals
from approvals.slack.views.cards import Looks, card
from approvals.slack.views.home import Queue, home
from approvals.slack.views.thread import talk_card, thread_head, told
from core.accounts.roles import Role, User
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.drafts import Draft, Reason, Turn
from core.domain.messages import Address, Author, Citation, Sender
from core.i18n import Words

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
BROWSER = "/usr/bin/chromium"
AT = datetime(2026, 5, 4, 9, 12, tzinfo=UTC)
EMOJI = {
    "hourglass_flowing_sand": "⌛",
    "rotating_light": "⚠",
    "raised_hand": "✋",
    "white_check_mark": "✓",
    "pencil2": "✎",
    "no_entry": "⊘",
    "bust_in_silhouette": "☻",
    "leftwards_arrow_with_hook": "↩",
    "speech_balloon": "»",
    "outbox_tray": "↗",
    "warning": "⚠",
}
STYLE = """
*{box-sizing:border-box} body{margin:0;padding:20px 24px;font:15px/1.46 "Noto Sans","Noto Sans CJK KR",
"DejaVu Sans",sans-serif;color:#1d1c1d;background:#fff;width:720px}
.post{display:flex;gap:10px;margin-bottom:14px}.face{flex:none;width:36px;height:36px;border-radius:6px;
background:#0b6e64;color:#fff;font-weight:700;display:grid;place-items:center}
.name{font-weight:800}.app{font-size:10px;background:#e8e8e8;border-radius:3px;padding:1px 4px;margin:0 6px}
.at{color:#616061;font-size:12px}.thread{margin-left:46px;border-left:2px solid #ddd;padding-left:14px}
.block{margin:6px 0}h3{margin:4px 0;font-size:18px}.context{color:#616061;font-size:13px}
blockquote{margin:4px 0;border-left:4px solid #ddd;padding-left:12px;white-space:pre-wrap}
.rich{white-space:pre-wrap}hr{border:0;border-top:1px solid #ddd}.row{display:flex;flex-wrap:wrap;gap:8px}
.btn{border:1px solid #bbb;border-radius:4px;padding:4px 12px;font-weight:700;font-size:14px;background:#fff}
.primary{background:#007a5a;border-color:#007a5a;color:#fff}.danger{color:#e01e5a;border-color:#e01e5a}
a{color:#1264a3;text-decoration:none}code{background:#f4f4f4;border:1px solid #ddd;border-radius:3px;
padding:0 3px;color:#c01343}.mention{background:#e8f5fa;color:#1264a3;border-radius:3px;padding:0 3px}
.modal{border:1px solid #ccc;border-radius:10px;box-shadow:0 6px 24px #0003}.modal header,.modal footer{
display:flex;justify-content:space-between;padding:14px 20px;font-weight:800;font-size:18px}
.modal .inside{padding:4px 20px;border:solid #e5e5e5;border-width:1px 0}.modal footer{justify-content:end;
gap:8px}label{font-weight:700;display:block;margin:8px 0 4px}textarea{width:100%;font:inherit;padding:8px;
border:1px solid #999;border-radius:5px}.hint{color:#616061;font-size:13px}.split{display:flex;
justify-content:space-between;gap:10px}
"""


def mrkdwn(text: str) -> str:
    """Slack's notation as HTML."""
    found: list[str] = []

    def keep(html: str) -> str:
        found.append(html)
        return f"\x00{len(found) - 1}\x00"

    def mark(match: re.Match[str]) -> str:
        inner, _, label = match.group(1).partition("|")
        if inner.startswith("!date"):
            moment = datetime.fromtimestamp(int(inner.split("^")[1]), UTC)
            form = inner.split("^")[2]
            shown = form.replace("{time_secs}", f"{moment:%H:%M:%S}")
            shown = shown.replace("{time}", f"{moment:%H:%M}").replace(
                "{date_short_pretty}", "today"
            )
            left = round((moment - AT).total_seconds() / 60)
            return keep(escape(shown.replace("{ago}", f"in {left} minutes")))
        if inner.startswith("!subteam"):
            return keep('<span class="mention">@on-duty</span>')
        if inner.startswith("@"):
            return keep('<span class="mention">@Sara</span>')
        return keep(f'<a href="#">{escape(label or inner)}</a>')

    text = re.sub(r"<([^<>]*)>", mark, text)
    text = re.sub(r":([a-z0-9_]+):", lambda m: EMOJI.get(m.group(1), m.group(0)), text)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"(?<!\w)\*([^*\n]+)\*(?!\w)", r"<b>\1</b>", text)
    text = re.sub(r"(?<!\w)_([^_\n]+)_(?!\w)", r"<i>\1</i>", text)
    text = re.sub("\x00(\\d+)\x00", lambda m: found[int(m.group(1))], text)
    return text.replace("\n", "<br>")


def block(b: Mapping[str, Any]) -> str:
    """One block as HTML."""
    match b["type"]:
        case "header":
            return f'<h3 class="block">{escape(b["text"]["text"])}</h3>'
        case "section":
            beside = _element(b["accessory"]) if "accessory" in b else ""
            return f'<div class="block split"><div>{mrkdwn(b["text"]["text"])}</div><div>{beside}</div></div>'
        case "context":
            return f'<div class="block context">{" &nbsp; ".join(mrkdwn(e["text"]) for e in b["elements"])}</div>'
        case "actions":
            return f'<div class="block row">{"".join(_element(e) for e in b["elements"])}</div>'
        case "divider":
            return "<hr>"
        case "input":
            label = f"<label>{escape(b['label']['text'])}</label>"
            return f'<div class="block">{label}{_element(b["element"])}</div>'
        case _:
            return "".join(_rich(e) for e in b["elements"])


def _rich(e: Mapping[str, Any]) -> str:
    if e["type"] == "rich_text_list":
        tag = "ol" if e["style"] == "ordered" else "ul"
        return f"<{tag}>" + "".join(f"<li>{_runs(i)}</li>" for i in e["elements"]) + f"</{tag}>"
    if e["type"] == "rich_text_quote":
        return f"<blockquote>{_runs(e)}</blockquote>"
    return f'<div class="rich">{_runs(e)}</div>'


def _runs(e: Mapping[str, Any]) -> str:
    shown = []
    for run in e["elements"]:
        text = escape(run["text"])
        if run["type"] == "link":
            text = f'<a href="#">{text}</a>'
        style = run.get("style", {})
        text = f"<b>{text}</b>" if style.get("bold") else text
        shown.append(f"<code>{text}</code>" if style.get("code") else text)
    return "".join(shown)


def _element(e: Mapping[str, Any]) -> str:
    match e["type"]:
        case "button":
            return f'<span class="btn {e.get("style", "")}">{escape(e["text"]["text"])}</span>'
        case "overflow":
            return '<span class="btn">⋯</span>'
        case "plain_text_input":
            return f'<textarea rows="4">{escape(e.get("initial_value", ""))}</textarea>'
        case "radio_buttons":
            chosen = e["initial_option"]["value"]
            lines = (
                f"{'◉' if o['value'] == chosen else '○'} {escape(o['text']['text'])}"
                for o in e["options"]
            )
            return "<br>".join(lines)
        case "checkboxes":
            one = e["options"][0]
            return f"<span>☐ {escape(one['text']['text'])} <span class=hint>{escape(one['description']['text'])}</span></span>"
        case _:
            return '<span class="btn">Choose… ▾</span>'


def post(
    blocks: Sequence[Mapping[str, Any]], *, who: str = "Contact Center", app: bool = True
) -> str:
    """A message as it stands in a channel."""
    sign = '<span class="app">APP</span>' if app else " "
    inside = "".join(map(block, blocks))
    face = f'<div class="face">{who[0]}</div>'
    head = f'<span class="name">{who}</span>{sign}<span class="at">09:12</span>'
    return f'<div class="post">{face}<div>{head}{inside}</div></div>'


def window(view: Mapping[str, Any]) -> str:
    """A modal."""
    inside = "".join(map(block, view["blocks"]))
    foot = "".join(
        f'<span class="btn {"primary" if name == "submit" else ""}">{escape(view[name]["text"])}</span>'
        for name in ("close", "submit")
        if name in view
    )
    title = escape(view["title"]["text"])
    return (
        f'<div class="modal"><header>{title}<span>✕</span></header>'
        f'<div class="inside">{inside}</div><footer>{foot}</footer></div>'
    )


def picture(name: str, body: str, *, height: int) -> None:
    """Draw it into docs/images."""
    page = f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{body}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        subprocess.run(
            [
                BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--user-data-dir={folder}/profile", "--force-device-scale-factor=1.5",
                f"--window-size=720,{height}", f"--screenshot={IMAGES / name}.png", file.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )  # fmt: skip


def main() -> None:
    """Every picture of the walk-through."""
    words = Words.load(ROOT / "config" / "locales")
    looks = Looks(words=words, locale="en", base_url="https://help.example.com")
    source = Citation(id="p1", title="Returns and refunds", url="https://example.com/returns")
    other = Citation(id="p2", title="Delivery times", url="https://example.com/delivery")
    draft = Draft(
        text="You can send the lamp back **within 30 days** [1]:\n\n"
        "1. Open *Orders* and choose the lamp.\n2. Press **Return** and print the label.\n\n"
        "The money is back on your card after 5 days [2].",
        citations=(source, other),
        confidence=0.62,
    )
    a = Approval(
        id="c1.7",
        conversation_id="c1",
        seq=7,
        channel="web",
        customer="Ada Kim",
        question="The lamp arrived broken.\nCan I send it back, and when do I get my money?",
        draft=draft,
        reasons=(Reason.LOW_CONFIDENCE,),
        requested_at=AT,
        at=AT,
        deadline=AT + timedelta(minutes=14),
    )
    earlier = [
        Turn(author="customer", text="Where is my order 4711?"),
        Turn(author="ai", text="It was delivered on Thursday [1]."),
    ]
    picture("slack-card", post(card(a, looks, earlier=earlier).blocks), height=450)
    done = replace(
        a,
        state=ApprovalState.DECIDED,
        decision="edit",
        decided_by="mina@example.com",
        decided_at=AT,
        seconds=42,
        text="So sorry about the lamp! Send it back within 30 days: Orders → Return. "
        "Your money is back five days after it reaches us.",
    )
    picture("slack-decided", post(card(done, looks).blocks), height=260)
    about = modals.About(draft_id=a.id, version=1)
    picture("slack-edit", window(modals.edit(a, looks, about)), height=500)
    picture("slack-reject", window(modals.reject(a, looks, about)), height=640)
    taken = replace(done, decision="take_over", text="")
    c = Conversation(
        id="c1",
        status=Status.HUMAN,
        assignee="mina@example.com",
        sender=Sender(id="x", name="Ada Kim"),
        address=Address(channel="web", account="a", chat="c"),
        memory=(Turn(author="customer", text="Can I keep the bulb?"),),
    )
    said = [*earlier, Turn(author="customer", text=a.question)]
    thread = [post(thread_head(c, looks, before=said, carried="c1.3 1").blocks)]
    for event in (
        ev.Received(text="Can I keep the bulb?"),
        ev.Sent(author=Author.AGENT, by="mina@example.com", text="Of course, with our regards."),
    ):
        item = ev.Numbered(conversation_id="c1", seq=9, at=AT, event=event)
        shown = told(item, looks, about=c, human=True, waits=False)
        assert shown is not None
        thread.append(post(shown.blocks))
    typed = '<div class="rich">&gt; Of course, with our regards.</div>'
    mina = post([], who="Mina", app=False).replace("</div></div>", typed + "</div></div>")
    thread.insert(2, mina)
    body = post(card(taken, looks).blocks) + f'<div class="thread">{"".join(thread)}</div>'
    picture("slack-thread", body, height=760)
    alone = [
        Turn(author="customer", text="Where is my order 4711?"),
        Turn(author="ai", text="It was delivered on Thursday [1]."),
    ]
    passed = replace(c, assignee="sara@example.com")
    body = post(talk_card(passed, looks, before=alone, carried="c1.t5 0").blocks)
    lines = []
    given: tuple[tuple[ev.Event, str], ...] = (
        (ev.Received(text="Nothing has come! Who signed for it?"), ""),
        (ev.TakenOver(by="sara@example.com"), "U0SARA"),
        (ev.Noted(by="mina@example.com", text="He needs a refund; I cannot book one."), ""),
    )
    for happened, receiver in given:
        item = ev.Numbered(conversation_id="c1", seq=9, at=AT, event=happened)
        shown = told(item, looks, about=c, human=True, waits=False, receiver=receiver)
        assert shown is not None
        lines.append(post(shown.blocks))
    body += f'<div class="thread">{"".join(lines)}</div>'
    picture("slack-talk", body, height=640)
    user = User(id="u", email="mina@example.com", role=Role.AGENT, name="Mina")
    sms = replace(a, id="c2.3", channel="sms", customer="+82 10 5550 1234", claimed_by=user.email)
    queue = Queue(waiting=[sms, a], decided=[done] * 9, held=[c], now=AT)
    picture("slack-home", "".join(map(block, home(queue, user, looks)["blocks"])), height=540)
    korean = Looks(words=words, locale="ko", base_url="https://help.example.com")
    ko = replace(
        a,
        customer="김하나",
        channel="sms",
        question="전등이 깨져서 왔어요. 반품할 수 있나요?",
        draft=Draft(
            text="네, 30일 안에 반품하실 수 있습니다 [1]. 주문 메뉴에서 반품을 눌러 주세요.",
            citations=(Citation(id="p", title="반품과 환불", url="https://example.com/ko"),),
            confidence=0.71,
        ),
    )
    picture("slack-card-ko", post(card(ko, korean).blocks), height=380)


if __name__ == "__main__":
    main()
