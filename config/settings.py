"""Everything an operator may set: the only module that reads the environment and `.env`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from dotenv import dotenv_values
from pydantic import ValidationError

from config.sections import (
    ApprovalSettings,
    LlmSettings,
    MailSettings,
    OidcSettings,
    ReportSettings,
    Section,
    ServerSettings,
    SlackSettings,
    StoreSettings,
    TelegramSettings,
    TwilioSettings,
    VectorSettings,
)


class SettingsError(ValueError):
    """A setting cannot be used; the message is one sentence that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every section, validated."""

    server: ServerSettings
    store: StoreSettings
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
                default="" if field.default in (None, ()) else str(field.default),
            )


def example() -> str:
    """The text of `.env.example`."""
    lines = ["# Copy to .env and change what you need; the environment beats this file."]
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
    return read_settings({**from_file, **os.environ, **given})


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
        reason = first["msg"].removeprefix("Value error, ")
        shown = "" if field.repr is False else f" ({given.get(name, '')!r})"
        raise SettingsError(
            f"{name.upper()}{shown} cannot be used: {reason[0].lower()}{reason[1:]}."
        ) from error


if __name__ == "__main__":
    print(example(), end="")  # noqa: T201
