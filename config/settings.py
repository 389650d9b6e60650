"""The operator's settings: the only module that reads the environment and `.env`."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.sections import (
    ApprovalSettings,
    AttachmentSettings,
    BackupSettings,
    LlmSettings,
    MailSettings,
    OidcSettings,
    ReportSettings,
    Section,
    ServerSettings,
    SlackSettings,
    StoreSettings,
    TelegramSettings,
    TelemetrySettings,
    TwilioSettings,
    VectorSettings,
)

#: LangChain and LangSmith trace where one of these says so.
TRACING = (
    "LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2",
)  # fmt: skip
_NEARLY = 0.87  #: likeness of two names from which on one is the other, misspelt
_WORDS = {
    "int_parsing": "use a whole number",
    "int_from_float": "use a whole number",
    "float_parsing": "use a number",
    "greater_than_equal": "use {ge} or more",
    "greater_than": "use more than {gt}",
    "less_than_equal": "use {le} or less",
    "less_than": "use less than {lt}",
    "literal_error": "use {expected}",
    "string_too_short": "use at least {min_length} characters",
    "string_too_long": "use at most {max_length} characters",
    "string_pattern_mismatch": "use letters, digits and ._:/- only",
}
_PROVIDERS_KEY = "_API_KEY"  #: how the names of model providers' own keys end


class SettingsError(ValueError):
    """A setting cannot be used; the message is one sentence that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every section, validated."""

    server: ServerSettings
    store: StoreSettings
    telemetry: TelemetrySettings
    backups: BackupSettings
    attachments: AttachmentSettings
    vectors: VectorSettings
    llm: LlmSettings
    approvals: ApprovalSettings
    telegram: TelegramSettings
    slack: SlackSettings
    twilio: TwilioSettings
    oidc: OidcSettings
    reports: ReportSettings
    mail: MailSettings
    variables: Mapping[str, str]  #: all that is set, for plugins that bring names of their own

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in _sections())
        return f"Settings({shown})"

    def with_prefix(self, prefix: str) -> dict[str, str]:
        """What is set under a plugin's prefix: TELEGRAM_BOT_TOKEN becomes `bot_token`."""
        return {
            name.removeprefix(prefix).lower(): value
            for name, value in self.variables.items()
            if name.startswith(prefix) and value
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One setting as it is documented."""

    name: str
    section: str
    description: str
    default: str


def entries() -> Iterator[Entry]:
    """Every setting there is, in the order of `.env.example`."""
    for section in _sections().values():
        title = (section.__doc__ or "").strip()
        for name, field in section.model_fields.items():
            yield Entry(
                name=name.upper(),
                section=title,
                description=field.description or "",
                default="" if field.default in (None, (), {}) else str(field.default),
            )


def example() -> str:
    """The text of `.env.example`."""
    lines = [
        "# Copy to .env and change what you need; the environment beats this file.",
        "# Each may be given as NAME_FILE, too: the path of a file that holds the value.",
    ]
    section = ""
    for entry in entries():
        if entry.section != section:
            section = entry.section
            lines += ["", f"# {section}"]
        lines += [f"# {entry.name}={entry.default}  # {entry.description}"]
    return "\n".join(lines) + "\n"


def read_settings(variables: Mapping[str, str]) -> Settings:
    """These variables, checked. Raises SettingsError with one sentence for the first bad one."""
    present = {name: value for name, value in variables.items() if value.strip()}
    made: dict[str, Any] = {
        name: _read_section(section, present) for name, section in _sections().items()
    }
    return Settings(**made, variables=present)


def load_settings(
    directory: Path | None = None, *, flags: Mapping[str, str | None] | None = None
) -> Settings:
    """The environment, then `.env` of this directory, checked; flags beat both.

    What only `.env` says goes into the environment as well, because a model provider's own
    library looks for its key there. Raises SettingsError.
    """
    file = (directory or Path.cwd()) / ".env"
    try:
        from_file = {k: v for k, v in dotenv_values(file).items() if v}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}.") from error
    for name, value in from_file.items():
        os.environ.setdefault(name, value)
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    found = read_settings({**_contents({**from_file, **os.environ}), **given})
    for name, value in found.variables.items():
        if name.endswith(_PROVIDERS_KEY):
            os.environ.setdefault(name, value)
    if found.llm.llm_tracing == "off":
        # LangChain looks for these by itself, and would send every prompt to another company.
        os.environ.update(dict.fromkeys(TRACING, "false"))
    return found


def _contents(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, and what stands in the files that NAME_FILE names. Raises SettingsError."""
    found = dict(variables)
    ours = {entry.name for entry in entries()}
    for name, path in variables.items():
        wanted = name.removesuffix("_FILE")
        if wanted == name or not path or not (wanted in ours or wanted.endswith(_PROVIDERS_KEY)):
            continue
        if variables.get(wanted):
            raise SettingsError(f"{wanted} and {name} are both set; keep one of them.")
        try:
            found[wanted] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise SettingsError(f"{name} ({path!r}) cannot be read: {why}.") from error
        if not found[wanted]:
            raise SettingsError(f"{name} ({path!r}) names an empty file.")
    return found


def _sections() -> dict[str, type[Section]]:
    hints = get_type_hints(Settings)
    return {f.name: hints[f.name] for f in fields(Settings) if f.name != "variables"}


def _read_section(section: type[Section], present: Mapping[str, str]) -> Section:
    given = {
        name: present[name.upper()] for name in section.model_fields if name.upper() in present
    }
    if "log_level" in given:
        given["log_level"] = given["log_level"].lower()
    try:
        return section.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        field = section.model_fields[name]
        reason = _in_words(first)
        shown = "" if field.repr is False else f" ({given.get(name, '')!r})"
        raise SettingsError(
            f"{name.upper()}{shown} cannot be used: {reason[0].lower()}{reason[1:]}."
        ) from error


def _in_words(fault: ErrorDetails) -> str:
    """What is wrong, as an operator would say it; pydantic speaks of types and literals."""
    context = fault.get("ctx", {})
    if (words := _WORDS.get(fault["type"])) is not None:
        return words.format(**context)
    return fault["msg"].removeprefix("Value error, ")


def misspelt(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names that are set and are none of ours, though one of ours is nearly called that."""
    known = {entry.name for entry in entries()}
    for name in sorted(variables):
        if name in known or name.removesuffix("_FILE") in known:
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=_NEARLY)
        if near:
            yield name, near[0]


if __name__ == "__main__":
    print(example(), end="")  # noqa: T201
