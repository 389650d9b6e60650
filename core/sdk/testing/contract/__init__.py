"""The channel contract as tests: subclass `ChannelContract`, give it your vendor, run it.

    class TestAcme(ChannelContract):
        plugin = acme.plugin
        channel_id = "acme"

        def vendor(self) -> VendorSimulator:
            return AcmeServer()

Runs under pytest and under `bot.py plugins test`, each test on a loop of its own. A test that
cannot apply to a medium is named in `exempt` with the reason, which the sheet shows.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.sdk.testing.checks import Checks
from core.sdk.testing.contract.attachments import Attachments
from core.sdk.testing.contract.availability import Availability
from core.sdk.testing.contract.incoming import Incoming
from core.sdk.testing.contract.interactions import Interactions
from core.sdk.testing.contract.lifecycle import Lifecycle
from core.sdk.testing.contract.outgoing import Outgoing
from core.sdk.testing.contract.reply_only import ReplyOnly
from core.sdk.testing.contract.self_description import SelfDescription
from core.sdk.testing.contract.unaltered_text import UnalteredText

NEVER_EXEMPT = frozenset(
    {
        "test_what_a_customer_writes_is_accepted",
        "test_the_same_event_three_times_is_one_message",
        "test_an_answer_arrives",
        "test_stopping_is_safe_at_any_time",
        "test_no_task_is_left_behind",
    }
)


class ChannelContract(
    SelfDescription,
    Lifecycle,
    ReplyOnly,
    Attachments,
    Outgoing,
    UnalteredText,
    Interactions,
    Availability,
    Incoming,
):
    """All the promises of `core.sdk.channel.Channel`; see the module for how to use it.

    The sheet lists the groups from the last base to the first.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        names = tests_of(ChannelContract)
        for name in names:
            if any(name in vars(c) for c in cls.__mro__ if c not in ChannelContract.__mro__):
                raise TypeError(f"{cls.__name__} replaces {name}; name it in `exempt` instead.")
        for name, reason in cls.exempt.items():
            if name not in names:
                raise TypeError(f"{cls.__name__}.exempt names {name}, and there is no such test.")
            if name in NEVER_EXEMPT:
                raise TypeError(
                    f"{cls.__name__}.exempt names {name}; every channel has to pass it."
                )
            if len(reason) < 10:
                raise TypeError(f"{cls.__name__}.exempt gives no reason for {name}.")


def tests_of(contract: type[Checks]) -> Sequence[str]:
    """The names of its tests, in the order they are written."""
    names = [name for owner in reversed(contract.__mro__) for name in vars(owner)]
    tests = (n for n in names if n.startswith("test_") and callable(getattr(contract, n)))
    return list(dict.fromkeys(tests))
