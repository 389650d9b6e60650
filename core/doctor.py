"""`doctor`: tries everything that can be set, and says in a line what to do where it fails."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.settings import Settings
from core.accounts.rules import Role
from core.accounts.store import AccountStore
from core.control import Args, Command, Out
from core.data_dir import DataDir
from core.errors import ContactCenterError
from core.rag.assembly import Rag
from core.rag.llm import LangChainModel, ModelSettings
from core.rag.prompt import NEEDED, Prompt
from core.storage.client import Database

PATIENCE = 20.0  #: seconds for one check
LITTLE_SPACE = 500_000_000  #: bytes

Try = Callable[[], Awaitable[str]]
"""Says in a few words what it found; raises when it is not as it must be."""


class Advice(ContactCenterError):
    """It works, but something should be changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to try; `remedy` is what to do when it fails."""

    name: str
    attempt: Try
    remedy: str


async def outcomes(checks: Sequence[Check]) -> AsyncIterator[tuple[str, Check, str]]:
    """("ok" | "note" | "FAIL", the check, what to say), in order."""
    for check in checks:
        try:
            async with asyncio.timeout(PATIENCE):
                yield "ok", check, await check.attempt()
        except Advice as advice:
            yield "note", check, advice.detail
        except TimeoutError:
            yield "FAIL", check, f"no answer within {PATIENCE:.0f} s. {check.remedy}"
        except ContactCenterError as error:
            yield "FAIL", check, f"{error.detail} {check.remedy}"
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            yield "FAIL", check, f"{reason}. {check.remedy}"


def doctor(checks: Callable[[], Awaitable[Sequence[Check]]]) -> Command:
    """The command; exit code 1 when something fails."""

    async def examine(_args: Args, out: Out) -> int:
        failed = 0
        async for state, check, said in outcomes(await checks()):
            failed += state == "FAIL"
            out.line(f"{state:4}  {check.name}: {said}")
        return 1 if failed else 0

    return examine


def machine_checks(settings: Settings, data_dir: DataDir) -> Sequence[Check]:
    """What needs nothing but this machine and the settings."""
    server = settings.server

    async def python() -> str:
        return f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"

    async def directory() -> str:
        data_dir.prepare()
        free = shutil.disk_usage(data_dir.path).free
        if free < LITTLE_SPACE:
            raise Advice(f"only {free // 1_000_000} MB are free at {data_dir.path}; make room")
        if data_dir.path.stat().st_mode & 0o077:
            raise Advice(f"others on this machine may look into it: chmod 700 {data_dir.path}")
        return f"{data_dir.path}, {free // 1_000_000_000} GB free"

    async def secret_key() -> str:
        if not server.secret_key:
            return "made by us, in the data directory"
        if len(set(server.secret_key)) < 10:
            raise Advice("SECRET_KEY is easy to guess; unset it, or use 40 random characters")
        return "from SECRET_KEY"

    async def public_url() -> str:
        if server.public_url is None:
            return "not set; customers reach us on this machine only, Telegram is polled"
        if not server.public_url.startswith("https://"):
            raise Advice("PUBLIC_URL is not https; browsers and providers will refuse it")
        if server.public_url and not server.trusted_proxies:
            raise Advice(
                "set TRUSTED_PROXIES to your web server's address, or all visitors look like one"
            )
        return server.public_url

    return (
        Check(name="Python", attempt=python, remedy=""),
        Check(name="data directory", attempt=directory, remedy="Choose another DATA_DIR."),
        Check(name="secret key", attempt=secret_key, remedy=""),
        Check(name="public address", attempt=public_url, remedy=""),
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


def answer_checks(
    rag: Rag, settings: Settings, *, model: ModelSettings | None, prompts: Path
) -> Sequence[Check]:
    """Everything between a question and its answer."""

    async def embedding() -> str:
        await rag.embedder.question(f"doctor {time.time()}")
        return rag.embedder.name

    async def vectors() -> str:
        where = settings.vectors.qdrant_url or "the embedded index"
        articles = len(await rag.knowledge.list())
        if not articles:
            raise Advice(f"{where} is empty; add what you know: bot.py kb add PATH")
        return f"{await rag.index.count()} points of {articles} articles in {where}"

    async def language_model() -> str:
        if model is None:
            return "not set; answers are quoted"
        asked = LangChainModel(model, Prompt.load(prompts / "answer.md"))
        await asked.start()
        blanks = dict.fromkeys(NEEDED, "-") | {"language": "English", "question": "Say hello."}
        said = "".join([piece.text async for piece in asked.stream(blanks)])
        return f"{model.model} answers {said[:40]!r}"

    return (
        Check(name="embedding", attempt=timed(embedding), remedy="Look at EMBEDDING_MODEL."),
        Check(name="vectors", attempt=timed(vectors), remedy="Look at QDRANT_URL and its key."),
        Check(
            name="language model",
            attempt=timed(language_model),
            remedy="Look at LLM_MODEL and its provider's key.",
        ),
    )


def mail_checks(settings: Settings) -> Sequence[Check]:
    """Whether mail can be sent, when it is set."""
    mail = settings.mail

    async def smtp() -> str:
        if mail.smtp_host is None:
            return "not set; no mail is sent"
        _, writer = await asyncio.open_connection(mail.smtp_host, mail.smtp_port)
        writer.close()
        return f"{mail.smtp_host}:{mail.smtp_port} answers"

    return (Check(name="mail", attempt=smtp, remedy="Look at SMTP_HOST and SMTP_PORT."),)


def timed(attempt: Try) -> Try:
    """The same, with how long it took."""

    async def run() -> str:
        began = time.perf_counter()
        said = await attempt()
        return f"{said} ({(time.perf_counter() - began) * 1000:.0f} ms)"

    return run
