"""`erase` and `export` on the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import click

from core.runtime.cli import CenterCommand, Session, not_blank
from core.runtime.control_socket import Args, Command, Out

if TYPE_CHECKING:
    from core.privacy.service import PrivacyService, Receipt

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


def commands(
    privacy: PrivacyService, *, rewrites: bool, copies: Callable[[], Awaitable[str]]
) -> Mapping[str, Command]:
    """What these do; `rewrites` says whether the store's files are ours to write anew, `copies`
    in a sentence which backups still hold what is erased."""
    from core.accounts.service import OPERATOR
    from core.privacy.json_export import as_json

    async def erase_person(args: Args, out: Out) -> int:
        receipt = await privacy.erase(OPERATOR, args["contact"])
        if not receipt.conversations:
            out.line("Nobody is known by this contact; nothing was removed.")
            _tell_mentions(receipt, out)
            return 0
        out.line(f"Erased; receipt {receipt.id}")
        shown = {"conversations": receipt.conversations, **receipt.removed}
        width = max(map(len, (*shown, *receipt.following)))
        for name, count in shown.items():
            out.line(f"  {name:{width}}  {count}")
        for name, count in receipt.following.items():
            out.line(f"  {name:{width}}  {count}, as soon as Slack takes it")
        if receipt.confirmed:
            out.line(f"Forgotten by {len(receipt.confirmed)} other processes, too.")
        for member in receipt.unconfirmed:
            out.note(f"{member} has not confirmed it; start that process again.")
        if receipt.rewritten:
            out.line("The store's files were rewritten: no deleted byte is left in them.")
        elif rewrites:
            out.note("The store's files could not be rewritten; it is tried again in a minute.")
        else:
            out.note("A MongoDB of yours keeps deleted bytes until you run `compact` there.")
        if kept := await copies():
            out.note(kept)
        _tell_mentions(receipt, out)
        return 0

    async def export_person(args: Args, out: Out) -> int:
        for line in as_json(await privacy.export(OPERATOR, args["contact"])).splitlines():
            out.line(line)
        return 0

    return {"erase": erase_person, "export": export_person}


def _tell_mentions(receipt: Receipt, out: Out) -> None:
    if receipt.mentioned:
        out.note(
            "It is also written in these conversations, which stay because it is not their "
            f"customers' own; look, and erase by id what is theirs: {' '.join(receipt.mentioned)}"
        )
