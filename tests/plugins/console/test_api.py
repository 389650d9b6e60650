"""`/api/plugins` and the webhooks' door, over HTTP on the whole application."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp

from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from plugins.conformance.scaffold import write_skeleton
from plugins.console.conformance_runs import ConformanceRuns, Stage

if TYPE_CHECKING:
    from app import App


async def _call(
    app: App, method: str, path: str, *, token: str = "", json: Any = None
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, app.core.site.url() + path, json=json, headers=headers) as answer,
    ):
        return answer.status, await answer.json(content_type=None)


async def test_admins_list_and_switch_and_nobody_sees_a_secret(app: App) -> None:
    accounts = app.core.accounts
    admin = await accounts.add(OPERATOR, "admin@example.com", role=Role.ADMIN)
    token = await accounts.issue_token(admin, actor=OPERATOR)
    agent = await accounts.add(OPERATOR, "agent@example.com", role=Role.AGENT)
    agents_token = await accounts.issue_token(agent, actor=OPERATOR)

    assert (await _call(app, "GET", "/api/plugins"))[0] == 401
    assert (await _call(app, "GET", "/api/plugins", token=agents_token))[0] == 403
    status, listed = await _call(app, "GET", "/api/plugins", token=token)
    assert status == 200
    states = {item["id"]: item["state"] for item in listed["items"]}
    assert states == {
        "slack": "disabled", "sms": "disabled", "telegram": "disabled", "web": "running",
    }  # fmt: skip

    wrong = {"settings": {"account_sid": "AC1", "from": "+15550001000"}}
    status, problem = await _call(app, "POST", "/api/plugins/sms/enable", token=token, json=wrong)
    assert (status, problem["detail"]) == (422, "auth_token: Field required.")
    right = {"settings": {**wrong["settings"], "auth_token": "very-secret"}}
    right["settings"]["api_base_url"] = "http://127.0.0.1:9"
    status, view = await _call(app, "POST", "/api/plugins/sms/enable", token=token, json=right)
    assert (status, view["enabled"]) == (200, True)
    status, detail = await _call(app, "GET", "/api/plugins/sms", token=token)
    assert "very-secret" not in str(detail)
    fields = {field["name"]: field for field in detail["settings"]}
    assert fields["auth_token"]["kind"] == "secret"
    assert fields["auth_token"]["is_set"]
    assert fields["from"]["value"] == "+15550001000"
    status, view = await _call(app, "POST", "/api/plugins/sms/disable", token=token)
    assert (status, view["enabled"]) == (200, False)
    status, _ = await _call(app, "POST", "/api/plugins/nobody/disable", token=token)
    assert status == 404
    audited = [entry["what"] for entry in await app.db["audit"].find({}).to_list()]
    assert audited.count("plugin.enable") == audited.count("plugin.disable") == 1


async def test_the_conformance_tests_run_beside(app: App) -> None:
    admin = await app.core.accounts.add(OPERATOR, "admin@example.com", role=Role.ADMIN)
    token = await app.core.accounts.issue_token(admin, actor=OPERATOR)
    write_skeleton("acme-talk", into=app.data_dir.path / "plugins")
    path = "/api/plugins/acme-talk/test"

    status, never = await _call(app, "GET", path, token=token)
    assert (status, never["stage"], never["at"]) == (200, "never", None)
    status, begun = await _call(app, "POST", path, token=token)
    assert (status, begun["stage"], begun["lines"]) == (202, "running", [])
    # A second click joins the first; the console sees that they run.
    assert await _call(app, "POST", path, token=token) == (202, begun)
    _, plugin = await _call(app, "GET", "/api/plugins/acme-talk", token=token)
    assert (plugin.get("testing"), plugin.get("test")) == (True, None), plugin
    async with asyncio.timeout(60):
        while (done := (await _call(app, "GET", path, token=token))[1])["stage"] == "running":
            await asyncio.sleep(0.2)
    assert (done["stage"], done["failed"], done["at"]) == ("done", 0, begun["at"]), done
    assert done["passed"] == sum(line["outcome"] == "passed" for line in done["lines"]) > 0
    _, plugin = await _call(app, "GET", "/api/plugins/acme-talk", token=token)
    assert (plugin["testing"], plugin["test"]["passed"]) == (False, done["passed"])

    # Who was not here when they ran knows the result too, as after a restart.
    later = ConformanceRuns(app.plugins.service, clock=app.core.clock)
    kept = await later.newest(admin, "acme-talk")
    assert (kept.stage, kept.passed, kept.lines) == (Stage.DONE, done["passed"], [])
    # Stopping us ends them, and says so.
    await later.start(admin, "acme-talk")
    await later.stop()
    assert not later.is_running("acme-talk")
    stopped = await later.newest(admin, "acme-talk")
    assert (stopped.stage, stopped.trouble) == (Stage.FAILED, "The tests were stopped.")

    for method in ("GET", "POST"):
        assert (await _call(app, method, "/api/plugins/nobody/test", token=token))[0] == 404
    manifest = app.data_dir.path / "plugins" / "acme-talk" / "manifest.toml"
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join(line for line in lines if not line.startswith("contract")))
    status, problem = await _call(app, "POST", path, token=token)
    assert (status, "names no tests" in problem["detail"]) == (422, True), problem


async def test_an_unsigned_webhook_leaves_no_trace(app: App) -> None:
    for path in ("telegram", "twilio/sms", "twilio/status", "slack/events"):
        status, problem = await _call(app, "POST", f"/webhooks/{path}", json={"update_id": 1})
        assert (path, status) == (path, 403), problem
    assert (await _call(app, "POST", "/webhooks/nobody/x", json={}))[0] == 404
    assert await app.db["log"].count_documents({}) == 0
