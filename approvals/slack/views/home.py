"""Draws App Home and the answers of `/desk`: queue in, Block Kit out; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.queue.model import Approval, ApprovalState
from approvals.slack.views.cards import ACTION, Looks, outcome_of, value
from core.accounts.roles import User
from core.domain.conversation import Conversation
from core.rendering.markdown import from_markdown
from core.rendering.tree import to_plain
from core.slack.blocks import (
    MOST_MODAL_BLOCKS,
    Block,
    actions,
    button,
    context,
    divider,
    header,
    option,
    overflow,
    section,
)
from core.slack.mrkdwn import escaped, when

SHOWN = 12  #: of the queue
SHOWN_OWN = 8
LISTED = 10  #: in the answer to a command


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Waiting and decided drafts, as one reader sees them."""

    waiting: Sequence[Approval] = ()  #: by urgency
    decided: Sequence[Approval] = ()  #: today's
    held: Sequence[Conversation] = ()  #: conversations in the reader's hands
    now: datetime


def home(queue: Queue, user: User, looks: Looks, *, others: Sequence[Block] = ()) -> Block:
    """The agent's own page; `others` is what other slices show there."""
    mine = [a for a in queue.waiting if a.claimed_by == user.email]
    rest = [a for a in queue.waiting if a.claimed_by != user.email]
    blocks: list[Block] = [header(looks.say("home.title"))]
    blocks.append(_numbers(queue.decided, looks))
    if mine:
        blocks.append(section(f"*{looks.say('home.mine')}*"))
        for a in mine[:SHOWN_OWN]:
            blocks += _entry(a, looks)
    if queue.held:
        blocks += [divider(), section(f"*{looks.say('home.open')}*")]
        blocks += [_held(c, looks) for c in queue.held[:SHOWN_OWN]]
    blocks += [divider(), section(f"*{looks.say('home.waiting')} · {len(rest)}*")]
    if not rest:
        blocks.append(context(looks.say("home.none")))
    for a in rest[:SHOWN]:
        blocks += _entry(a, looks)
    if len(rest) > SHOWN:
        blocks.append(context(looks.say("home.more", count=len(rest) - SHOWN)))
    closing = [*others, _console(looks)]
    return {"type": "home", "blocks": [*blocks[: MOST_MODAL_BLOCKS - len(closing)], *closing]}


def strangers_home(looks: Looks) -> Block:
    """What somebody sees who is not of the staff."""
    return {"type": "home", "blocks": [section(looks.say("home.outsider"))]}


def queue_answer(waiting: Sequence[Approval], looks: Looks, *, title: str = "") -> list[Block]:
    """What waits, most urgent first."""
    if not waiting:
        return [section(looks.say("desk.empty"))]
    blocks: list[Block] = [
        section(f"*{title or looks.say('desk.queue', count=len(waiting))}*"),
    ]
    blocks += [section(line(a, looks)) for a in waiting[:LISTED]]
    if len(waiting) > LISTED:
        blocks.append(context(looks.say("home.more", count=len(waiting) - LISTED)))
    return blocks


def next_answer(a: Approval, looks: Looks) -> list[Block]:
    """The draft that was just claimed."""
    return [section(looks.say("desk.claimed")), *_entry(a, looks)]


def line(a: Approval, looks: Looks) -> str:
    """A draft in a line."""
    told = looks.say(
        "desk.line",
        customer=escaped(looks.customer(a.customer), 100),
        channel=escaped(looks.channel(a.channel), 100),
        time=when(a.deadline, "{time} ({ago})"),
        question=escaped(" ".join(a.question.split()), 160),
    )
    if a.state is not ApprovalState.PENDING:
        told += f" — _{escaped(outcome_of(a, looks), 300)}_"
    return told


def status_answer(queue: Queue, looks: Looks) -> list[Block]:
    """Numbers."""
    told = looks.say(
        "desk.status",
        waiting=len(queue.waiting),
        claimed=sum(bool(a.claimed_by) for a in queue.waiting),
        overdue=sum(a.deadline <= queue.now for a in queue.waiting),
        decided=len(queue.decided),
    )
    return [section(told)]


def matching(approvals: Sequence[Approval], query: str) -> list[Approval]:
    """Those that hold all of the words, in the question, the draft or the customer's name."""
    words = query.casefold().split()

    def holds(a: Approval) -> bool:
        text = " ".join((a.question, a.draft.text, a.text, a.customer, a.id)).casefold()
        return all(word in text for word in words)

    return [a for a in approvals if holds(a)]


def _entry(a: Approval, looks: Looks) -> list[Block]:
    carried = value(a)
    drafted = bool(a.draft.text.strip())
    claim = "release" if a.claimed_by else "claim"
    menu = overflow(
        [
            option(looks.say(claim), value=f"{claim} {carried}"),
            option(looks.say("open"), value="console", url=looks.console(a.conversation_id)),
            option(looks.say("show.title"), value=f"show {carried}"),
        ],
        action=f"{ACTION}more",
    )
    blocks = [section(line(a, looks), accessory=menu)]
    if drafted:
        said = to_plain(from_markdown(a.draft.text))
        blocks.append(context(escaped(" ".join(said.split()), 400) or "…"))
    edit = looks.word("edit" if drafted else "write")
    blocks.append(
        actions(
            button(edit, action=f"{ACTION}edit", value=carried, style="primary"),
            button(looks.word("reject"), action=f"{ACTION}reject", value=carried),
            button(looks.word("take_over"), action=f"{ACTION}take_over", value=carried),
        )
    )
    return blocks


def _held(c: Conversation, looks: Looks) -> Block:
    name = escaped(looks.customer(c.sender.name if c.sender else ""), 100)
    last = escaped(" ".join(c.memory[-1].text.split()), 160) if c.memory else ""
    carried = f"{c.id}.0 0"
    accessory = button(looks.say("thread.reply"), action=f"{ACTION}reply", value=carried)
    channel = escaped(looks.channel(c.channel), 100)
    return section(f"*{name}* · {channel}\n{last}", accessory=accessory)


def _numbers(decided: Sequence[Approval], looks: Looks) -> Block:
    counts: Mapping[str, int] = {
        name: sum(a.decision == name for a in decided)
        for name in ("approve", "edit", "reject", "take_over")
    }
    told = looks.say(
        "home.numbers",
        count=len(decided),
        approved=counts["approve"],
        edited=counts["edit"],
        rejected=counts["reject"],
        taken=counts["take_over"],
    )
    return context(f"*{looks.say('home.today')}:* {told}")


def _console(looks: Looks) -> Block:
    url = f"{looks.base_url}/console/approvals"
    return actions(
        button(looks.say("home.console"), action=f"{ACTION}console", value="console", url=url)
    )
