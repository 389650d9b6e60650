"""The states of a channel's life, and what is said of them to people."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from core.errors import ContactCenterError


class State(enum.StrEnum):
    """Where a channel is in its life."""

    DISABLED = "disabled"  #: nobody wants it, or an admin switched it off
    STARTING = "starting"
    RUNNING = "running"
    RETRYING = "retrying"  #: the vendor cannot be reached; it is tried again by itself
    NEEDS_ADMIN = "needs_admin"  #: settings or credentials are wrong
    BROKEN = "broken"  #: its code does not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the store and the environment say a channel should be."""

    enabled: bool
    settings: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""  #: why the settings cannot be used at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a channel does, for people."""

    state: State
    since: datetime
    reason: str = ""
    retry_at: datetime | None = None
    accepted: int = 0  #: customers' messages since the process began
    delivered: int = 0
    last_traffic: datetime | None = None
    last_error: str = ""
    last_error_at: datetime | None = None


class Down(Exception):
    """Why a channel is not up (any more)."""

    def __init__(self, state: State, reason: str, *, crashed: bool = False) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason
        self.crashed = crashed


def settings_sentence(error: ValidationError) -> str:
    """What is wrong with the settings, field by field, without showing what was entered."""
    parts = []
    for item in error.errors(include_input=False, include_url=False, include_context=False):
        where = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        parts.append(f"{where}: {message}" if where else message)
    return "; ".join(parts) + "."


def sentence(error: BaseException) -> str:
    if isinstance(error, ContactCenterError | Down):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
