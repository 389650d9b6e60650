"""Ten bugs, one at a time in a copy of our SMS channel: the conformance kit catches every one."""

from __future__ import annotations

import importlib
import shutil
import sys
import unittest
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.plugin import ChannelPlugin
from core.testing.contract import ChannelContract
from core.testing.sheet import explain
from core.testing.vendor import VendorSimulator
from tests.contract.sms_vendor import SmsVendor

SOURCE = Path(__file__).parents[2] / "channels" / "sms"
START = "        self._receive = receive\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One replacement in one file, and the test that has to notice it."""

    name: str
    file: str
    right: str
    wrong: str
    caught_by: str


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
)


def _copy(folder: Path, name: str, bug: Bug | None) -> ChannelPlugin[Any]:
    package = folder / name
    shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in package.glob("*.py"):
        text = file.read_text().replace("channels.sms", name)
        if bug is not None and file.name == bug.file:
            assert text.count(bug.right) == 1, f"{bug.name}: the channel has changed, seed it anew"
            text = text.replace(bug.right, bug.wrong)
        file.write_text(text)
    plugin: ChannelPlugin[Any] = importlib.import_module(f"{name}.channel").plugin
    return plugin


def _verdict(plugin: ChannelPlugin[Any], test: str) -> str:
    """What the test says of this channel; "" when it is content."""
    contract = type(
        "Seeded",
        (ChannelContract,),
        {"plugin": plugin, "channel_id": "sms", "vendor": lambda _self: _vendor()},
    )
    try:
        getattr(contract(), test)()
    except unittest.SkipTest:
        raise
    except Exception as error:
        return explain(error)
    return ""


def _vendor() -> VendorSimulator:
    return SmsVendor()


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
    assert _verdict(_copy(folder, name + "_right", None), bug.caught_by) == ""
    verdict = _verdict(_copy(folder, name, bug), bug.caught_by)
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
