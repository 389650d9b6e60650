"""`bot.py sources …`: the commands, and their work in a serving process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import click

from core.accounts.service import OPERATOR
from core.errors import BadInput
from core.runtime.cli import CenterGroup, Session
from core.runtime.control_socket import Args, Command, Out
from plugins.registry.forms import read_pairs
from plugins.sources.model import ConfiguredSource
from plugins.sources.service import SourceChoice, SourceService, version_of

WAIT_SECONDS = 6 * 3600.0
LOOK_SECONDS = 0.3
SHOWN = 50  #: waiting changes that are listed
CHARACTERS = 300  #: of a text before and after


@click.group(cls=CenterGroup, name="sources")
def sources_group() -> None:
    """Websites, folders and help centres whose documents stay fresh."""


@sources_group.command(name="list")
@click.pass_obj
def _list(session: Session) -> None:
    """Every source with its state, a line each."""
    session.ask("sources.list")


@sources_group.command(name="kinds")
@click.pass_obj
def _kinds(session: Session) -> None:
    """The kinds of sources that are installed, with their settings."""
    session.ask("sources.kinds")


@sources_group.command(name="add")
@click.argument("kind", metavar="KIND")
@click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting, as url=…; repeat."
)
@click.option("--id", "source_id", default="", metavar="ID", help="Made from the address.")
@click.option("--name", default=None, metavar="N", help="What people call it.")
@click.option("--every", type=int, metavar="MINUTES", help="Between syncs; 0: on demand.")
@click.option("--topic", default=None, metavar="T", help="What it is about, in a word.")
@click.option("--lang", default=None, metavar="L", help="Its language; else recognized.")
@click.option("--share", type=float, metavar="S", help="Of it may change without a person: 0.2.")
@click.option(
    "--allow-private", "hosts", multiple=True, metavar="HOST",
    help="A host of your own network that it may read; repeat.",
)  # fmt: skip
@click.pass_obj
def _add(
    session: Session,
    /,
    kind: str,
    pairs: Sequence[str],
    source_id: str,
    hosts: Sequence[str],
    **choice: object,
) -> None:
    """Set up a source and sync it: sources add website --set url=https://acme.example/help/."""
    session.ask(
        "sources.add",
        kind=kind,
        settings=read_pairs(pairs),
        id=source_id,
        private_hosts=list(hosts),
        **choice,
    )


@sources_group.command(name="sync")
@click.argument("source_id", metavar="ID")
@click.pass_obj
def _sync(session: Session, source_id: str) -> None:
    """Sync a source now; exit code 1 when it fails."""
    session.ask("sources.sync", id=source_id)


@sources_group.command(name="check")
@click.argument("source_id", metavar="ID")
@click.pass_obj
def _check(session: Session, source_id: str) -> None:
    """Try a source's settings; exit code 1 when they fail."""
    session.ask("sources.check", id=source_id)


@sources_group.command(name="waiting")
@click.argument("source_id", metavar="ID")
@click.pass_obj
def _waiting(session: Session, source_id: str) -> None:
    """The changes that wait for a person, with before and after."""
    session.ask("sources.waiting", id=source_id)


@sources_group.command(name="approve")
@click.argument("source_id", metavar="ID")
@click.argument("version", metavar="VERSION")
@click.pass_obj
def _approve(session: Session, source_id: str, version: str) -> None:
    """Take in what waits; VERSION is the one that `waiting` has shown."""
    session.ask("sources.settle", id=source_id, version=version, approve=True)


@sources_group.command(name="reject")
@click.argument("source_id", metavar="ID")
@click.argument("version", metavar="VERSION")
@click.pass_obj
def _reject(session: Session, source_id: str, version: str) -> None:
    """Leave the knowledge as it is until the source says something else again."""
    session.ask("sources.settle", id=source_id, version=version, approve=False)


@sources_group.command(name="hook")
@click.argument("source_id", metavar="ID")
@click.pass_obj
def _hook(session: Session, source_id: str) -> None:
    """Make a new secret for the webhook of a source, and print it once."""
    session.ask("sources.hook", id=source_id)


@sources_group.command(name="remove")
@click.argument("source_id", metavar="ID")
@click.option("--keep", is_flag=True, help="Keep its articles.")
@click.pass_obj
def _remove(session: Session, source_id: str, *, keep: bool) -> None:
    """Forget a source and its articles."""
    session.ask("sources.remove", id=source_id, keep=keep)


