"""Every action, role and face: what the table of rules expects and what a running application does.

`python -m tests.support.access.matrix` writes `docs/security/roles.md` anew.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from app import App
from core.accounts.roles import RIGHTS, Action, Role, User
from core.accounts.service import OPERATOR, EmailTaken
from core.storage.client import connect
from core.storage.embedded import EmbeddedStore
from core.storage.indexes import ensure_indexes
from core.web.identity.authentication import ROLES
from tests.approvals.slack_rig import MINA, SARA, member, rig
from tests.support.access.doors import door, is_page, knock, name_of
from tests.support.access.rights import COMMANDS, SLACK
from tests.support.access.slack_matrix import by_a_stranger, by_staff
from tests.support.process import ROOT
from tests.support.servers.slack import SlackServer

FILE = ROOT / "docs" / "security" / "roles.md"
PEOPLE = ("nobody", "visitor", *(role.value for role in Role))
BY_BROWSER_ONLY = {"POST /api/me/password"}
"""A token with a narrow scope must not become the whole user."""

HEAD = """# Every action, every role, every face

Made by `.venv/bin/python -m tests.support.access.matrix` from a running application, and held to
it by `tests/scenarios/security/test_the_matrix_of_roles.py`. Each cell is what came of it: "yes"
is let in; 401, 403 and "sign in" (led to `/login`) are refusals; "told no" is Slack's private
answer. A cell that is not what the table of rules (`core/accounts/roles.py`) says reads "expected
… got …": there is none.

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What one attempt came to."""

    action: Action
    face: str
    by: str  #: the route, button, word or command
    who: str
    expected: str
    got: str

    @property
    def good(self) -> bool:
        """Whether it is as the rules say."""
        return self.expected == self.got


async def over_http(app: App) -> list[Got]:
    """Each route of staff, as everybody, by token and by browser."""
    found: list[Got] = []
    users: dict[Role, User] = {}
    for role in Role:
        try:
            email = f"{role}@roles.example.com"
            users[role] = await app.core.accounts.add(OPERATOR, email, role=role)
        except EmailTaken:
            users[role] = await app.core.accounts.find(email)
    base = f"http://127.0.0.1:{app.web.port}"
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.DummyCookieJar()) as http:
        async with http.post("/api/conversations", json={}) as opened:
            visitor = (await opened.json())["token"]
        for route in app.web.routes:
            if route.access not in ROLES or route.action is None:
                continue
            for face in ("api", "browser"):
                if face == "api" and name_of(route) in BY_BROWSER_ONLY:
                    continue
                for who in ("anonymous", "visitor", *Role):
                    known = isinstance(who, Role)
                    if known and who.includes(RIGHTS[route.action]):
                        expected = "yes"
                    else:
                        expected = "403" if known else "sign in" if is_page(route) else "401"
                    headers = await door(app, users, who, face, visitor)
                    status = await knock(http, route, headers)
                    got = {401: "401", 403: "403"}.get(status, "yes")
                    if status == 303 and not known:
                        got = "sign in"
                    found.append(
                        Got(
                            action=route.action,
                            face="API" if face == "api" else "console",
                            by=name_of(route),
                            who="nobody" if who == "anonymous" else str(who),
                            expected=expected,
                            got=got,
                        )
                    )
    return found


async def in_slack(
    slack: SlackServer, database: object, uri: str, folder: Path
) -> tuple[list[Got], list[Got]]:
    """Each button, window and word, as a stranger and in each role; and HTTP."""
    found: list[Got] = []
    slack.users["U0ADMIN"] = member("root@example.com")
    slack.users["U0STRANGER"] = member("nobody@elsewhere.example")
    people = {"agent": (MINA, "mina@example.com"), "supervisor": (SARA, "sara@example.com"),
              "admin": ("U0ADMIN", "root@example.com")}  # fmt: skip
    async with rig(slack, database, uri, folder, APPROVAL_UNDO_SECONDS="30") as desk:  # type: ignore[arg-type]
        await desk.live.core.accounts.add(OPERATOR, "root@example.com", role=Role.ADMIN)
        results = {"nobody": await by_a_stranger(desk, "U0STRANGER", set(SLACK))}
        for who, (slack_id, email) in people.items():
            results[who] = await by_staff(desk, slack_id, email)
        http = await over_http(desk.live)
    for name, action in SLACK.items():
        for who, got in results.items():
            may = who != "nobody" and Role(who).includes(RIGHTS[action])
            came = got.get(name)
            found.append(
                Got(
                    action=action,
                    face="Slack",
                    by=name or "/desk",
                    who=who,
                    expected="yes" if may else "told no",
                    got="not tried" if came is None else "yes" if came else "told no",
                )
            )
    return found, http


def by_command() -> list[Got]:
    """Each command; whoever sits at the machine is an admin, and the services ask as of anybody."""
    return [
        Got(
            action=action,
            face="CLI",
            by=name.replace(".", " "),
            who="admin",
            expected="yes",
            got="yes" if OPERATOR.may(action) else "403",
        )
        for name, action in COMMANDS.items()
    ]


async def everything(database: object, uri: str, folder: Path) -> list[Got]:
    """All of it."""
    async with SlackServer() as slack:
        pressed, knocked = await in_slack(slack, database, uri, folder)
    return [*knocked, *pressed, *by_command()]


def document(found: Sequence[Got]) -> str:
    """As the documentation shows it."""
    cells: Mapping[tuple[Action, str, str], set[str]] = defaultdict(set)
    names: Mapping[tuple[Action, str], dict[str, None]] = defaultdict(dict)
    for one in found:
        said = one.got if one.good else f"expected {one.expected}, got {one.got} ({one.by})"
        cells[one.action, one.face, one.who].add(said)
        names[one.action, one.face][one.by] = None
    lines = [
        HEAD + f"| Action | Least role | Face | {' | '.join(PEOPLE)} | By |",
        "| --- " * (len(PEOPLE) + 4) + "|",
    ]
    for action in Action:
        for face in ("API", "console", "Slack", "CLI"):
            if (action, face) not in names:
                continue
            row = [action.value, RIGHTS[action].value, face]
            row += [" / ".join(sorted(cells.get((action, face, who), {""}))) for who in PEOPLE]
            row.append(", ".join(f"`{name}`" for name in names[action, face]))
            lines.append(f"| {' | '.join(row)} |")
    tried = len(found)
    lines += ["", f"{tried} attempts, {sum(not one.good for one in found)} not as expected.", ""]
    return "\n".join(lines)


async def _write() -> None:
    with tempfile.TemporaryDirectory() as name:
        store = EmbeddedStore(Path(name) / "mongo", durable=False)
        await store.start()
        client = connect(store.uri)
        database = client["matrix"]
        await ensure_indexes(database)
        folder = Path(name) / "data"
        folder.mkdir()
        found = await everything(database, store.uri, folder)
        await client.close()
        await store.stop()
    FILE.write_text(document(found))
    for one in found:
        if not one.good:
            print(one)


if __name__ == "__main__":
    asyncio.run(_write())
