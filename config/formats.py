"""The formats of single settings: words, addresses, networks, zones, models."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from config.languages import STAFF


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


def _public_address(url: str) -> str:
    url = _web_address(url)
    try:
        parts = urlsplit(url)
        whole = parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        whole = False
    steps = parts.path.split("/")[1:] if whole else ["."]
    if "?" in url or "#" in url or "@" in url or any(step in ("", ".", "..") for step in steps):
        raise ValueError(
            "use an address like https://help.example.com or https://a.example/support"
        )
    return url


def _api_address(url: str) -> str:
    _web_address(url)
    return url


def _domains(names: tuple[str, ...]) -> tuple[str, ...]:
    plain = tuple(name.lower().removeprefix("@") for name in names)
    for name in plain:
        if not re.fullmatch(r"(?!-)[a-z0-9-]+(\.[a-z0-9-]+)+", name):
            raise ValueError("use domains of your own, like example.com")
    return plain


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        try:
            ipaddress.ip_network(name, strict=False)
        except ValueError:
            raise ValueError("use addresses or networks like 10.0.0.0/8") from None
    return names


def _staff_language(code: str) -> str:
    if code not in STAFF:
        raise ValueError(f"use {' or '.join(STAFF)}")
    return code


def _mongodb(uri: str) -> str:
    if not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("it must begin with mongodb:// or mongodb+srv://")
    return uri


def _redis(url: str) -> str:
    if not url.startswith(("redis://", "rediss://", "unix://", "redis+sentinel://")):
        raise ValueError("it must begin with redis://, rediss://, unix:// or redis+sentinel://")
    return url


def _model_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]+:\S+", name):
        raise ValueError("write provider:model, for example openai:gpt-6-luna")
    return name


def _model_options(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        options = json.loads(value)
    except (ValueError, RecursionError):
        options = None
    if not isinstance(options, dict):
        raise ValueError('write a JSON object, for example {"max_tokens": 1000}')
    for name, setting in _NOT_HERE.items():
        if name in options:
            raise ValueError(f"{name} belongs into {setting}")
    return options


def _days_by_name(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [word.partition(":") for word in value.replace(",", " ").split()]
    if not all(name and days.isdigit() and int(days) >= 1 for name, _, days in pairs):
        raise ValueError("write channel:days, for example sms:30, telegram:90")
    return tuple((name, int(days)) for name, _, days in pairs)


def _calls_by_topic(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [part.strip().rpartition(":") for part in value.split(",") if part.strip()]
    if not all(topic.strip() and calls.strip().isdecimal() for topic, _, calls in pairs):
        raise ValueError("write topic:calls, for example orders:200, *:500")
    return tuple((topic.strip(), int(calls)) for topic, _, calls in pairs)


_NOT_HERE = {
    "model": "LLM_MODEL",
    "model_name": "LLM_MODEL",
    "model_provider": "LLM_MODEL",
    "configurable_fields": "LLM_MODEL",
    "config_prefix": "LLM_MODEL",
    "timeout": "LLM_TIMEOUT_SECONDS",
    "request_timeout": "LLM_TIMEOUT_SECONDS",
}

Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Networks = Annotated[Words, AfterValidator(_networks)]
ModelName = Annotated[str, AfterValidator(_model_name)]
Models = Annotated[tuple[ModelName, ...], BeforeValidator(_words)]
ModelOptions = Annotated[dict[str, Any], BeforeValidator(_model_options)]
CallsByTopic = Annotated[tuple[tuple[str, int], ...], BeforeValidator(_calls_by_topic)]
DaysByName = Annotated[tuple[tuple[str, int], ...], BeforeValidator(_days_by_name)]
StaffLanguage = Annotated[str, AfterValidator(_staff_language)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Url = Annotated[str, AfterValidator(_web_address)]
PublicUrl = Annotated[str, AfterValidator(_public_address)]
#: As typed: providers differ in the slash at the end, and it is part of their name.
IssuerUrl = Annotated[str, AfterValidator(_api_address)]
Domains = Annotated[Words, AfterValidator(_domains)]
ApiUrl = Annotated[str, AfterValidator(_api_address)]
MongoUri = Annotated[str, AfterValidator(_mongodb)]
S3Url = Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,62}(/[^\s?#]*)?$")]
RedisUrl = Annotated[str, AfterValidator(_redis)]
Seconds = Annotated[float, Field(gt=0)]
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
