"""`bot.py plugins …`: the commands, and their work in a serving process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import click

from core.accounts.roles import User
from core.accounts.service import OPERATOR
from core.runtime.cli import CenterGroup, Session
from core.runtime.control_socket import Args, Command, Out
from plugins.conformance.scaffold import KINDS, write_skeleton
from plugins.host.host import Plugin
from plugins.host.service import PluginService
from plugins.host.states import State
from plugins.registry.forms import read_pairs

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


@plugins_group.command(name="reseal")
@click.pass_obj
def _reseal(session: Session) -> None:
    """Seal the stored secrets with SECRET_KEY, as long as SECRET_KEY_PREVIOUS opens them."""
    session.ask("plugins.reseal")


@plugins_group.command(name="new")
@click.argument("plugin_id", metavar="ID")
@click.option(
    "--kind",
    type=click.Choice(sorted(KINDS)),
    default="channel",
    show_default=True,
    help="A channel carries messages, a source brings documents.",
)
def _new(plugin_id: str, kind: str) -> None:
    """Write a working plugin into ./ID, to be made yours."""
    folder = write_skeleton(plugin_id, into=Path.cwd(), kind=kind)
    guide = "docs/sources.md" if kind == "source" else "docs/plugins.md"
    click.echo(f"Written to {folder}. Next: plugins test {plugin_id}, then {guide}.")


@plugins_group.command(name="test")
@click.argument("plugin_id", metavar="ID")
@click.pass_obj
def _test(session: Session, plugin_id: str) -> None:
    """Run a channel's conformance tests, installed or in this folder; exit code 1 on a failure."""
    session.ask("plugins.test", id=plugin_id, folder=str(Path.cwd()))


def plugin_commands(
    service: PluginService,
    *,
    reseal_others: Sequence[Callable[[User], Awaitable[Mapping[str, int]]]],
) -> Mapping[str, Command]:
    """What a process that holds the data directory does for each command.

    `reseal_others` are such as `plugins.sources.secrets.SourceSecrets.reseal`.
    """

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

    async def reseal(_args: Args, out: Out) -> int:
        done = [*(await service.reseal(OPERATOR)).items()]
        for reseal_other in reseal_others:
            done += (await reseal_other(OPERATOR)).items()
        for sealed_for, count in done:
            out.line(f"{sealed_for}  {count} sealed with SECRET_KEY")
        if not done:
            out.line("No secret is stored.")
        return 0

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
        "plugins.reseal": reseal,
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
    status = plugin.status
    reason = f"  {status.reason}" if status.reason else ""
    hears = "  hears, does not speak" if status.hears and not status.speaks else ""
    return f"{status.state}{hears}{reason}"
