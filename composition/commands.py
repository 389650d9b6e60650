"""Everything the command line can ask for, answered the same whether we serve or not."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analytics.cli import commands as analytics_commands
from analytics.projection import rebuild
from approvals.trust import cli as trust_cli
from composition.answering import model_of
from composition.insight import reporting_of, yesterday
from composition.program import PROMPTS
from core import deliveries_cli
from core.accounts import audit_cli
from core.accounts import cli as accounts_cli
from core.control import Command
from core.deliveries import Deliveries
from core.doctor import (
    Check,
    answer_checks,
    doctor,
    machine_checks,
    mail_checks,
    store_checks,
)
from core.privacy.cli import commands as privacy_commands
from core.rag import cli as rag_cli
from core.storage.deliveries import MongoDeliveries
from plugins.checks import channel_checks
from plugins.cli import plugin_commands

if TYPE_CHECKING:
    from composition.center import Center


def commands_of(center: Center) -> Mapping[str, Command]:
    """Each command by its name."""
    return {
        **accounts_cli.commands(center.accounts, base_url=lambda: center.base_url),
        **rag_cli.commands(center.knowledge),
        **plugin_commands(center.plugins),
        **audit_cli.commands(center.audit),
        **deliveries_cli.commands(functools.partial(_deliveries, center)),
        **privacy_commands(center.privacy),
        **analytics_commands(
            make_again=lambda progress: rebuild(
                center.db, center.facts, clock=center.clock, progress=progress
            ),
            reporting=functools.partial(reporting_of, center),
            yesterday=functools.partial(yesterday, center),
        ),
        **trust_cli.commands(center.replay),
        "doctor": doctor(functools.partial(_checks, center)),
    }


async def _checks(center: Center) -> Sequence[Check]:
    rag, settings = await center.rag(), center.settings
    return (
        *machine_checks(settings, center.data_dir),
        *store_checks(center.db, center.account_store, settings),
        *answer_checks(rag, settings, model=model_of(settings.llm), prompts=PROMPTS),
        *mail_checks(settings),
        *await channel_checks(center.plugins),
    )


def _deliveries(center: Center) -> Deliveries:
    """At rest a retry is written down, and goes out at the next start."""
    if center.live is not None:
        return center.live.deliveries
    at_rest = center.running()
    return Deliveries(
        conversations=at_rest.conversations,
        store=MongoDeliveries(center.db["deliveries"], at_rest.conversations),
        wake=at_rest.wake,
    )
