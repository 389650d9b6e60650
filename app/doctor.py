"""`doctor`: tries everything that can be set, and says in a line what to do where it fails."""

from __future__ import annotations

import shlex
import shutil
import stat
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from config.settings import TRACING, Settings, misspelt
from core.accounts.roles import Role
from core.accounts.store import AccountStore
from core.runtime.checks import Advice, Check, outcomes, timed
from core.runtime.control_socket import Args, Command, Out
from core.runtime.data_dir import DataDir
from core.runtime.host.file_descriptors import descriptors
from core.storage.client import Database
from core.web.http.settings import Limits

ENOUGH_CONNECTIONS = 1_000  #: a page that is open takes one, and asking takes another
SHORT_TOKEN = 20
LITTLE_SPACE = 500_000_000  #: bytes


def doctor(checks: Callable[[], Awaitable[Sequence[Check]]]) -> Command:
    """The command; exit code 1 when something fails."""

    async def examine(_args: Args, out: Out) -> int:
        failed = 0
        async for state, check, said in outcomes(await checks()):
            failed += state == "FAIL"
            out.line(f"{state:4}  {check.name}: {said}")
        return 1 if failed else 0

    return examine


def machine_checks(
    settings: Settings, data_dir: DataDir, *, unbelieved_proxy: str = ""
) -> Sequence[Check]:
    """What needs nothing but this machine and the settings.

    `unbelieved_proxy` is who has passed visitors on to the serving process without being trusted.
    """
    server = settings.server

    async def python() -> str:
        return f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"

    async def directory() -> str:
        data_dir.prepare()
        free = shutil.disk_usage(data_dir.path).free
        if free < LITTLE_SPACE:
            raise Advice(f"only {free // 1_000_000} MB are free at {data_dir.path}; make room")
        for parent in data_dir.open_parents():
            where = shlex.quote(str(parent))
            raise Advice(f"others may put another one in its place: chmod o-w {where}")
        mode = stat.S_IMODE(data_dir.path.stat().st_mode)
        return f"{data_dir.path}, ours alone ({mode:o}), {free // 1_000_000_000} GB free"

    async def tracing() -> str:
        asked = [n for n in TRACING if settings.variables.get(n, "").lower() in ("true", "1")]
        if settings.llm.llm_tracing != "off":
            return "what customers write goes to LangSmith, because LLM_TRACING says so"
        if asked:
            raise Advice(f"{asked[0]} is set and not obeyed; LLM_TRACING=langsmith would obey it")
        return "off"

    async def secret_key() -> str:
        if not server.secret_key:
            return "made by us, in the data directory"
        if len(set(server.secret_key)) < 10:
            raise Advice("SECRET_KEY is easy to guess; unset it, or use 40 random characters")
        return "from SECRET_KEY"

    async def open_files() -> str:
        found = descriptors()
        room = replace(found, soft=found.hard).room(most=Limits().connections)
        if room < ENOUGH_CONNECTIONS:
            raise Advice(
                f"this machine lets us open {found.hard} files, room for {room} connections;"
                " allow more (ulimit -Hn, LimitNOFILE=, --ulimit nofile=)"
            )
        return f"{found.hard} may be open, room for {room} connections"

    async def proxies() -> str:
        if unbelieved_proxy:
            raise Advice(
                f"{unbelieved_proxy} passes visitors on (X-Forwarded-For) and is not believed: if"
                " that is your web server, add it to TRUSTED_PROXIES, or all its visitors share one"
                " address and its limits"
            )
        if server.trusted_proxies:
            return f"believed: {', '.join(server.trusted_proxies)}"
        return "TRUSTED_PROXIES is not set, and nobody has passed a visitor on to us"

    async def public_url() -> str:
        if server.public_url is None:
            return "not set; customers reach us on this machine only, Telegram is polled"
        if not server.public_url.startswith("https://"):
            raise Advice("PUBLIC_URL is not https; browsers and providers will refuse it")
        if not server.trusted_proxies:
            raise Advice(
                "set TRUSTED_PROXIES to your web server's address, or all visitors look like one"
            )
        return server.public_url

    async def numbers() -> str:
        if server.metrics_token:
            if len(server.metrics_token) < SHORT_TOKEN:
                raise Advice(f"METRICS_TOKEN is easy to guess; use {SHORT_TOKEN} characters")
            return "/metrics and the parts of /readyz by METRICS_TOKEN"
        if server.metrics_port is not None:
            near = server.host in ("127.0.0.1", "::1", "localhost")
            where = f"port {server.metrics_port}"
            if not near:
                raise Advice(f"{where} gives them to whoever reaches it: keep the public from it")
            return f"{where} on this machine"
        if server.public_url and not server.trusted_proxies:
            raise Advice("nobody gets /metrics; set METRICS_TOKEN or METRICS_PORT")
        return "/metrics and the parts of /readyz to this machine only"

    async def names() -> str:
        for name, meant in misspelt(settings.variables):
            raise Advice(f"{name} is no setting and does nothing; {meant} is one")
        return "no name of a setting looks misspelt"

    return (
        Check(name="Python", attempt=python, remedy=""),
        Check(name="settings", attempt=names, remedy=""),
        Check(name="data directory", attempt=directory, remedy="Choose another DATA_DIR."),
        Check(name="secret key", attempt=secret_key, remedy=""),
        Check(name="open files", attempt=open_files, remedy=""),
        Check(name="public address", attempt=public_url, remedy=""),
        Check(name="web servers in front", attempt=proxies, remedy=""),
        Check(name="metrics", attempt=numbers, remedy=""),
        Check(name="tracing of models", attempt=tracing, remedy=""),
    )


def store_checks(db: Database, accounts: AccountStore, settings: Settings) -> Sequence[Check]:
    """The database, and whether anybody can sign in."""

    async def store() -> str:
        await db.command("ping")
        return "MongoDB answers" if settings.store.mongodb_uri else "the embedded database answers"

    async def staff() -> str:
        known = [account.user for account in await accounts.accounts()]
        if not any(user.role is Role.ADMIN for user in known):
            raise Advice("no admin yet; `bot.py run` makes one and prints a sign-in link")
        return "1 person" if len(known) == 1 else f"{len(known)} people"

    return (
        Check(name="store", attempt=timed(store), remedy="Look at MONGODB_URI."),
        Check(name="staff", attempt=staff, remedy=""),
    )
