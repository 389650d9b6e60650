"""What heads the thread of a conversation in people's hands: state in, Block Kit out; pure."""

from __future__ import annotations

from collections.abc import Sequence

from approvals.blocks import Block, Posted, actions, button, context, header, safe, section
from approvals.cards import ACTION, Looks, turn_lines
from core.conversations import Conversation, Status
from core.drafts import Turn

SUMMARY = 12  #: lines at the head of a thread


def thread_head(c: Conversation, looks: Looks, *, before: Sequence[Turn], carried: str) -> Posted:
    """What heads the thread of a conversation in a person's hands, with its buttons.

    `carried` is the value of the buttons.
    """
    who = safe(looks.customer(c.sender.name if c.sender else ""), 200)
    if c.status is Status.HUMAN:
        told = looks.say("thread.joined", by=safe(c.assignee, 300), customer=who)
    elif c.status is Status.RESOLVED:
        told = looks.say("thread.resolved")
    else:
        told = looks.say("thread.over", customer=who)
    blocks: list[Block] = [section(f"*{told}*")]
    if before:
        lines = "\n".join(turn_lines(before[-SUMMARY:], looks))
        blocks += [context(f"*{looks.say('thread.summary')}*"), section(lines)]
    if c.status is Status.HUMAN:
        blocks += [context(looks.say("thread.how")), _talk_buttons(carried, looks)]
    return Posted(text=told, blocks=tuple(blocks))


def talk_card(c: Conversation, looks: Looks, *, before: Sequence[Turn], carried: str) -> Posted:
    """The desk's message for a conversation that a person took over though no card led there."""
    name = looks.customer(c.sender.name if c.sender else "")
    head = thread_head(c, looks, before=before, carried=carried)
    title = header(f"{name} · {looks.channel(c.channel)}")
    blocks = [title, *head.blocks]
    if c.status is Status.HUMAN:
        blocks.append(context(looks.say("in_thread")))
    return Posted(text=head.text, blocks=tuple(blocks))


def erased_card(looks: Looks) -> Posted:
    """What is left of a card once its customer has been erased."""
    told = looks.say("erased")
    return Posted(text=told, blocks=(section(f"_{told}_"),))


def _talk_buttons(carried: str, looks: Looks) -> Block:
    def one(name: str, style: str = "") -> Block:
        label = looks.say(f"thread.{name}")
        return button(label, action=f"{ACTION}{name}", value=carried, style=style)

    return actions(one("reply", "primary"), one("hand_back"), one("resolve"), one("transfer"))