def source_commands(service: SourceService) -> Mapping[str, Command]:
    """What a process that holds the data directory does for each command."""

    async def listed(_args: Args, out: Out) -> int:
        sources = await service.list(OPERATOR)
        width = max((len(source.id) for source in sources), default=0)
        for source in sources:
            out.line(f"{source.id:<{width}}  {_state(source)}")
        if not sources:
            out.note("None yet. Add one: bot.py sources add website --set url=https://…")
        return 0

    async def kinds(_args: Args, out: Out) -> int:
        for kind, found in sorted(service.kinds(OPERATOR).items()):
            if found.manifest is None:
                out.line(f"{kind}  broken  {found.problem}")
                continue
            out.line(f"{kind}  {found.manifest.name}: {found.manifest.description}")
            for field in (await service.form(OPERATOR, kind)).fields:
                need = "  (required)" if field.required else ""
                out.line(f"    {field.name}  {field.label}{need}  {field.help}".rstrip())
        return 0

    async def add(args: Args, out: Out) -> int:
        choice = SourceChoice(
            name=args.get("name"),
            settings=args.get("settings") or {},
            every=args.get("every"),
            topic=args.get("topic"),
            lang=args.get("lang"),
            share=args.get("share"),
            private_hosts=args.get("private_hosts") or [],
        )
        source = await service.add(
            OPERATOR, str(args["kind"]), choice, source_id=str(args.get("id") or "")
        )
        out.note(f"Added {source.id}.")
        return await _synced(service, source, out)

    async def sync(args: Args, out: Out) -> int:
        return await _synced(service, await service.ask(OPERATOR, str(args["id"])), out)

    async def check(args: Args, out: Out) -> int:
        out.line(await service.check(OPERATOR, str(args["id"])))
        return 0

    async def waiting(args: Args, out: Out) -> int:
        source_id = str(args["id"])
        rows = await service.waiting(OPERATOR, source_id)
        for text in await service.texts(OPERATOR, source_id, rows[:SHOWN]):
            out.line(f"{text.kind}  {text.row.address}  ({'; '.join(text.row.waits)})")
            for sign, said in (("-", text.before), ("+", text.after)):
                for title, body in said:
                    short = " ".join(body.split())
                    cut = "…" if len(short) > CHARACTERS else ""
                    out.line(f"  {sign} {title}: {short[:CHARACTERS]}{cut}")
        if len(rows) > SHOWN:
            out.line(f"and {len(rows) - SHOWN} more")
        out.line(f"{len(rows)} wait; version {version_of(rows)}")
        return 0

    async def settle(args: Args, out: Out) -> int:
        done = await service.settle(
            OPERATOR,
            str(args["id"]),
            approve=bool(args["approve"]),
            version=str(args["version"]),
        )
        out.line(f"{done} {'taken in' if args['approve'] else 'refused'}")
        return 0

    async def hook(args: Args, out: Out) -> int:
        source_id = str(args["id"])
        secret = await service.new_hook(OPERATOR, source_id)
        out.note(f"POST to /webhooks/sources/{source_id}, signed as GitHub does, with the secret:")
        out.line(secret)
        return 0

    async def remove(args: Args, out: Out) -> int:
        keep = bool(args.get("keep"))
        count = await service.remove(OPERATOR, str(args["id"]), keep=keep)
        out.line(f"Removed {args['id']}; {count} documents {'kept' if keep else 'removed'}.")
        return 0

    return {
        "sources.list": listed,
        "sources.kinds": kinds,
        "sources.add": add,
        "sources.sync": sync,
        "sources.check": check,
        "sources.waiting": waiting,
        "sources.settle": settle,
        "sources.hook": hook,
        "sources.remove": remove,
    }


async def _synced(service: SourceService, source: ConfiguredSource, out: Out) -> int:
    """Wait for the sync that was asked for, and tell how it went."""
    if not service.schedule.live:
        source = await service.sync_here(OPERATOR, source.id)
        return _told(source, out)
    before = source.state.ended_at
    for _ in range(int(WAIT_SECONDS / LOOK_SECONDS)):
        source = await service.get(OPERATOR, source.id)
        state = source.state
        if not state.asked and not state.run and state.ended_at != before:
            return _told(source, out)
        out.progress(state.done, max(state.documents, state.done), "reading")
        await asyncio.sleep(LOOK_SECONDS)
    raise BadInput("The sync has not ended; `sources list` tells how far it is.")


def _told(source: ConfiguredSource, out: Out) -> int:
    state, counts = source.state, source.state.counts
    out.line(
        f"{counts.added} added, {counts.changed} changed, {counts.removed} removed, "
        f"{counts.waiting} waiting, {counts.unread} unread, {counts.unchanged} unchanged"
    )
    if counts.waiting:
        out.note(f"Look at what waits: bot.py sources waiting {source.id}")
    if state.error:
        out.note(f"Error: {state.error}")
    return 1 if state.error else 0


def _state(source: ConfiguredSource) -> str:
    state = source.state
    word = "syncing" if state.run else "asked" if state.asked else "failing" if state.error else ""
    word = word or ("paused" if source.paused else "fresh" if state.ended_at else "new")
    waits = f"  {state.counts.waiting} waiting" if state.counts.waiting else ""
    error = f"  {state.error}" if state.error else ""
    return f"{word}  {source.plugin}  {state.documents} documents{waits}{error}"
