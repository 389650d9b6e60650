"""The plugin protocol: a manifest, a settings model, and a factory of the channel.

A channel's folder holds `manifest.toml` and a module with

    plugin = ChannelPlugin(settings=TelegramSettings, create=TelegramChannel)

where `TelegramChannel(settings, context)` keeps `core.sdk.channel.Channel`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.clock import Clock
from core.i18n import Words
from core.sdk.channel import Channel, HttpRequest
from core.sdk.rate_limit import Rates

API_VERSION = 1  #: of this seam; a manifest names the one it was written for

S = TypeVar("S", bound=BaseModel)


ID = r"[a-z][a-z0-9-]{1,30}[a-z0-9]"  #: of a plugin
_ID = re.compile(ID)
NAME = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"  #: of a module
Locale = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
WebhookPath = Annotated[str, Field(pattern=r"^/webhooks(/[a-z0-9._-]+)+$")]
BelowChannel = Annotated[str, Field(pattern=r"^([a-z0-9._-]+(/[a-z0-9._-]+)*)?$")]
SettingName = Annotated[str, Field(min_length=1)]


class Declared(BaseModel):
    """Something that a manifest says: nothing unknown, and every value of its own type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_strip_whitespace=True)


class SettingWords(Declared):
    """A setting's label and help in one language; "" leaves the model's."""

    label: str = ""
    help: str = ""


class Carries(Declared):
    """Files that a channel's `send` takes; what it does not take goes as a signed link."""

    types: tuple[str, ...] = Field(("*/*",), strict=False)  #: "image/*", "application/pdf", "*/*"
    max_mb: float = Field(10.0, gt=0, strict=False)  #: of one file, in the vendor's own megabytes

    def takes(self, media_type: str, size: int) -> bool:
        """Whether a file of this type and so many bytes can be sent."""
        family = media_type.partition("/")[0]
        known = {"*/*", media_type, f"{family}/*"} & set(self.types)
        return bool(known) and size <= self.max_mb * 1_000_000


class Manifest(Declared):
    """A plugin's manifest.toml, read before any of its code runs.

    A description says what a value must be, for the author of one that is not.
    """

    id: str = Field(  # also the channel's id in every address
        pattern=f"^{ID}$",
        description="lower-case letters, digits and '-', 3 to 32 characters",
    )
    name: str = Field(min_length=1, description="the name people read")
    version: str = Field(
        pattern=r"^\d+(\.\d+){0,3}([a-z0-9.+-]*)$", description="digits and dots, like '1.0.0'"
    )
    api: int = Field(  # the seam's version it was written for
        ge=1, le=API_VERSION, description=f"a whole number from 1; this host speaks {API_VERSION}"
    )
    entry: str = Field(pattern=rf"^{NAME}:[A-Za-z_]\w*$", description="'package.module:plugin'")
    #: what it is: a channel carries messages, a source brings documents (core/sdk/source.py)
    kind: Literal["channel", "source"] = Field("channel", description="'channel' or 'source'")
    description: str = ""
    description_ko: str = ""
    homepage: str = Field("", pattern=r"^(https?://\S+)?$", description="an http(s) address")
    docs: str = ""  #: where an admin reads how to get the credentials
    env_prefix: str = Field(  # environment variables that are settings of it
        "", pattern=r"^([A-Z][A-Z0-9]*_)?$", description="capitals ending in '_'"
    )
    #: settings which, all in the environment, switch it on
    enabled_by: tuple[SettingName, ...] = Field((), strict=False)
    enabled_by_default: bool = False
    webhooks: Mapping[WebhookPath, BelowChannel] = Field({})
    """Public paths to paths below the channel: {"/webhooks/twilio/sms": "sms"}."""
    carries: Carries | None = None  #: files that it can send; None: only links to them
    isolated: bool = True  #: a thread and a loop of its own; False: on the main loop
    words: Mapping[Locale, Mapping[str, SettingWords]] = Field({})
    """Locale to setting to its words: the form in other languages than the model's English."""
    contract: str = Field(  # where the `ChannelContract` subclass is
        "", pattern=rf"^({NAME})?$", description="a module, 'package.test_contract'"
    )

    @model_validator(mode="after")
    def _has_prefix(self) -> Self:
        if self.enabled_by and not self.env_prefix:
            raise ValueError("enabled_by needs env_prefix")
        if self.kind == "source" and (self.webhooks or self.carries or self.env_prefix):
            raise ValueError("a source has no webhooks, no carries and no env_prefix")
        return self


class Spawn(Protocol):
    """Starts a background task that belongs to the channel."""

    def __call__(self, work: Coroutine[Any, Any, None], *, name: str = "") -> asyncio.Task[None]:
        """Run it until it ends or the channel stops.

        When it raises, the host stops the channel and starts it again: after a while for
        ChannelNotReady, after an admin's change for ChannelAuthFailed.
        """
        ...


def is_plugin_id(text: str) -> bool:
    """Whether a plugin may have this id: 3 to 32 lower-case letters, digits and "-"."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelContext:
    """The host's services for a channel, for as long as it runs."""

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
    may_connect: Callable[[str], bool] = lambda _ip: True
    """Whether it may connect to an IP address: not into private networks where an admin, not the
    operator, has named the server. On a thread of its own the host sees to it by itself."""
    rates: Rates | None = None
    """The vendor's rates as all processes keep them together, for `Pacer(clock, shared=rates)`;
    None where there is one process."""


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


class Lease(Protocol):
    """One worker at a time on a conversation."""

    def hold(self, conversation_id: str) -> AbstractAsyncContextManager[bool]:
        """True inside when it is ours until we leave; False when another worker has it."""
        ...
