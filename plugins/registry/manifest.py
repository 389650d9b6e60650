"""Parses a plugin's manifest.toml, and says in one sentence what is wrong with it.

[plugin]
id = "sms"
name = "SMS (Twilio)"
version = "1.0.0"
api = 1
entry = "channels.sms.channel:plugin"
description = "Text messages through Twilio."
description_ko = "Twilio를 통한 문자 메시지입니다."
homepage = "https://www.twilio.com"          # optional, like all below
docs = "docs/channels/sms.md"
env_prefix = "TWILIO_"
enabled_by = ["account_sid", "auth_token", "from"]
enabled_by_default = false
isolated = true
contract = "tests.contract.test_sms"

[webhooks]
"/webhooks/twilio/sms" = "sms"
"/webhooks/twilio/status" = "status"

[settings.ko]                                # the form in another language than English
auth_token = { label = "인증 토큰", help = "웹훅이 Twilio에서 온 것인지도 확인합니다." }
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.errors import BadInput
from core.sdk.plugin import API_VERSION, Manifest

FILE_NAME = "manifest.toml"
MAX_BYTES = 64 * 1024
#: Tables beside [plugin], with the fields they fill.
TABLES = {"webhooks": "webhooks", "settings": "words", "carries": "carries"}

_OF_TYPE = {
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
}


class ManifestError(BadInput):
    """The manifest cannot be used."""


def read_manifest(file: Path) -> Manifest:
    """The manifest in this file. Raises ManifestError naming the file, the key and the remedy."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ManifestError(f"{file}: larger than {MAX_BYTES} bytes; a manifest is short.")
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ManifestError(f"{file}: there is no such file.") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{file}: is not UTF-8 text.") from error
    except OSError as error:
        raise ManifestError(f"{file}: cannot be read ({error.strerror}).") from error
    return parse_manifest(text, where=str(file))


def parse_manifest(text: str, *, where: str) -> Manifest:
    """The manifest in this text; `where` opens every complaint. Runs no code of the plugin."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"{where}: is not TOML: {error}.") from error
    if unknown := sorted(set(document) - {"plugin", *TABLES}):
        raise ManifestError(
            f"{where}: unknown table [{unknown[0]}]; known: [plugin], [webhooks], [settings.ko],"
            " [carries]."
        )
    table = document.get("plugin")
    if not isinstance(table, dict):
        raise ManifestError(f"{where}: the table [plugin] is missing.")
    if misplaced := sorted(set(table) & set(TABLES.values())):
        raise ManifestError(f"{where}: [plugin] {misplaced[0]} {_unknown()}.")
    others = {field: document[name] for name, field in TABLES.items() if name in document}
    try:
        return Manifest.model_validate({**table, **others})
    except ValidationError as error:
        raise ManifestError(f"{where}: {_sentence(error.errors()[0])}.") from error


def _sentence(wrong: Mapping[str, Any]) -> str:
    """What pydantic found, as the manifest's author knows it."""
    match wrong["loc"]:
        case ():
            return str(wrong["ctx"]["error"])
        case ("webhooks",):
            return "[webhooks] must be a table of paths"
        case ("webhooks", path, "[key]"):
            return (
                f"[webhooks] {path!r} must begin with /webhooks/ and hold lower-case letters,"
                " digits, '.', '_' and '-'"
            )
        case ("webhooks", path, *_):
            return f"[webhooks] {path!r} must name a path like 'sms'"
        case ("words", locale, name, *_) if name != "[key]":
            return f"[settings.{locale}] {name} must be {{ label = '…', help = '…' }}, in quotes"
        case ("words", *_):
            return "[settings] must hold a table a language, like [settings.ko]"
        case ("carries", *_):
            return (
                "[carries] must say types = ['image/*', 'application/pdf'] and max_mb, a number"
                " of megabytes"
            )
        case ("enabled_by", *_):
            return "[plugin] enabled_by must be a list of setting names"
        case (key, *_):
            return f"[plugin] {key} {_key(key, wrong)}"
    raise AssertionError(wrong)


def _key(key: str, wrong: Mapping[str, Any]) -> str:
    kind, value = wrong["type"], wrong["input"]
    if kind == "extra_forbidden":
        return _unknown()
    must_be = f"must be {_OF_TYPE.get(kind) or Manifest.model_fields[key].description}"
    if kind == "missing":
        return f"is missing; it {must_be}"
    if kind == "less_than_equal":
        return f"is {value}, but this host speaks {API_VERSION}; update the host"
    return f"is {value!r}; it {must_be}" if kind not in _OF_TYPE else must_be


def _unknown() -> str:
    known = sorted(set(Manifest.model_fields) - set(TABLES.values()))
    return f"is unknown; known keys: {', '.join(known)}"
