"""What somebody tries who has an hour and the source: each way in, and what keeps it shut."""

from __future__ import annotations

import csv
import io
import logging
import statistics
import time
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.console.sign_in import safe_target
from core.rag.domain.errors import UnreadableDocument
from core.rag.reading.readers import read_file
from core.runtime.csv_export import numbers_as_csv, rows_as_csv
from core.runtime.logs.masking import MaskedLog
from core.runtime.token_bucket import network_of
from core.storage.client import Database
from core.web.http.settings import WebSettings
from tests.support.site import SECRET, site

PASSWORD = "correct horse battery staple"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_session_planted_before_the_sign_in_is_worth_nothing(db: Database) -> None:
    async with site(db) as web:
        user, _ = await web.staff("mina@example.com", Role.AGENT)
        await web.accounts.set_password(user, PASSWORD)
        planted = "chosen-by-the-attacker-" + "x" * 20
        form = {"email": user.email, "password": PASSWORD}
        async with web.http.post(
            "/login", data=form, headers={"Cookie": f"session={planted}"}, allow_redirects=False
        ) as answer:
            assert answer.status == 303
            given = answer.cookies["session"].value
        assert given != planted
        status, _ = await web.call("GET", "/api/me", cookies={"session": planted})
        assert status == 401
        status, _ = await web.call("GET", "/api/me", cookies={"session": given})
        assert status == 200


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)",
        "/\t/evil.example", "/\n//evil.example", "\\\\evil.example", "evil.example",
        "/%0d%0aSet-Cookie:x=1\r\nX: y", "///evil.example", "http:evil.example", " //evil.example",
        "/ﾠ/evil.example", "//evil.example/console", "/\x00//evil.example",
    ],
)  # fmt: skip
async def test_nobody_is_sent_to_a_strangers_site(db: Database, target: str) -> None:
    assert safe_target(target, default="/console") == "/console"
    async with (
        site(db) as web,
        web.http.get("/language/ko", params={"next": target}, allow_redirects=False) as answer,
    ):
        assert answer.status == 303
        assert answer.headers["Location"] == "/"


async def test_a_false_host_reaches_no_link_but_the_askers_own(db: Database) -> None:
    """Links by mail carry our own address; what is answered goes to whoever sent the header."""
    async with site(db) as web:
        evil = {"Host": "evil.example"}
        for path in ("/login", "/console/users", "/"):
            async with web.http.get(path, headers=evil, allow_redirects=False) as answer:
                assert "evil.example" not in await answer.text()
                assert "evil.example" not in answer.headers.get("Location", "")
        # A page of the attacker's own name, with its Origin, may not write in a colleague's name.
        user, _ = await web.staff("mina@example.com", Role.ADMIN)
        cookies, headers = await web.browser(user)
        headers["Origin"] = "http://evil.example"
        status, _ = await web.call(
            "POST", "/api/users", json={"email": "x@example.com", "role": "admin"},
            cookies=cookies, headers=headers,
        )  # fmt: skip
        assert status == 403


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "text/json"],
)
async def test_a_form_of_another_site_is_no_json(db: Database, kind: str) -> None:
    """Browsers send these without asking first; none of them is read as JSON."""
    async with site(db) as web:
        user, _ = await web.staff("mina@example.com", Role.ADMIN)
        cookies, _headers = await web.browser(user)
        body = b'{"email":"evil@example.com","role":"admin"}'
        for csrf in ({}, {"X-CSRF-Token": "x"}):
            status, _ = await web.call(
                "POST", "/api/users", data=body, cookies=cookies,
                headers={"Content-Type": kind, **csrf},
            )  # fmt: skip
            assert status in (400, 403, 415)
        assert [a.user.email for a in await web.accounts.accounts(OPERATOR)] == ["mina@example.com"]


async def test_no_page_of_staff_is_shown_in_a_frame(db: Database) -> None:
    async with site(db) as web:
        user, _ = await web.staff("mina@example.com", Role.ADMIN)
        cookies, _ = await web.browser(user)
        pages = [r.path for r in web.routes if r.page and r.method == "GET" and "{" not in r.path]
        assert len(pages) > 4
        for path in pages:
            sent = {"Cookie": f"session={cookies['session']}"}
            async with web.http.get(path, headers=sent, allow_redirects=False) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "frame-ancestors 'none'" in policy, path
                assert "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/x/../../core/web/gate.py", "/assets/x/..%2f..%2fcore%2fweb%2fgate.py",
        "/assets/x/core/../../../etc/passwd", "/assets/x//etc/passwd",
        "/assets/x/%2e%2e/%2e%2e/bot.py",
        "/guide/en/..%2f..%2fdecisions", "/guide/../../decisions", "/guide/en/%00",
    ],
)  # fmt: skip
async def test_no_path_leads_out_of_its_folder(db: Database, path: str) -> None:
    import yarl

    async with site(db) as web:
        url = yarl.URL(web.url + path, encoded=True)
        async with web.http.get(url) as answer:
            assert answer.status in (400, 404), path


