"""How single values of settings are written: words, addresses, networks, zones, models."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field


def _words(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone; use a name like Asia/Seoul") from None
    return name


def _web_address(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", url):
        raise ValueError("use an address like https://help.example.com")
    return url.rstrip("/")


def _api_address(url: str) -> str:
    _web_address(url)
    return url


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        try:
            ipaddress.ip_network(name, strict=False)
        except ValueError:
            raise ValueError("use addresses or networks like 10.0.0.0/8") from None
    return names


def _mongodb(uri: str) -> str:
    if not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("it must begin with mongodb:// or mongodb+srv://")
    return uri


def _redis(url: str) -> str:
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("it must begin with redis://, rediss:// or unix://")
    return url


def _model_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]+:\S+", name):
        raise ValueError("write provider:model, for example openai:gpt-4o-mini")
    return name


def _days_by_name(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [word.partition(":") for word in value.replace(",", " ").split()]
    if not all(name and days.isdigit() and int(days) >= 1 for name, _, days in pairs):
        raise ValueError("write channel:days, for example sms:30, telegram:90")
    return tuple((name, int(days)) for name, _, days in pairs)


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Networks = Annotated[Words, AfterValidator(_networks)]
ModelName = Annotated[str, AfterValidator(_model_name)]
Models = Annotated[tuple[ModelName, ...], BeforeValidator(_words)]
DaysByName = Annotated[tuple[tuple[str, int], ...], BeforeValidator(_days_by_name)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Url = Annotated[str, AfterValidator(_web_address)]
ApiUrl = Annotated[str, AfterValidator(_api_address)]
MongoUri = Annotated[str, AfterValidator(_mongodb)]
RedisUrl = Annotated[str, AfterValidator(_redis)]
Seconds = Annotated[float, Field(gt=0)]
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
