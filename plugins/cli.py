"""`bot.py plugins …`: the terminal's side, and the work that a serving process does for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from core.accounts.rules import Role, User
from core.control import Args, Command, Out
from core.errors import BadInput
from core.terminal import CenterGroup, Session
from plugins.host import Plugin
from plugins.scaffold import write_skeleton
from plugins.service import PluginService
from plugins.states import State

OPERATOR = User(id="operator", email="operator", role=Role.ADMIN, name="operator")
"""Whoever may run commands on this machine may do everything."""

SETTLE_SECONDS = 15.0  #: how long `enable` waits to tell how it went


@click.group(cls=CenterGroup, name="plugins")
def plugins_group() -> None:
    """Channels: which there are, on or off, and how to write one."""


@plugins_group.command(name="list")
@click.pass_obj
def _list(session: Session) -> None:
    """Every plugin with its state, a line each."""
    session.ask("plugins.list")


@plugins_group.command(name="enable")
@click.argument("plugin_id", metavar="ID")
@click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting, as bot_token=…; repeat."
)
@click.pass_obj
def _enable(session: Session, plugin_id: str, pairs: Sequence[str]) -> None:
    """Switch a channel on, with settings; at once in a serving process."""
    session.ask("plugins.enable", id=plugin_id, settings=read_pairs(pairs))


@plugins_group.command(name="disable")
@click.argument("plugin_id", metavar="ID")
@click.pass_obj
def _disable(session: Session, plugin_id: str) -> None:
    """Switch a channel off; its messages wait until it is on again."""
    session.ask("plugins.disable", id=plugin_id)


@plugins_group.command(name="check")
@click.argument("plugin_id", metavar="ID")
@click.pass_obj
def _check(session: Session, plugin_id: str) -> None:
    """Try a channel's connection with its settings; exit code 1 when it fails."""
    session.ask("plugins.check", id=plugin_id)


@plugins_group.command(name="new")
@click.argument("plugin_id", metavar="ID")
def _new(plugin_id: str) -> None:
    """Write a working channel plugin into ./ID, to be made yours."""
    folder = write_skeleton(plugin_id, into=Path.cwd())
    click.echo(f"Written to {folder}. Next: plugins test {plugin_id}, then docs/plugins.md.")


@plugins_group.command(name="test")
@click.argument("plugin_id", metavar="ID")
@click.pass_obj
def _test(session: Session, plugin_id: str) -> None:
    """Run a channel's conformance tests, installed or in this folder; exit code 1 on a failure."""
    session.ask("plugins.test", id=plugin_id, folder=str(Path.cwd()))


def read_pairs(pairs: Sequence[str]) -> dict[str, str]:
    """KEY=VALUE as a mapping. Raises BadInput for anything else."""
    settings: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            # The value is not repeated: it may be a secret.
            raise BadInput(f"--set takes KEY=VALUE; {key.strip() or 'this'!r} has no '='.")
        settings[key.strip()] = value
    return settings


def plugin_commands(service: PluginService) -> Mapping[str, Command]:
    """What a process that holds the data directory does for each command."""

    async def listed(_args: Args, out: Out) -> int:
        plugins = await service.plugins(OPERATOR)
        width = max((len(plugin.id) for plugin in plugins), default=0)
        for plugin in plugins:
            out.line(f"{plugin.id:<{width}}  {_state(plugin, live=service.live)}".rstrip())
        return 0

    async def enable(args: Args, out: Out) -> int:
        plugin_id = str(args["id"])
        plugin = await service.enable(OPERATOR, plugin_id, settings=args.get("settings") or {})
        if service.live:
            plugin = await _settled(service, plugin)
        out.line(f"{plugin.id}  {_state(plugin, live=service.live)}")
        return 0

    async def disable(args: Args, out: Out) -> int:
        plugin = await service.disable(OPERATOR, str(args["id"]))
        out.line(f"{plugin.id}  disabled")
        return 0

    async def check(args: Args, out: Out) -> int:
        checked = await service.check(OPERATOR, str(args["id"]))
        out.line(f"{args['id']}  {'ok' if checked.ok else 'failed'}: {checked.detail}")
        return 0 if checked.ok else 1

    async def test(args: Args, out: Out) -> int:
        folder = Path(str(args["folder"])) if args.get("folder") else None
        run = await service.test(OPERATOR, str(args["id"]), folder=folder)
        for line in run.lines:
            title = line.name.removeprefix("test_").replace("_", " ")
            detail = f": {line.detail}" if line.detail else ""
            out.line(f"{line.outcome:<14}  {title}{detail}")
        out.line(f"{run.passed} passed, {run.failed} failed")
        return 1 if run.failed or not run.passed else 0

    return {
        "plugins.list": listed,
        "plugins.enable": enable,
        "plugins.disable": disable,
        "plugins.check": check,
        "plugins.test": test,
    }


async def _settled(service: PluginService, plugin: Plugin) -> Plugin:
    """The plugin once its start has come to something."""
    for _ in range(int(SETTLE_SECONDS / 0.1)):
        plugin = await service.plugin(OPERATOR, plugin.id)
        if plugin.status.state not in (State.STARTING, State.DISABLED):
            break
        await asyncio.sleep(0.1)
    return plugin


def _state(plugin: Plugin, *, live: bool) -> str:
    if plugin.found.problem:
        return f"{State.BROKEN}  {plugin.found.problem}"
    if not live:
        # Nothing serves on this data directory: what will be when it does.
        return "enabled" if plugin.wanted.enabled else "disabled"
    reason = f"  {plugin.status.reason}" if plugin.status.reason else ""
    return f"{plugin.status.state}{reason}"
