"""Bugs, one at a time in a copy of a channel of ours: the conformance kit catches every one."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
import unittest
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.sdk.plugin import ChannelPlugin
from core.sdk.testing.contract import ChannelContract
from core.sdk.testing.contract.sheet import explain
from core.sdk.testing.vendor import VendorSimulator
from tests.contract.slack_vendor import SlackVendor
from tests.contract.sms_vendor import SmsVendor

SOURCE = Path(__file__).parents[2] / "channels"
VENDORS: dict[str, Callable[[], VendorSimulator]] = {
    "sms": SmsVendor,
    "slack": lambda: SlackVendor(socket=False),
}
START = "        self._receive = receive\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One replacement in one file, and the test that has to notice it."""

    name: str
    file: str
    right: str
    wrong: str
    caught_by: str
    channel: str = "sms"


BUGS = (
    Bug(
        name="a wrong signature is let in",
        file="webhooks.py",
        right="            return form\n    raise WebhookRefused(",
        wrong="            return form\n    return form\n    raise WebhookRefused(",
        caught_by="test_a_forged_event_is_refused_and_leaves_nothing",
    ),
    Bug(
        name="acknowledged before it is stored",
        file="channel.py",
        right="        await self._receive(message)\n        # Twilio answers",
        wrong="        self._later = asyncio.create_task(self._receive(message))\n"
        "        # Twilio answers",
        caught_by="test_the_vendor_is_answered_only_after_storing",
    ),
    Bug(
        name="a repeat gets a new id",
        file="normalize.py",
        right="external_id=sid or token,",
        wrong="external_id=f\"{sid}:{id(object())}:{__import__('secrets').token_hex(4)}\",",
        caught_by="test_the_same_event_three_times_is_one_message",
    ),
    Bug(
        name="an attachment is lost",
        file="normalize.py",
        right="        attachments=attachments,",
        wrong="        attachments=(),",
        caught_by="test_a_file_of_a_customer_is_not_lost",
    ),
    Bug(
        name="a file's end is lost",
        file="media.py",
        right="                await write(chunk)",
        wrong="                await write(chunk[:-1])",
        caught_by="test_a_file_of_a_customer_is_not_lost",
    ),
    Bug(
        name="the store's outage is swallowed",
        file="channel.py",
        right="        await self._receive(message)\n        # Twilio answers",
        wrong="        try:\n            await self._receive(message)\n"
        "        except StoreUnavailable:\n            pass\n        # Twilio answers",
        caught_by="test_while_the_store_is_down_the_vendor_keeps_the_event",
    ),
    Bug(
        name="a long answer is cut",
        file="channel.py",
        right="        bodies = self._bodies(message)\n        if not bodies",
        wrong="        bodies = self._bodies(message)[:3]\n        if not bodies",
        caught_by="test_an_answer_of_20000_characters_arrives_whole",
    ),
    Bug(
        name="parts that went out go out again",
        file="channel.py",
        right="            if number < first:",
        wrong="            if number < 0:",
        caught_by="test_parts_that_were_sent_are_not_sent_again",
    ),
    Bug(
        name="a lost answer is taken for a refusal",
        file="api.py",
        right='        return DeliveryUnknown(f"No answer',
        wrong='        return DeliveryDeferred(f"No answer',
        caught_by="test_a_lost_answer_is_unknown_and_reconciled_where_it_can_be",
    ),
    Bug(
        name="a rate limit is a failure for good",
        file="api.py",
        right='return DeliveryDeferred("Too many requests to Twilio.", retry_after=error.seconds)',
        wrong='return DeliveryFailed("Too many requests to Twilio.")',
        caught_by="test_a_rate_limit_is_obeyed",
    ),
    Bug(
        name="stopping is not safe before a start",
        file="channel.py",
        right="        if api is not None:\n            await api.close()",
        wrong="        await api.close()",
        caught_by="test_stopping_is_safe_at_any_time",
    ),
    Bug(
        name="a task is left behind",
        file="channel.py",
        right=START,
        wrong=START + "        self._beat = asyncio.create_task(asyncio.sleep(3600))\n",
        caught_by="test_no_task_is_left_behind",
    ),
    Bug(
        name="sending blocks everybody",
        file="channel.py",
        right="        api = self._connected()\n        bodies",
        wrong="        __import__('time').sleep(0.8)\n"
        "        api = self._connected()\n        bodies",
        caught_by="test_the_loop_is_never_blocked",
    ),
    Bug(
        name="customers' words are logged",
        file="channel.py",
        right="        if message is None:\n            raise BadInput",
        wrong='        self._context.logger.info("got %s", message)\n'
        "        if message is None:\n            raise BadInput",
        caught_by="test_logs_carry_neither_secrets_nor_what_customers_wrote",
    ),
    Bug(
        name="deaf while mute",
        file="channel.py",
        right="        await import_aside(WEBHOOKS)\n        self._receive = receive\n",
        wrong="        await import_aside(WEBHOOKS)\n        api = await self._connect()\n"
        "        await api.account()\n        self._receive = receive\n",
        caught_by="test_it_hears_while_the_vendors_api_is_away",
    ),
    Bug(
        name="200 for nobody",
        file="channel.py",
        right='            return HttpResponse(status=503, headers={"Retry-After": "5"})\n',
        wrong="            return _TWIML\n",
        caught_by="test_nothing_is_acknowledged_that_nobody_took",
    ),
    Bug(
        name="200 for nobody, while an app is not there yet that would take it",
        channel="slack",
        file="channel.py",
        right="        if self._is_up and self._slack is not None:\n",
        wrong="        if self._receive is None:\n            return HttpResponse()\n"
        "        if self._is_up and self._slack is not None:\n",
        caught_by="test_nothing_is_acknowledged_that_nobody_took",
    ),
    Bug(
        name="what was missed comes in the vendor's order, the newest first",
        file="api.py",
        right="            theirs.sort(key=lambda m: _sent_at(m) or since)\n",
        wrong="            theirs.reverse()\n",
        caught_by="test_what_was_missed_is_fetched_once_and_in_order",
    ),
    Bug(
        name="what was missed is not known from its event",
        channel="slack",
        file="normalize.py",
        right='    return replace(said, external_id=f"{channel}:{ts}")\n',
        wrong="    return said\n",
        caught_by="test_what_was_missed_is_fetched_once_and_in_order",
    ),
    Bug(
        name="undisclosed first text",
        file="channel.py",
        right="        bodies = self._bodies(message)\n        if not bodies",
        wrong="        bodies = tuple(b.partition('\\n')[2] or b for b in self._bodies(message))\n"
        "        if not bodies",
        caught_by="test_the_first_ai_text_is_disclosed",
    ),
    Bug(
        name="consent by string",
        file="normalize.py",
        right="TAKEN_BY_TWILIO.get(body.strip().upper(), InboundKind.MESSAGE)",
        wrong="(InboundKind.OPT_OUT if 'stop' in body.lower() else InboundKind.MESSAGE)",
        caught_by="test_a_word_is_no_consent",
    ),
    Bug(
        name="link changed",
        file="channel.py",
        right="                    body=body,\n",
        wrong="                    body=body.replace('–', '-').replace('’', \"'\"),\n",
        caught_by="test_links_arrive_as_they_are",
    ),
    Bug(
        name="false success",
        file="channel.py",
        right="            except DeliveryFailed as error:\n",
        wrong="            except DeliveryFailed as error:\n"
        "                return Delivery(state=DeliveryState.SENT, external_ids=('SM0',))\n",
        caught_by="test_a_refused_message_fails_for_good",
    ),
    Bug(
        name="an edit is ignored",
        channel="slack",
        file="normalize.py",
        right="            return _changed(body, event, workspace, serves, names)",
        wrong="            return None",
        caught_by="test_a_changed_message_is_an_edit_of_it",
    ),
    Bug(
        name="an edit is another message",
        channel="slack",
        file="normalize.py",
        right="        kind=InboundKind.EDIT,",
        wrong="        kind=InboundKind.MESSAGE,",
        caught_by="test_a_changed_message_is_an_edit_of_it",
    ),
    Bug(
        name="a deletion is ignored",
        channel="slack",
        file="normalize.py",
        right='        case "message_deleted":',
        wrong='        case "message_forgotten":',
        caught_by="test_a_message_taken_back_is_a_deletion_of_it",
    ),
    Bug(
        name="a reaction is answered",
        channel="slack",
        file="normalize.py",
        right="        kind=InboundKind.REACTION if added else InboundKind.REACTION_REMOVED,",
        wrong="        text=emoji_of(name),",
        caught_by="test_a_reaction_is_a_reaction_and_no_question",
    ),
    Bug(
        name="the sender is lost",
        channel="slack",
        file="normalize.py",
        right="    return Sender(id=user, name=named.name, locale=named.locale) if named",
        wrong='    return Sender(id="somebody") if named',
        caught_by="test_in_a_group_each_message_has_its_sender",
    ),
    Bug(
        name="a thread is an identity",
        channel="slack",
        file="normalize.py",
        right='thread="" if direct else thread or ts)',
        wrong="thread=thread if direct else thread or ts)",
        caught_by="test_a_thread_with_one_customer_is_a_place_and_no_conversation",
    ),
    Bug(
        name="what nobody can read is met with silence",
        channel="slack",
        file="normalize.py",
        right="    nothing = not (text or attachments or quotes)\n",
        wrong="    nothing = not (text or attachments or quotes)\n"
        "    if nothing:\n        return None\n",
        caught_by="test_what_nobody_can_read_is_not_met_with_silence",
    ),
)


