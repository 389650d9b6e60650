"""A source that a stranger begins from the skeleton: it passes the kit, and is synced."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from core.accounts.service import OPERATOR
from core.errors import BadInput
from core.sdk.testing.source_bench import SourceSimulator
from plugins.conformance.runner import run_contract
from plugins.conformance.scaffold import write_skeleton
from plugins.registry.settings_changes import SecretNeeded
from plugins.sources.service import SourceChoice
from tests.plugins.sources.desk import ADMIN, SourceDesk

pytestmark = [pytest.mark.apart, pytest.mark.long]


async def test_a_new_skeleton_passes_the_kit(tmp_path: Path) -> None:
    write_skeleton("acme-help", into=tmp_path, kind="source")
    run = await run_contract("acme-help", found={}, folder=tmp_path)
    assert [line for line in run.lines if line.outcome != "passed"] == []
    assert run.passed >= 17
    with pytest.raises(BadInput, match="comes with the program"):
        write_skeleton("website", into=tmp_path, kind="source")


async def test_a_folder_plugin_is_a_kind_of_source(desk: SourceDesk, tmp_path: Path) -> None:
    write_skeleton("kite-help", into=tmp_path / "plugins", kind="source")
    write_skeleton("kite-chat", into=tmp_path / "plugins")
    kinds = desk.service.kinds(ADMIN)
    assert "kite-help" in kinds
    assert "kite-chat" not in kinds, "a channel is no source"
    form = await desk.service.form(ADMIN, "kite-help")
    assert {field.name: field.kind for field in form.fields} == {"url": "text", "token": "secret"}
    simulator = importlib.import_module("source_kite_help.simulator")
    system: SourceSimulator = simulator.KiteHelpServer()
    await system.start()
    try:
        for number in range(5):
            await system.put(
                f"a{number}", f"Kite {number}", f"The kite {number} flies at {number} m."
            )
        source = await desk.add("kite-help", system.settings(), private_hosts=["127.0.0.1"])
        assert (source.state.counts.added, source.state.error) == (5, "")
        stored = await desk.db["sources"].find_one({"_id": source.id})
        assert stored is not None
        assert "a-token-for-tests" not in str(stored)
        await system.put("a3", "Kite 3", "The kite 3 does not fly any more.")
        system.break_one("a4")
        source = await desk.sync(source.id)
        assert (source.state.counts.changed, source.state.counts.unread) == (1, 1)
        assert "does not fly" in await desk.best("How high does kite 3 fly?")
        assert len(await desk.titles()) == 5
        [unread] = await desk.service.unread(OPERATOR, source.id)
        assert "500" in unread.why
        system.refuse()
        source = await desk.sync(source.id)
        assert "refuses the token" in source.state.error
    finally:
        await system.stop()


async def test_a_source_that_is_led_elsewhere_asks_for_its_secrets_again(
    desk: SourceDesk, tmp_path: Path
) -> None:
    """Also where the address is no URL, and where it stood on its default before."""
    folder = write_skeleton("led-help", into=tmp_path / "plugins", kind="source")
    code = folder / "source.py"
    token = "    token: SecretStr"
    assert code.read_text().count(token) == 1
    code.write_text(
        code.read_text().replace(token, f'    api_host: str = Field("kite.example")\n{token}')
    )
    settings = {"url": "https://kite.example", "token": "a-token-for-tests"}
    source = await desk.service.add(ADMIN, "led-help", SourceChoice(settings=settings, paused=True))
    for moved in ({"api_host": "evil.example"}, {"url": "https://evil.example"}):
        with pytest.raises(SecretNeeded, match="enter again: token"):
            await desk.service.change(ADMIN, source.id, SourceChoice(settings=moved))
    again = {"api_host": "new.example", "token": "another"}
    changed = await desk.service.change(ADMIN, source.id, SourceChoice(settings=again))
    assert changed.settings["api_host"] == "new.example"
    by_operator = SourceChoice(settings={"api_host": "newer.example"})
    assert (await desk.service.change(OPERATOR, source.id, by_operator)).settings["api_host"]
