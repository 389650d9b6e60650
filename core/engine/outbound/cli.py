"""`deliveries …` on the command line: lists dead letters and resends them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from core.accounts.roles import Role, User
from core.runtime.cli import CenterGroup, Session
from core.runtime.control_socket import Args, Command, Out

if TYPE_CHECKING:
    from core.engine.outbound.deliveries import Deliveries, SentMessage

OPERATOR = User(id="operator", email="operator", role=Role.ADMIN, name="operator")
PAGE = 200


@click.group(cls=CenterGroup)
def deliveries() -> None:
    """Messages that did not arrive, and why."""


@deliveries.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def _list(session: Session, as_json: bool) -> None:  # noqa: FBT001 - click hands flags over so
    """What did not arrive, or may not have, newest first."""
    session.ask("deliveries.list", json=as_json)


@deliveries.command(name="retry")
@click.argument("message_id", metavar="ID")
@click.pass_obj
def _retry(session: Session, message_id: str) -> None:
    """Send one of them once more; in a process that serves, at once."""
    session.ask("deliveries.retry", id=message_id)


def commands(deliveries: Deliveries) -> Mapping[str, Command]:
    """What these do."""

    async def list_all(args: Args, out: Out) -> int:
        found = 0
        cursor = ""
        while True:
            page, cursor = await deliveries.dead_letters(OPERATOR, limit=PAGE, cursor=cursor)
            for message in page:
                out.line(_as_json(message) if args.get("json") else _line(message))
            found += len(page)
            if not cursor:
                break
        if not found:
            out.note("Everything has arrived.")
        return 0

    async def retry(args: Args, out: Out) -> int:
        await deliveries.retry(OPERATOR, str(args["id"]))
        out.line(f"{args['id']} is sent once more.")
        return 0

    return {"deliveries.list": list_all, "deliveries.retry": retry}


def _line(message: SentMessage) -> str:
    at = message.at.isoformat(timespec="seconds")
    code = f" [{message.code}]" if message.code else ""
    return f"{message.id}  {at}  {message.channel}  {message.state}  {message.detail}{code}"


def _as_json(message: SentMessage) -> str:
    return json.dumps(
        {
            "id": message.id,
            "conversation_id": message.conversation_id,
            "channel": message.channel,
            "author": message.author,
            "state": message.state,
            "at": message.at.isoformat(),
            "detail": message.detail,
            "code": message.code,
            "doubled": message.doubled,
        },
        ensure_ascii=False,
    )