def _copy(folder: Path, name: str, channel: str, bug: Bug | None) -> ChannelPlugin[Any]:
    package = folder / name
    shutil.copytree(SOURCE / channel, package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in package.glob("*.py"):
        # Its texts are still those of the channel that it is a copy of.
        text = re.sub(rf'(?<!text\(")channels\.{channel}\b', name, file.read_text())
        if bug is not None and file.name == bug.file:
            assert text.count(bug.right) == 1, f"{bug.name}: the channel has changed, seed it anew"
            text = text.replace(bug.right, bug.wrong)
        file.write_text(text)
    plugin: ChannelPlugin[Any] = importlib.import_module(f"{name}.channel").plugin
    return plugin


def _verdict(plugin: ChannelPlugin[Any], bug: Bug) -> str:
    """What the test says of this channel; "" when it is content."""
    contract = type(
        "Seeded",
        (ChannelContract,),
        {
            "plugin": plugin,
            "channel_id": bug.channel,
            "vendor": lambda _self: VENDORS[bug.channel](),
        },
    )
    try:
        getattr(contract(), bug.caught_by)()
    except unittest.SkipTest:
        raise
    except Exception as error:
        return explain(error)
    return ""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("seeded_")]:
        del sys.modules[name]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_bug_is_caught(folder: Path, bug: Bug) -> None:
    name = f"seeded_{BUGS.index(bug)}"
    assert _verdict(_copy(folder, name + "_right", bug.channel, None), bug) == ""
    verdict = _verdict(_copy(folder, name, bug.channel, bug), bug)
    assert verdict, f"{bug.caught_by} does not notice that {bug.name}"


def test_tests_cannot_be_deleted_quietly() -> None:
    good = {"plugin": None, "channel_id": "sms"}
    with pytest.raises(TypeError, match="replaces test_an_answer_arrives"):
        type("Cheat", (ChannelContract,), {**good, "test_an_answer_arrives": None})
    reason = {"test_an_answer_arrives": "we do not like this one"}
    with pytest.raises(TypeError, match="every channel has to pass it"):
        type("Cheat", (ChannelContract,), {**good, "exempt": reason})
    with pytest.raises(TypeError, match="no reason"):
        type("Cheat", (ChannelContract,), {**good, "exempt": {"test_emoji_and_korean_arrive": ""}})
    with pytest.raises(TypeError, match="no such test"):
        type("Cheat", (ChannelContract,), {**good, "exempt": {"test_x": "for a good reason"}})
