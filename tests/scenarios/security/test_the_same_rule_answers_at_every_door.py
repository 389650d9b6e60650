"""Every route, command and Slack handler has a rule, and every role meets the same one."""

from __future__ import annotations

import ast

import aiohttp
import click
import pytest

import bot
from app import App
from approvals.slack.actions import WINDOWS
from core.accounts.roles import RIGHTS, Action, Role, User
from core.accounts.service import OPERATOR
from core.errors import Forbidden
from core.web.http.routing import Access
from core.web.identity.authentication import ROLES
from tests.support.access.doors import door, is_page, knock, name_of
from tests.support.access.rights import COMMANDS, SLACK
from tests.support.process import ROOT

OPEN = {
    "GET /",
    "GET /widget.js",
    "GET /chat-colours.css",
    "GET /company-logo.png",
    "GET /files/{token}",  # the token is a signature
    "GET /api/chat",
    "POST /api/conversations",
    "GET /guide/{lang}/{page}",
    "GET /login",
    "POST /login",
    "GET /login/link/{token}",
    "POST /login/link/{token}",
    "POST /login/mail",
    "GET /login/oidc",
    "GET /login/oidc/callback",
    "GET /language/{code}",
    "GET /healthz",
    "GET /readyz",
    "GET /api/openapi.json",
    "GET /assets/{version}/{name}",
}
"""What strangers may call; a new public route is added here knowingly or not at all."""

LOCAL = {
    "run",
    "eval",
    "plugins new",
    "plugins test",
    "restore",
    "store remove-strangers",
    "upgrade",
}
"""Commands that ask no running center: who may read its files and settings may do these."""

BY_BROWSER_ONLY = {"POST /api/me/password"}
"""A token with a narrow scope must not become the whole user."""


def test_every_route_has_a_rule(app: App) -> None:
    unruled = []
    for route in app.web.routes:
        if route.access is Access.PUBLIC:
            if name_of(route) not in OPEN:
                unruled.append(name_of(route))
        elif route.access in ROLES and (
            route.action is None or RIGHTS[route.action] is not ROLES[route.access]
        ):
            unruled.append(name_of(route))
    assert unruled == []


def leaves(group: click.Group, prefix: str = "") -> dict[str, click.Command]:
    found = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found.update(leaves(command, f"{prefix}{name} "))
        else:
            found[f"{prefix}{name}"] = command
    return found


def test_every_command_has_a_rule(app: App) -> None:
    typed = {name.replace(" ", ".") for name in leaves(bot.cli) if name not in LOCAL}
    performed = set(app.commands())
    assert performed - set(COMMANDS) == set()
    assert typed - set(COMMANDS) - performed == set()
    assert all(OPERATOR.may(action) for action in COMMANDS.values())


def test_everything_in_slack_has_a_rule() -> None:
    """Whatever its handlers tell apart by name is a button, a form or a word of /desk."""
    handled = {
        pattern.value.value
        for file in (ROOT / "approvals" / "slack").rglob("*.py")
        for pattern in ast.walk(ast.parse(file.read_text()))
        if isinstance(pattern, ast.MatchValue)
        and isinstance(pattern.value, ast.Constant)
        and isinstance(pattern.value.value, str)
    }
    assert len(handled) > 10
    assert (handled | WINDOWS) - set(SLACK) == set()


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_the_table_says(role: Role) -> None:
    user = User(id="u", email="u@example.com", role=role)
    for action in Action:
        if role.includes(RIGHTS[action]):
            user.require(action)
        else:
            with pytest.raises(Forbidden):
                user.require(action)


async def test_every_route_for_every_role_by_token_and_by_browser(app: App) -> None:
    """600 requests: who is let in, and who is told what."""
    accounts, base = app.core.accounts, app.core.site.url()
    by_role: dict[Role, User] = {}
    for role in Role:
        by_role[role] = await accounts.add(OPERATOR, f"{role}@example.com", role=role)
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.DummyCookieJar()) as http:
        async with http.post("/api/conversations", json={}) as opened:
            talk = await opened.json()
        wrong = []
        for route in app.web.routes:
            if route.access not in ROLES:
                continue
            for face in ("api", "browser"):
                for who in ("anonymous", "visitor", *Role):
                    expected = isinstance(who, Role) and who.includes(ROLES[route.access])
                    if face == "api" and name_of(route) in BY_BROWSER_ONLY:
                        continue
                    headers = await door(app, by_role, who, face, talk["token"])
                    status = await knock(http, route, headers)
                    refusal = 403 if isinstance(who, Role) else 303 if is_page(route) else 401
                    good = status not in (401, 403) if expected else status == refusal
                    if not good:
                        wrong.append((name_of(route), face, str(who), status))
        assert wrong == []


async def test_a_conversation_is_its_visitors_and_the_staffs(app: App) -> None:
    accounts, base = app.core.accounts, app.core.site.url()
    agent = await accounts.add(OPERATOR, "agent@example.com", role=Role.AGENT)
    token = await accounts.issue_token(agent, actor=OPERATOR)
    wrong = []
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.DummyCookieJar()) as http:
        talks = []
        for _ in range(2):
            async with http.post("/api/conversations", json={}) as opened:
                talks.append(await opened.json())
        for route in app.web.routes:
            if route.access not in (Access.VISITOR, Access.PARTICIPANT):
                continue
            participant = route.access is Access.PARTICIPANT
            refusals = (401, 403) if "{file" in route.path else (401, 403, 404)  # no file is there
            for who, bearer, expected in (
                ("nobody", "", 401),
                ("own visitor", talks[0]["token"], 0),
                ("other visitor", talks[1]["token"], 404),
                ("forged", talks[0]["token"][:-2] + "xx", 401),
                ("agent", token, 0 if participant else 404),
            ):
                headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
                status = await knock(http, route, headers, conversation=talks[0]["id"])
                good = status not in refusals if expected == 0 else status == expected
                if not good:
                    wrong.append((name_of(route), who, status))
    assert wrong == []
