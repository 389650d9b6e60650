"""The states of a channel, and how people are told of them."""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from core.errors import ChannelAuthFailed, ChannelNotReady, ContactCenterError


class State(enum.StrEnum):
    """The lifecycle state of a channel."""

    DISABLED = "disabled"  #: nobody wants it, or an admin switched it off
    STARTING = "starting"
    RUNNING = "running"
    RETRYING = "retrying"  #: the vendor cannot be reached; it is tried again by itself
    NEEDS_ADMIN = "needs_admin"  #: settings or credentials are wrong
    BROKEN = "broken"  #: its code does not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The state and settings that store and environment ask for."""

    enabled: bool
    settings: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""  #: why the settings cannot be used at all
    places: Mapping[str, Any] = field(default_factory=dict)
    """Where an admin has said to connect to; then what comes from there is a stranger's word."""

    def said_of(self, error: BaseException) -> str:
        """What went wrong, for people; nothing that a stranger has said."""
        return own_sentence(error) if self.places else shown(sentence(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A channel's status, for people.

    `state` is how it stands with speaking; hearing needs less, and is told apart.
    """

    state: State
    since: datetime
    hears: bool = False  #: what customers write is taken in
    speaks: bool = False  #: what we write goes out; else it waits
    reason: str = ""
    retry_at: datetime | None = None
    accepted: int = 0  #: customers' messages since the process began
    delivered: int = 0
    last_traffic: datetime | None = None
    last_error: str = ""
    last_error_at: datetime | None = None


LONGEST = 300


def shown(text: str) -> str:
    """What somebody else has said, as one short line without invisible characters."""
    plain = "".join(c if c.isprintable() else " " for c in text if unicodedata.category(c) != "Cf")
    line = " ".join(plain.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


class Down(Exception):
    """The reason why a channel is not up (any more)."""

    def __init__(
        self, state: State, reason: str, *, crashed: bool = False, may_mend: bool = False
    ) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason
        self.crashed = crashed
        self.may_mend = may_mend  #: an admin's matter that may be put right at the vendor's


def settings_sentence(error: ValidationError) -> str:
    """What is wrong with the settings, field by field, without showing what was entered."""
    parts = []
    for item in error.errors(include_input=False, include_url=False, include_context=False):
        where = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        parts.append(f"{where}: {message}" if where else message)
    return "; ".join(parts) + "."


def sentence(error: BaseException) -> str:
    """What went wrong, as the error says it."""
    if isinstance(error, ContactCenterError | Down):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def own_sentence(error: BaseException) -> str:
    """The same in our words alone: whoever answers at an admin's address may say anything."""
    match error:
        case ChannelAuthFailed():
            return "What answers at this address refuses the credentials."
        case ChannelNotReady() | OSError():
            return "Nothing answers at this address as it should."
        case Down():
            return error.reason
        case _:
            return f"What answers at this address was not understood ({type(error).__name__})."