async def test_an_invented_forwarded_address_is_not_believed(db: Database) -> None:
    async with site(db) as web:
        user, _ = await web.staff("mina@example.com", Role.AGENT)
        statuses = []
        for n in range(12):
            async with web.http.post(
                "/login", data={"email": user.email, "password": "a guess"},
                headers={"X-Forwarded-For": f"10.9.8.{n}", "Forwarded": f"for=10.9.8.{n}"},
            ) as answer:  # fmt: skip
                statuses.append(answer.status)
        assert 429 in statuses
        seen = {e.address for e in await web.audit.page() if e.what == "sign_in.refused"}
        assert seen == {"127.0.0.1"}
    settings = replace(
        WebSettings(secret_key=SECRET), trusted_proxies=("127.0.0.1/32",), public_url=""
    )
    async with site(db, settings=settings) as web:
        # The last hop that is none of our proxies counts, whatever the client wrote before it.
        async with web.http.post(
            "/login", data={"email": "a@example.com", "password": "a guess"},
            headers={"X-Forwarded-For": "1.1.1.1, 203.0.113.9"},
        ):  # fmt: skip
            pass
        newest = (await web.audit.page())[0]
        assert newest.address == "203.0.113.9"


def test_one_household_of_ipv6_is_one_address() -> None:
    """Whoever has a /64 has 2^64 addresses to guess from."""
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9")
    assert network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1")
    assert network_of("::ffff:192.0.2.7") == network_of("192.0.2.7") != network_of("192.0.2.8")
    assert network_of("what is this") == "what is this"


async def test_guesses_from_a_whole_network_are_counted_as_one(db: Database) -> None:
    settings = replace(WebSettings(secret_key=SECRET), trusted_proxies=("127.0.0.1/32",))
    async with site(db, settings=settings) as web:
        statuses = []
        for n in range(12):
            async with web.http.post(
                "/login", data={"email": "mina@example.com", "password": "a guess"},
                headers={"X-Forwarded-For": f"2001:db8:1:2::{n:x}"},
            ) as answer:  # fmt: skip
                statuses.append(answer.status)
        assert statuses.count(401) <= 6
        assert 429 in statuses


async def test_nobody_learns_who_works_here(db: Database) -> None:
    """The same page in about the same time, for a colleague and for nobody."""
    async with site(db) as web:
        user, _ = await web.staff("mina@example.com", Role.AGENT)
        await web.accounts.set_password(user, PASSWORD)
        times: dict[str, list[float]] = {"mina@example.com": [], "nobody@example.com": []}
        pages = set()
        for _ in range(5):
            for email, taken in times.items():
                began = time.perf_counter()
                status, page = await web.call(
                    "POST", "/login", data={"email": email, "password": "wrong" * 3}, headers=FORM
                )
                taken.append(time.perf_counter() - began)
                assert status == 401
                pages.add(page.replace(email, "…"))
        assert len(pages) == 1
        known, unknown = (statistics.median(t) for t in times.values())
        assert 0.33 < known / unknown < 3


FORMULAS = ("=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", " =1")


def test_no_cell_is_a_formula() -> None:
    body = numbers_as_csv({"asked": [*FORMULAS], "share": -0.5, "=name": 1}).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(body)) for cell in row]
    assert [c for c in cells if c.lstrip().startswith(("=", "+", "@"))] == []
    assert "-0.5" in cells  # a number stays one
    other = rows_as_csv([[f, 1, None, -2] for f in FORMULAS])
    for row in csv.reader(io.StringIO(other)):
        assert row[0].startswith("'")
        assert row[1:] == ["1", "", "-2"]


def test_a_log_line_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    record = logging.LogRecord(
        "x", logging.WARNING, "f", 1, "no such topic %s",
        ("a\n2026-11-22 ERROR forged: everything is fine\r\x1b[31m\u2028x",), None,
    )  # fmt: skip
    assert MaskedLog().filter(record)
    assert record.getMessage().splitlines() == [record.getMessage()]
    assert "\x1b" not in record.getMessage()
    assert "forged" in record.getMessage()
    del caplog


def bomb(size: int) -> bytes:
    """A PDF of one page whose content unpacks to this many bytes."""
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(b" " * 1_000_000) for _ in range(size // 1_000_000))
    body += packer.flush()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(body), body),
    ]
    out, places = b"%PDF-1.4\n", []
    for n, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (n, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    out += b"xref\n0 5\n0000000000 65535 f \n" + table
    return out + b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start


def test_a_bomb_is_an_unreadable_document(tmp_path: Path) -> None:
    file = tmp_path / "bomb.pdf"
    file.write_bytes(bomb(400_000_000))
    assert file.stat().st_size < 1_000_000
    began = time.monotonic()
    with pytest.raises(UnreadableDocument):
        read_file(file)
    assert time.monotonic() - began < 20
