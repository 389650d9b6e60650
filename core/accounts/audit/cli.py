"""`audit …` on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from core.runtime.cli import CenterGroup, Session
from core.runtime.control_socket import Args, Command, Out

if TYPE_CHECKING:
    from core.accounts.audit.log import Audit


@click.group(cls=CenterGroup)
def audit() -> None:
    """The record of what staff and operators did."""


@audit.command()
@click.pass_obj
def verify(session: Session) -> None:
    """Check that no entry was changed, removed or slipped in; exit code 1 when one was."""
    session.ask("audit.verify")


def commands(record: Audit) -> Mapping[str, Command]:
    """What these do."""

    async def verify_all(_args: Args, out: Out) -> int:
        found = await record.verify()
        for fault in found.faults:
            out.line(f"damaged: {fault}")
        state = "intact" if found.is_intact else "DAMAGED"
        out.line(f"{found.entries} entries, {state}")
        return 0 if found.is_intact else 1

    return {"audit.verify": verify_all}
