"""Checks that a channel changes nothing in what is said, either way: not who says it, not where."""

from __future__ import annotations

from core.domain.messages import InboundKind
from core.sdk.testing.bench import Bench
from core.sdk.testing.checks import Checks, scenario
from core.sdk.testing.vendor import Written

DISCLOSED = "This is the AI assistant."
LINK = "https://shop.example/sizes–and–fits?for=it’s-me&as=“new”…"
MISTAKABLE = (
    "Yes",
    "yes please",
    "does the bus stop here?",
    "stop by tomorrow",
    "Start with the red one",
)


class UnalteredText(Checks):
    """Disclosure, consent and links: nothing of them is changed on the way."""

    @scenario
    async def test_the_first_ai_text_is_disclosed(self, bench: Bench) -> None:
        channel = await bench.up()
        await bench.send(channel, bench.message(f"{DISCLOSED}\n\nOpen Settings and press Reset."))
        texts = bench.texts()
        assert DISCLOSED in texts, f"the customer is not told that an AI writes: {texts!r}"
        assert texts.index(DISCLOSED) < texts.index("Open Settings"), "it is told too late"

    @scenario
    async def test_a_word_is_no_consent(self, bench: Bench) -> None:
        channel = await bench.up()
        for number, text in enumerate(MISTAKABLE):
            await bench.vendor.write(channel, Written(text=text, event_id=str(3000 + number)))
        for message in await bench.accepted(len(MISTAKABLE)):
            kind = message.kind
            assert kind is InboundKind.MESSAGE, f"{message.text!r} was taken for {kind.value}"

    @scenario
    async def test_links_arrive_as_they_are(self, bench: Bench) -> None:
        channel = await bench.up()
        await bench.send(channel, bench.message(f"It’s “here”: {LINK} – have a look."))
        assert LINK in bench.texts(), f"the link was changed: {bench.texts()!r}"
