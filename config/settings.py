"""Everything an operator may set: the only module that reads the environment and `.env`."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError


class SettingsError(ValueError):
    """A setting cannot be used; the message is one sentence that names it."""


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


_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Models = Annotated[tuple[Annotated[str, AfterValidator(_model_name)], ...], BeforeValidator(_words)]
DaysByName = Annotated[tuple[tuple[str, int], ...], BeforeValidator(_days_by_name)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Url = Annotated[str, AfterValidator(_web_address)]
ApiUrl = Annotated[str, AfterValidator(_api_address)]
Seconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """Some settings that one part of the program needs; a field's name in capitals is its name."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class ServerSettings(Section):
    """Where we serve and keep our things."""

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for every network")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    public_url: Url | None = Field(
        None, description="how customers and providers reach us: https://help.example.com"
    )
    data_dir: Path = Field(Path("data"), description="where everything is kept")
    secret_key: str | None = Field(
        None,
        repr=False,
        min_length=16,
        description="signs and encrypts; unset: made once in DATA_DIR",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    trusted_proxies: Annotated[Words, AfterValidator(_networks)] = Field(
        (), description="addresses or networks whose X-Forwarded-For is believed"
    )
    widget_origins: Words = Field(
        (), description="sites that may show the chat: https://shop.example.com; unset: any"
    )
    rate_per_address: float = Field(
        1000.0, ge=50, description="requests a second that one address may make"
    )
    rate_per_conversation: float = Field(
        30.0, ge=1, description="messages a second that one visitor may write"
    )
    session_idle_seconds: Seconds = Field(
        3600.0, description="a staff session ends after so long without activity"
    )
    retention_days: int | None = Field(
        None,
        ge=1,
        description="conversations that nobody works on for so long are erased; unset: kept",
    )
    retention_days_by_channel: DaysByName = Field(
        (), description="other days for single channels: sms:30, telegram:90"
    )


class StoreSettings(Section):
    """The databases."""

    mongodb_uri: Annotated[str, AfterValidator(_mongodb)] | None = Field(
        None,
        repr=False,
        description="mongodb://user:password@host/database; unset: the embedded database",
    )
    redis_url: Annotated[str, AfterValidator(_redis)] | None = Field(
        None, repr=False, description="redis://host:6379/0, for many processes; unset: one process"
    )


class VectorSettings(Section):
    """Where meaning is searched."""

    qdrant_url: Url | None = Field(
        None, description="https://qdrant.example.com:6333; unset: the embedded index"
    )
    qdrant_api_key: str | None = Field(
        None, repr=False, description="the key of that Qdrant server"
    )
    embedding_model: Annotated[str, AfterValidator(_model_name)] | None = Field(
        None, description="provider:model of LangChain embeddings; unset: the bundled model"
    )


class LlmSettings(Section):
    """The language model, if any."""

    llm_model: Annotated[str, AfterValidator(_model_name)] | None = Field(
        None, description="provider:model, as openai:gpt-4o-mini; unset: quoted answers"
    )
    llm_fallback_models: Models = Field(
        (), description="provider:model names asked in turn when the first fails"
    )
    llm_timeout_seconds: Seconds = Field(
        2.4, description="how long a model may take before a quoted answer goes instead"
    )
    openai_api_key: str | None = Field(
        None, repr=False, description="the key of an OpenAI-like provider"
    )
    openai_base_url: Url | None = Field(
        None, description="another OpenAI-like server: http://localhost:8000/v1"
    )


class ApprovalSettings(Section):
    """What goes out alone, and how long a draft waits for a person."""

    approval_timeout_seconds: Seconds = Field(
        900.0, description="a draft nobody decided on for so long is escalated"
    )
    approval_undo_seconds: float = Field(
        0.0, ge=0, le=60, description="a decision can be taken back for so long; 0: never"
    )
    auto_send_target_precision: float = Field(
        0.95, ge=0.5, le=1, description="share of right answers wanted; 1 sends all to review"
    )
    auto_send_cold_start: Literal["prior", "review"] = Field(
        "prior", description="before enough decisions are known: prior, or review everything"
    )
    assistant_turns: int = Field(
        6, ge=1, description="answers in a row without progress before a person is called"
    )
    learn_from_edits: Literal["supervisor", "auto"] = Field(
        "supervisor", description="edited answers become knowledge by a supervisor, or auto"
    )
    auto_send_promotion: Literal["supervisor", "auto"] = Field(
        "supervisor", description="who lets a topic send more alone: supervisor, or auto"
    )
    audit_share: float = Field(
        0.05, ge=0, le=1, description="share of answers sent alone that get a second look later"
    )
    desk_hours: str = Field(
        "", description="when people answer: mon-fri 09:00-18:00; sat 10:00-14:00; unset: always"
    )
    desk_holidays: str = Field("", description="days off: 2026-12-25, 2027-01-01")
    desk_timezone: TimeZone = Field("UTC", description="the zone of these hours: Asia/Seoul")


class TelegramSettings(Section):
    """The Telegram channel."""

    telegram_bot_token: str | None = Field(None, repr=False, description="from @BotFather")
    telegram_api_base_url: ApiUrl | None = Field(None, description="another Bot API server")
    telegram_webhook_secret: str | None = Field(
        None,
        repr=False,
        description="the webhook's secret; without PUBLIC_URL we poll and need none",
    )


class SlackSettings(Section):
    """The Slack channel and the desk in Slack."""

    slack_bot_token: str | None = Field(None, repr=False, description="xoxb-…")
    slack_app_token: str | None = Field(None, repr=False, description="xapp-…, means Socket Mode")
    slack_signing_secret: str | None = Field(None, repr=False, description="for HTTP mode")
    slack_api_base_url: ApiUrl | None = Field(None, description="ends in /api/")
    slack_approvals_channel: str | None = Field(None, description="id of the channel for drafts")
    slack_reports_channel: str | None = Field(None, description="id of the channel for reports")
    slack_on_duty: str | None = Field(
        None, description="user groups or members (S…, U…) called when a draft waits too long"
    )
    slack_supervisors: str | None = Field(
        None, description="user groups or members called when the deadline has passed"
    )
    slack_language: Literal["en", "ko"] = Field("en", description="of the cards: en or ko")


class TwilioSettings(Section):
    """Text messages."""

    twilio_account_sid: str | None = Field(None, description="AC…")
    twilio_auth_token: str | None = Field(
        None, repr=False, description="signs Twilio's webhooks, too"
    )
    twilio_from: str | None = Field(None, description="our number, or a Messaging Service: MG…")
    twilio_api_base_url: ApiUrl | None = Field(None, description="another Twilio API server")


class OidcSettings(Section):
    """Signing in by OpenID Connect; only people who are staff already come in."""

    oidc_issuer: Url | None = Field(
        None, description="the provider: https://slack.com, https://accounts.example.com"
    )
    oidc_client_id: str | None = Field(None, description="what the provider calls us")
    oidc_client_secret: str | None = Field(None, repr=False, description="and what proves it")
    oidc_name: str = Field("OpenID", max_length=40, description="what the button says: Slack")
    oidc_scopes: str = Field("openid email profile", description="what we ask for")


class ReportSettings(Section):
    """The daily report."""

    report_time: str = Field("09:00", pattern=rf"^{_CLOCK}$", description="when it is sent, HH:MM")
    report_timezone: TimeZone = Field("UTC", description="the zone of that time: Asia/Seoul")
    report_language: Literal["en", "ko"] = Field("en", description="of the mail: en or ko")


class MailSettings(Section):
    """How mail is sent."""

    smtp_host: str | None = Field(None, description="mail server; unset: no mail is sent")
    smtp_port: int = Field(587, ge=1, le=65535, description="its port")
    smtp_user: str | None = Field(None, description="its user")
    smtp_password: str | None = Field(None, repr=False, description="that user's password")
    smtp_from: str | None = Field(None, description="the sender: desk@example.com")


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
