"""Contract tests of files: what customers attach comes whole, what we attach arrives whole."""

from __future__ import annotations

import hashlib
import unittest
from dataclasses import replace

from core.domain.messages import Attachment, InboundMessage, OutboundFile
from core.sdk.channel import Channel, FetchesAttachments
from core.sdk.testing.bench import Bench
from core.sdk.testing.checks import Checks, scenario
from core.sdk.testing.vendor import BringsFiles, TakesFiles, Written

CONTENT = hashlib.sha256(b"a").digest() * 3_000 + b"\0\r\n.\r\nend"
NAME = "Rechnung März 계산서.pdf"
NO_FILES = "The simulator brings no files (`core.sdk.testing.vendor.BringsFiles`)."


class Attachments(Checks):
    """Files of customers, and of agents."""

    @scenario
    async def test_a_file_of_a_customer_is_not_lost(self, bench: Bench) -> None:
        for number, text in enumerate(("Look at this", "")):
            message, channel = await _written(bench, text, event_id=str(3001 + number))
            assert message.text == text, f"beside a file the text became {message.text!r}"
            [attachment] = message.attachments
            given = await bytes_of(channel, message, attachment)
            assert given == CONTENT, f"{len(given)} bytes came instead of {len(CONTENT)}, or others"
            bench.inbox.accepted.clear()
            await bench.down(channel)

    @scenario
    async def test_the_same_file_twice_is_one_message(self, bench: Bench) -> None:
        await _written(bench, "Look at this", event_id="3001", times=2)
        await bench.accepted(1)

    @scenario
    async def test_a_file_of_ours_arrives_whole(self, bench: Bench) -> None:
        vendor = bench.vendor
        if not isinstance(vendor, TakesFiles):
            raise unittest.SkipTest("The medium carries links only (no [carries] in the manifest).")
        channel = await bench.up()
        file = OutboundFile(
            name="manual.pdf", media_type="application/pdf", size=len(CONTENT), content=CONTENT
        )
        message = replace(bench.message("The manual:"), files=(file,))
        delivery = await bench.send(channel, message)
        assert vendor.files() == [CONTENT], "what arrived is not the file"
        assert bench.count("The manual:") == 1
        whole = len(delivery.external_ids)
        again = await bench.send(channel, replace(message, id="c1.8", skip_parts=whole - 1))
        assert len(again.external_ids) == 1, "a file that is left is sent without what went out"
        assert bench.count("The manual:") == 1


async def _written(
    bench: Bench, text: str, *, event_id: str, times: int = 1
) -> tuple[InboundMessage, Channel]:
    vendor = bench.vendor
    if not isinstance(vendor, BringsFiles):
        raise unittest.SkipTest(NO_FILES)
    channel = await bench.up()
    for _ in range(times):
        written = Written(text=text, event_id=event_id)
        status = await vendor.write_file(channel, written, name=NAME, content=CONTENT)
        assert status < 300, f"a message with a file was answered {status}"
    [message] = await bench.accepted(1)
    assert message.attachments, "the file of the message is lost"
    return message, channel


async def bytes_of(channel: Channel, message: InboundMessage, attachment: Attachment) -> bytes:
    """The bytes of an attachment, as the host gets them."""
    if attachment.content:
        return attachment.content
    assert isinstance(channel, FetchesAttachments), (
        "the file came without its bytes, and the channel has no `fetch` to get them"
    )
    pieces: list[bytes] = []

    async def write(chunk: bytes) -> None:
        pieces.append(chunk)

    await channel.fetch(message.address, attachment, write)
    return b"".join(pieces)
