"""Links by mail through a real SMTP server; a stranger's address is answered the same."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import aiohttp
import pytest
from aiosmtpd.controller import Controller

from app import App, serving
from config.settings import read_settings
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.runtime.data_dir import DataDir
from core.runtime.mail import Mailer, MailFailed
from core.storage.client import Database
from tests.support.process import free_port


class Letterbox:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, Message]] = []

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        to, content = envelope.rcpt_tos[0], envelope.content  # type: ignore[attr-defined]
        self.letters.append((to, message_from_bytes(content)))
        return "250 OK"


@pytest.fixture
def letterbox() -> Letterbox:
    return Letterbox()


@pytest.fixture
async def desk(
    db: Database, mongo_uri: str, tmp_path: Path, letterbox: Letterbox
) -> AsyncIterator[App]:
    port = free_port()
    post = Controller(letterbox, hostname="127.0.0.1", port=port)
    post.start()
    settings = read_settings(
        {
            "MONGODB_URI": mongo_uri.replace("/?", f"/{db.name}?"),
            "DATA_DIR": str(tmp_path),
            "PORT": "0",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(port),
            "SMTP_FROM": "desk@example.com",
        }
    )
    async with serving(settings, DataDir(tmp_path), store=None, guide=None) as live:
        await live.core.accounts.add(OPERATOR, "mina@example.com", role=Role.AGENT)
        yield live
    post.stop()


async def test_a_colleague_gets_his_link_and_a_stranger_the_same_answer(
    desk: App, letterbox: Letterbox
) -> None:
    answers, took = [], []
    async with aiohttp.ClientSession(desk.core.site.url()) as http:
        for email in ("mina@example.com", "nobody@example.com"):
            began = time.perf_counter()
            async with http.post("/login/mail", data={"email": email, "next": ""}) as answer:
                answers.append((answer.status, await answer.text()))
            took.append(time.perf_counter() - began)
        assert answers[0] == answers[1]
        assert answers[0][0] == 200
        [console] = [part for part in desk.slices if part.name == "console"]
        [finished] = console.closing
        await finished()
        [(to, letter)] = letterbox.letters
        assert to == "mina@example.com"
        text = letter.get_payload(decode=True)
        assert isinstance(text, bytes)
        [link] = re.findall(r"http://\S+/login/link/\S+", text.decode())
        # Whoever scans mail opens every link in it, and asks for its head.
        for _ in range(2):
            async with http.get(link) as glance, http.head(link) as glimpse:
                assert (glance.status, glimpse.status) == (200, 200)
        async with http.post(link, allow_redirects=False) as opened:
            assert opened.status == 303
        async with http.post(link, allow_redirects=False) as again:
            assert again.status == 401


async def test_a_server_that_is_away_is_an_error_of_ours() -> None:
    mailer = Mailer(host="127.0.0.1", port=free_port(), sender="desk@example.com")
    with pytest.raises(MailFailed):
        await mailer.send("mina@example.com", subject="x", text="y")


async def test_an_invitation_goes_by_mail_and_lasts_as_long_as_was_chosen(
    desk: App, letterbox: Letterbox
) -> None:
    accounts = desk.core.accounts
    admin = await accounts.first_admin()
    token = await accounts.issue_token(admin, actor=OPERATOR)
    headers = {"Authorization": f"Bearer {token}"}
    path = "/api/users/mina@example.com"
    async with aiohttp.ClientSession(desk.core.site.url(), headers=headers) as http:
        for minutes in (14, 7 * 24 * 60 + 1):
            async with http.post(f"{path}/link?minutes={minutes}") as refused:
                assert refused.status == 422
        async with http.post(f"{path}/link") as made:
            usual = datetime.fromisoformat((await made.json())["expires_at"])
        async with http.post(f"{path}/invitation?minutes=4320") as sent:
            assert sent.status == 201
            view = await sent.json()
        until = datetime.fromisoformat(view["expires_at"])
        assert view["sent_to"] == "mina@example.com"
        assert abs((until - usual).total_seconds() - (3 * 24 - 0.5) * 3600) < 60
        [(to, letter)] = letterbox.letters
        text = letter.get_payload(decode=True)
        assert isinstance(text, bytes)
        assert to == "mina@example.com"
        assert f"until {until:%Y-%m-%d}" in text.decode()
        [link] = re.findall(r"http://\S+/login/link/\S+", text.decode())
        async with (
            aiohttp.ClientSession() as stranger,
            stranger.post(link, allow_redirects=False) as opened,
        ):
            assert opened.status == 303


async def test_without_a_mail_server_it_is_said_what_to_do(app: App) -> None:
    accounts = app.core.accounts
    token = await accounts.issue_token(await accounts.first_admin(), actor=OPERATOR)
    await accounts.add(OPERATOR, "mina@example.com", role=Role.AGENT)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(app.core.site.url(), headers=headers) as http,
        http.post("/api/users/mina@example.com/invitation") as refused,
    ):
        assert refused.status == 404
        assert "No mail server is set" in (await refused.json())["detail"]
