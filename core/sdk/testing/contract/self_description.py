"""Contract tests of a channel's self-description: true capabilities, no leaked secrets."""

from __future__ import annotations

import logging

from core.sdk.channel import ReportsReceipts, ShowsTyping, Streams
from core.sdk.testing.bench import Bench, Heard
from core.sdk.testing.checks import Checks, scenario
from core.sdk.testing.vendor import Written


class SelfDescription(Checks):
    """A channel's self-description, and the secrets it must never tell."""

    @scenario
    async def test_it_can_do_what_it_says(self, bench: Bench) -> None:
        channel = await bench.up()
        can = channel.capabilities
        assert can.text_limit > 0, "text_limit says nothing"
        # Where customers fetch from us, the core itself shows who is typing and what grows.
        for says, does, what in (
            ()
            if can.pulls
            else (
                (can.typing, isinstance(channel, ShowsTyping), "typing"),
                (can.streaming, isinstance(channel, Streams), "stream"),
                (can.receipts, isinstance(channel, ReportsReceipts), "on_receipt"),
            )
        ):
            assert says == does, f"capabilities and the method {what!r} contradict each other"
        if isinstance(channel, ShowsTyping):
            await channel.typing(bench.vendor.address("5001"))

    @scenario
    async def test_its_secrets_are_secret(self, bench: Bench) -> None:
        schema = self.plugin.settings.model_json_schema()
        shown = repr(self.plugin.settings.model_validate(dict(bench.vendor.settings())))
        for name, value in bench.vendor.settings().items():
            sounds_secret = any(w in name.lower() for w in ("token", "secret", "password", "key"))
            if sounds_secret and isinstance(value, str) and len(value) >= 6:
                assert name in schema.get("properties", {}), f"{name} is no setting"
                assert value not in shown, f"{name} is not a SecretStr"

    @scenario
    async def test_logs_carry_neither_secrets_nor_what_customers_wrote(self, bench: Bench) -> None:
        log = Heard()
        root = logging.getLogger()
        level = root.level
        root.addHandler(log)
        root.setLevel(logging.INFO)
        try:
            channel = await bench.up()
            await bench.vendor.write(channel, Written(text="my secret illness"))
            await bench.accepted(1)
            await bench.send(channel, bench.message("our secret answer"))
            await bench.down(channel)
        finally:
            root.removeHandler(log)
            root.setLevel(level)
        said = "\n".join(log.lines)
        assert "my secret illness" not in said, "a customer's words are in the log"
        assert "our secret answer" not in said, "an answer's words are in the log"
        for name, value in bench.vendor.settings().items():
            if any(w in name.lower() for w in ("token", "secret", "password")):
                assert str(value) not in said, f"the setting {name} is in the log"
