"""`users …` on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from core.accounts.roles import Role
from core.runtime.cli import CenterGroup, Session
from core.runtime.control_socket import Args, Command, Out

if TYPE_CHECKING:
    from core.accounts.service import AccountsService

ROLES = click.Choice([role.value for role in Role])


@click.group(cls=CenterGroup)
def users() -> None:
    """The staff: who may sign in, and as what."""


@users.command()
@click.argument("email")
@click.option("--role", type=ROLES, required=True, help="What this person may do.")
@click.option("--token", is_flag=True, help="Print an API token, once, alone on the last line.")
@click.pass_obj
def add(session: Session, email: str, role: str, token: bool) -> None:  # noqa: FBT001
    """Add a member of staff; a known one gets that role."""
    session.ask("users.add", email=email, role=role, token=token)


@users.command("list")
@click.pass_obj
def list_(session: Session) -> None:
    """Everybody, with their roles."""
    session.ask("users.list")


@users.command()
@click.argument("email")
@click.argument("role", type=ROLES)
@click.pass_obj
def role(session: Session, email: str, role: str) -> None:
    """Change a person's role."""
    session.ask("users.role", email=email, role=role)


@users.command()
@click.argument("email")
@click.pass_obj
def remove(session: Session, email: str) -> None:
    """Remove a person; their tokens and sessions end at once."""
    session.ask("users.remove", email=email)


def commands(accounts: AccountsService, *, base_url: Callable[[], str]) -> Mapping[str, Command]:
    """What these do; `base_url` is where sign-in links lead."""
    from core.accounts.service import OPERATOR, EmailTaken

    async def add_user(args: Args, out: Out) -> int:
        wanted = Role(args["role"])
        try:
            user = await accounts.add(OPERATOR, args["email"], role=wanted)
            out.line(f"Added {user.email} as {user.role}.")
        except EmailTaken:
            user = await accounts.find(args["email"])
            before = user.role
            user = await accounts.set_role(OPERATOR, user.email, wanted)
            was = "" if before is wanted else f" now; it was {before}"
            out.line(f"{user.email} is there already, as {user.role}{was}.")
        if args["token"]:
            out.line("The API token, shown this once:")
            out.line(await accounts.issue_token(user, actor=OPERATOR, name="command line"))
        else:
            link = await accounts.issue_link(user, actor=OPERATOR)
            out.line(f"Sign-in link, works once: {base_url()}/login/link/{link}")
        return 0

    async def list_users(_args: Args, out: Out) -> int:
        known = await accounts.accounts(OPERATOR)
        width = max((len(account.user.email) for account in known), default=0)
        for account in sorted(known, key=lambda a: a.user.email):
            out.line(f"{account.user.email:{width}}  {account.user.role}")
        if not known:
            out.note("Nobody yet; add somebody with: bot.py users add EMAIL --role admin")
        return 0

    async def set_role(args: Args, out: Out) -> int:
        user = await accounts.set_role(OPERATOR, args["email"], Role(args["role"]))
        out.line(f"{user.email} is {user.role} now.")
        return 0

    async def remove_user(args: Args, out: Out) -> int:
        await accounts.remove(OPERATOR, args["email"])
        out.line(f"Removed {args['email']}.")
        return 0

    return {
        "users.add": add_user,
        "users.list": list_users,
        "users.role": set_role,
        "users.remove": remove_user,
    }
