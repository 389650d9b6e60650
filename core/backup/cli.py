"""`backup` on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.runtime.cli import CenterCommand, Session
from core.runtime.control_socket import Args, Command, Out

if TYPE_CHECKING:
    from core.backup.dump import Dump


@click.command(cls=CenterCommand)
@click.argument("file", metavar="FILE", type=click.Path(resolve_path=True))
@click.pass_obj
def backup(session: Session, file: str) -> None:
    """Write everything into one file, while it serves.

    BACKUP_KEY encrypts it. The vectors are not in it: they are made again by `restore`.
    """
    session.ask("backup", file=file)


def commands(dump: Dump, *, key: str) -> Mapping[str, Command]:
    """What it does."""

    async def back_up(args: Args, out: Out) -> int:
        made = await dump.write(
            Path(args["file"]),
            key=key,
            progress=lambda done, what: out.progress(done, done + 1, what),
        )
        counts = ", ".join(f"{name} {n}" for name, n in sorted(made.documents.items()) if n)
        out.line(f"{args['file']}: {made.bytes} bytes{'' if key else ', not encrypted'}")
        out.line(f"documents: {counts}")
        out.line(f"attachments: {made.attachments}, files: {made.files}")
        if made.missing:
            out.note(f"{made.missing} attachments went while the backup was made.")
        if not key:
            out.note("Customers' words and every secret lie in it openly; BACKUP_KEY encrypts it.")
        out.line(f"holds every message acknowledged before {made.as_of.isoformat()}")
        return 0

    return {"backup": back_up}
