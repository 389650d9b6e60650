"""Reads a plugin's manifest.toml and says, in one sentence, what is wrong with it.

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

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from core.errors import BadInput
from core.plugin import API_VERSION, Manifest, SettingWords

FILE_NAME = "manifest.toml"
MAX_BYTES = 64 * 1024

ID = re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]")
VERSION = re.compile(r"\d+(\.\d+){0,3}([a-z0-9.+-]*)")
ENTRY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
ENV_PREFIX = re.compile(r"[A-Z][A-Z0-9]*_")
WEBHOOK = re.compile(r"/webhooks(/[a-z0-9._-]+)+")
LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
BELOW = re.compile(r"([a-z0-9._-]+(/[a-z0-9._-]+)*)?")

T = TypeVar("T")


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
    unknown = sorted(set(document) - {"plugin", "webhooks", "settings"})
    if unknown:
        raise ManifestError(
            f"{where}: unknown table [{unknown[0]}]; known: [plugin], [webhooks], [settings.ko]."
        )
    if not isinstance(document.get("plugin"), dict):
        raise ManifestError(f"{where}: the table [plugin] is missing.")
    table = _Table(document["plugin"], where=where)
    table.refuse_unknown_keys()
    manifest = Manifest(
        id=table.text("id", ID, "lower-case letters, digits and '-', 3 to 32 characters"),
        name=table.text("name", None, "the name people read"),
        version=table.text("version", VERSION, "digits and dots, like '1.0.0'"),
        api=table.api(),
        entry=table.text("entry", ENTRY, "'package.module:plugin'"),
        description=table.optional_text("description"),
        description_ko=table.optional_text("description_ko"),
        homepage=table.link("homepage"),
        docs=table.optional_text("docs"),
        env_prefix=table.optional_text("env_prefix", ENV_PREFIX, "capitals ending in '_'"),
        enabled_by=table.names("enabled_by"),
        enabled_by_default=table.flag("enabled_by_default", default=False),
        isolated=table.flag("isolated", default=True),
        contract=table.optional_text("contract", MODULE, "a module, 'package.test_contract'"),
        webhooks=_webhooks(document.get("webhooks", {}), where=where),
        words=_words(document.get("settings", {}), where=where),
    )
    if manifest.enabled_by and not manifest.env_prefix:
        raise ManifestError(f"{where}: enabled_by needs env_prefix.")
    return manifest


class _Table:
    """The [plugin] table with a typed, complaining way to each key."""

    def __init__(self, values: Mapping[str, object], *, where: str) -> None:
        self._values = values
        self._where = where

    def refuse_unknown_keys(self) -> None:
        known = set(Manifest.__dataclass_fields__) - {"webhooks", "words"}
        unknown = sorted(set(self._values) - known)
        if unknown:
            raise self._wrong(unknown[0], f"is unknown; known keys: {', '.join(sorted(known))}")

    def text(self, key: str, pattern: re.Pattern[str] | None, shape: str) -> str:
        if key not in self._values:
            raise self._wrong(key, f"is missing; it must be {shape}")
        return self.optional_text(key, pattern, shape, empty_allowed=False)

    def optional_text(
        self,
        key: str,
        pattern: re.Pattern[str] | None = None,
        shape: str = "text",
        *,
        empty_allowed: bool = True,
    ) -> str:
        value = self._typed(key, str, "", "text in quotes").strip()
        if value == "" and empty_allowed:
            return ""
        if value == "" or (pattern is not None and not pattern.fullmatch(value)):
            raise self._wrong(key, f"is {value!r}; it must be {shape}")
        return value

    def link(self, key: str) -> str:
        return self.optional_text(key, re.compile(r"https?://\S+"), "an http(s) address")

    def flag(self, key: str, *, default: bool) -> bool:
        return self._typed(key, bool, default, "true or false")

    def names(self, key: str) -> tuple[str, ...]:
        values = self._typed(key, list, [], "a list of setting names")
        if not all(isinstance(value, str) and value for value in values):
            raise self._wrong(key, "must be a list of setting names")
        return tuple(values)

    def api(self) -> int:
        if "api" not in self._values:
            raise self._wrong("api", f"is missing; this host speaks {API_VERSION}")
        version = self._typed("api", int, 0, "a whole number")
        if isinstance(self._values["api"], bool) or version < 1:
            raise self._wrong("api", "must be a whole number from 1")
        if version > API_VERSION:
            raise self._wrong(
                "api", f"is {version}, but this host speaks {API_VERSION}; update the host"
            )
        return version

    def _typed(self, key: str, kind: type[T], default: T, shape: str) -> T:
        value = self._values.get(key, default)
        if not isinstance(value, kind):
            raise self._wrong(key, f"must be {shape}")
        return value

    def _wrong(self, key: str, what: str) -> ManifestError:
        return ManifestError(f"{self._where}: [plugin] {key} {what}.")


def _webhooks(table: object, *, where: str) -> Mapping[str, str]:
    if not isinstance(table, dict):
        raise ManifestError(f"{where}: [webhooks] must be a table of paths.")
    for public, below in table.items():
        if not WEBHOOK.fullmatch(public):
            raise ManifestError(
                f"{where}: [webhooks] {public!r} must begin with /webhooks/ and hold lower-case "
                "letters, digits, '.', '_' and '-'."
            )
        if not isinstance(below, str) or not BELOW.fullmatch(below):
            raise ManifestError(f"{where}: [webhooks] {public!r} must name a path like 'sms'.")
    return dict(table)


def _words(table: object, *, where: str) -> Mapping[str, Mapping[str, SettingWords]]:
    if not isinstance(table, dict):
        raise ManifestError(
            f"{where}: [settings] must hold a table a language, like [settings.ko]."
        )
    found: dict[str, Mapping[str, SettingWords]] = {}
    for locale, settings in table.items():
        if not LOCALE.fullmatch(locale) or not isinstance(settings, dict):
            raise ManifestError(
                f"{where}: [settings.{locale}] must be a table named after a language, like 'ko'."
            )
        found[locale] = {
            name: _setting_words(words, where=f"{where}: [settings.{locale}] {name}")
            for name, words in settings.items()
        }
    return found


def _setting_words(words: object, *, where: str) -> SettingWords:
    known = set(SettingWords.__dataclass_fields__)
    if not isinstance(words, dict) or not set(words) <= known:
        raise ManifestError(f"{where} must be {{ label = '…', help = '…' }}.")
    if not all(isinstance(text, str) for text in words.values()):
        raise ManifestError(f"{where}: label and help must be text in quotes.")
    return SettingWords(**words)
