"""`import …` on the command line."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.runtime.cli import CenterCommand, Session
from core.runtime.control_socket import Args, Command, Out

if TYPE_CHECKING:
    from imports.parts import Parts

NAMES = ("zendesk", "intercom", "chatwoot", "csv", "jsonl")
SHOWN = 20  #: groups and bad rows that are printed


@click.command("import", cls=CenterCommand)
@click.argument("arguments", nargs=-1, metavar="[zendesk|intercom|chatwoot|csv|jsonl] PATH")
@click.option("--list", "listed", is_flag=True, help="The files that were read, and what waits.")
@click.option("--forget", "contact", metavar="CONTACT", help="Forget whoever has this address.")
@click.pass_obj
def import_(
    session: Session,
    arguments: tuple[str, ...],
    listed: bool,  # noqa: FBT001
    contact: str | None,
) -> None:
    """Past conversations become candidates that a person approves.

    Only what people answered in public is read, without personal data. Nothing is known to the
    assistant before somebody approves it, on the console under “Past conversations”. A file that
    was broken off goes on where it stopped; the same file again changes nothing.
    """
    if contact is not None:
        session.ask("import.forget", contact=contact)
    elif listed:
        session.ask("import.list")
    else:
        name = arguments[0] if len(arguments) == 2 else ""
        path = arguments[-1] if arguments else ""
        if not path or len(arguments) > 2 or (name and name not in NAMES):
            raise click.UsageError(f"Say what to read: bot.py import [{'|'.join(NAMES)}] PATH")
        if not Path(path).is_file():
            raise click.UsageError(f"There is no file {path}.")
        session.ask("import.read", path=str(Path(path).resolve()), format=name)


def commands(parts: Parts) -> Mapping[str, Command]:
    """What these do."""
    return {
        "import.read": functools.partial(_read, parts),
        "import.list": functools.partial(_list, parts),
        "import.forget": functools.partial(_forget, parts),
    }


async def _read(parts: Parts, args: Args, out: Out) -> int:
    from core.accounts.service import OPERATOR

    await parts.open()
    done = await parts.importer.read(
        Path(args["path"]),
        format_name=args.get("format", ""),
        by=OPERATOR.email,
        progress=lambda read, total: out.progress(read, total, "reading"),
        stays=True,
    )
    file = done.file
    if done.repeated:
        out.note(f"{file.name} was read before; nothing is doubled.")
    for row in file.bad_rows[:SHOWN]:
        out.note(f"Left out: {row}")
    if file.bad > min(SHOWN, len(file.bad_rows)):
        out.note(f"and {file.bad - min(SHOWN, len(file.bad_rows))} more")
    out.line(
        f"{file.items} read as {file.format}, {file.exchanges} answered questions in them, "
        f"{file.new} of them new, {file.bad} rows left out"
    )
    out.line(f"{done.groups} groups of questions wait for a person.")
    if done.groups:
        out.note(f"Approve them at {parts.url()}/console/imports")
    return 0


async def _list(parts: Parts, _args: Args, out: Out) -> int:
    for file in await parts.store.files():
        out.line(
            f"{file.at:%Y-%m-%d}  {file.name}  {file.format}  {file.state.value}  "
            f"{file.new} questions, {file.bad} rows left out"
        )
    for group in await parts.store.waiting(limit=SHOWN):
        out.line(f"{group.size:5}  {group.question}")
    return 0


async def _forget(parts: Parts, args: Args, out: Out) -> int:
    done = await parts.people.forget(args["contact"])
    for what, count in done.items():
        out.line(f"{what}: {count}")
    if not done:
        out.line("Nothing of theirs is kept.")
    return 0
