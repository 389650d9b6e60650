"""`erase` and `export` on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from core.control import Args, Command, Out
from core.terminal import CenterCommand, Session, not_blank

if TYPE_CHECKING:
    from core.privacy.service import PrivacyService

CONTACT = """CONTACT is a conversation's id, an e-mail address, a phone number, or an id at Telegram
or Slack (also as telegram:12345)."""

# A conversation's id may begin with a hyphen, and is no option then.
ANY_CONTACT = {"ignore_unknown_options": True}


@click.command(
    cls=CenterCommand,
    help=f"Forget a person for good.\n\n{CONTACT}",
    context_settings=ANY_CONTACT,
)
@click.argument("contact", metavar="CONTACT", callback=not_blank)
@click.pass_obj
def erase(session: Session, contact: str) -> None:
    """See `help` above."""
    session.ask("erase", contact=contact)


@click.command(
    cls=CenterCommand,
    help=f"Print all that is kept about a person, as JSON.\n\n{CONTACT}",
    context_settings=ANY_CONTACT,
)
@click.argument("contact", metavar="CONTACT", callback=not_blank)
@click.pass_obj
def export(session: Session, contact: str) -> None:
    """See `help` above."""
    session.ask("export", contact=contact)


def commands(privacy: PrivacyService) -> Mapping[str, Command]:
    """What these do."""
    from core.accounts.service import OPERATOR
    from core.privacy.shapes import as_json

    async def erase_person(args: Args, out: Out) -> int:
        receipt = await privacy.erase(OPERATOR, args["contact"])
        if not receipt.conversations:
            out.line("Nobody is known by this contact; nothing was removed.")
            return 0
        out.line(f"Erased; receipt {receipt.id}")
        shown = {"conversations": receipt.conversations, **receipt.removed}
        width = max(map(len, shown))
        for name, count in shown.items():
            out.line(f"  {name:{width}}  {count}")
        if receipt.rewritten:
            out.line("The store's files were rewritten: no deleted byte is left in them.")
        else:
            out.note("The store's files were not rewritten; a MongoDB of yours needs `compact`.")
        return 0

    async def export_person(args: Args, out: Out) -> int:
        for line in as_json(await privacy.export(OPERATOR, args["contact"])).splitlines():
            out.line(line)
        return 0

    return {"erase": erase_person, "export": export_person}
