"""What makes a channel a plugin: a manifest, a settings model, and a way to create the channel.

A channel's folder holds `manifest.toml` and a module with

    plugin = ChannelPlugin(settings=TelegramSettings, create=TelegramChannel)

where `TelegramChannel(settings, context)` keeps `core.channel.Channel`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from core.channel import Channel, HttpRequest
from core.clock import Clock
from core.ports import Lease
from core.wording import Words

API_VERSION = 1  #: of this seam; a manifest names the one it was written for

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingWords:
    """How a setting reads in one language; "" leaves what the model says."""

    label: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a plugin says of itself, read from manifest.toml before any of its code runs."""

    id: str  #: lower-case letters, digits and "-"; also the channel's id in every address
    name: str  #: as people read it
    version: str
    api: int  #: the seam's version it was written for
    entry: str  #: "package.module:plugin"
    description: str = ""
    description_ko: str = ""
    homepage: str = ""
    docs: str = ""  #: where an admin reads how to get the credentials
    env_prefix: str = ""  #: "TELEGRAM_": environment variables that are settings of it
    enabled_by: tuple[str, ...] = ()  #: settings which, all in the environment, switch it on
    enabled_by_default: bool = False
    webhooks: Mapping[str, str] = field(default_factory=dict)
    """Public paths to paths below the channel: {"/webhooks/twilio/sms": "sms"}."""
    isolated: bool = True  #: a thread and a loop of its own; False: on the main loop
    words: Mapping[str, Mapping[str, SettingWords]] = field(default_factory=dict)
    """Locale to setting to its words: the form in other languages than the model's English."""
    contract: str = ""  #: module with the `ChannelContract` subclass, "package.test_contract"


class Spawn(Protocol):
    """Starts a background task that belongs to the channel."""

    def __call__(self, work: Coroutine[Any, Any, None], *, name: str = "") -> asyncio.Task[None]:
        """Run it until it ends or the channel stops.

        When it raises, the host stops the channel and starts it again: after a while for
        ChannelNotReady, after an admin's change for ChannelAuthFailed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelContext:
    """What the host lends to a channel, for as long as the channel runs."""

    channel_id: str
    clock: Clock
    logger: logging.Logger
    public_url: str  #: https://… without a slash at the end, "" when the world cannot call us
    data_dir: Path  #: a folder of the channel's own, made by the host
    words: Words
    lease: Lease  #: one process at a time on a thing (long polling one token); key "telegram:42"
    spawn: Spawn  #: background tasks; use it in `start`, never a bare create_task
    failed: Callable[[Exception], None]  #: tell the host that the connection is lost for good
    share: Callable[[object], None]
    """Offers the vendor's application object (Slack's AsyncApp) to our other faces there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlugin(Generic[S]):
    """The object that a manifest's `entry` names.

    `settings` is drawn as the admin's form; its `SecretStr` fields are kept sealed and are never
    shown again. `create` does no work beyond keeping its arguments: connecting is `start`'s.
    """

    settings: type[S]
    create: Callable[[S, ChannelContext], Channel]
    verify: Callable[[S, HttpRequest, str], None] | None = None
    """Tells a forged webhook from a true one while the channel is not up; the third argument is
    the public address. Raises WebhookRefused, BadInput. Runs on a thread, without the SDK."""
