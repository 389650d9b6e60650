"""Every setting there is, by the part of the program that needs it; read by `settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from config.formats import (
    ApiUrl,
    ClockTime,
    DaysByName,
    ModelName,
    Models,
    MongoUri,
    Networks,
    RedisUrl,
    Seconds,
    TimeZone,
    Url,
    Words,
)


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
    trusted_proxies: Networks = Field(
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

    mongodb_uri: MongoUri | None = Field(
        None,
        repr=False,
        description="mongodb://user:password@host/database; unset: the embedded database",
    )
    redis_url: RedisUrl | None = Field(
        None, repr=False, description="for many processes; not supported yet, so leave it unset"
    )


class VectorSettings(Section):
    """Where meaning is searched."""

    qdrant_url: Url | None = Field(
        None, description="https://qdrant.example.com:6333; unset: the embedded index"
    )
    qdrant_api_key: str | None = Field(
        None, repr=False, description="the key of that Qdrant server"
    )
    embedding_model: ModelName | None = Field(
        None, description="provider:model of LangChain embeddings; unset: the bundled model"
    )


class LlmSettings(Section):
    """The language model, if any."""

    llm_model: ModelName | None = Field(
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

    report_time: ClockTime = Field("09:00", description="when it is sent, HH:MM")
    report_timezone: TimeZone = Field("UTC", description="the zone of that time: Asia/Seoul")
    report_language: Literal["en", "ko"] = Field("en", description="of the mail: en or ko")


class MailSettings(Section):
    """How mail is sent."""

    smtp_host: str | None = Field(None, description="mail server; unset: no mail is sent")
    smtp_port: int = Field(587, ge=1, le=65535, description="its port")
    smtp_user: str | None = Field(None, description="its user")
    smtp_password: str | None = Field(None, repr=False, description="that user's password")
    smtp_from: str | None = Field(None, description="the sender: desk@example.com")
