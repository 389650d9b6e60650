"""Every setting there is, by the part of the program that needs it; read by `settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from config.formats import (
    ApiUrl,
    CallsByTopic,
    ClockTime,
    DaysByName,
    Domains,
    IssuerUrl,
    ModelName,
    ModelOptions,
    Models,
    MongoUri,
    Networks,
    PublicUrl,
    RedisUrl,
    S3Url,
    Seconds,
    StaffLanguage,
    TimeZone,
    Url,
    Words,
)
from config.languages import DEFAULT, STAFF

_STAFF = " or ".join(STAFF)


class Section(BaseModel):
    """Some settings that one part of the program needs; a field's name in capitals is its name."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class ServerSettings(Section):
    """The web server and the data directory."""

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for every network")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    public_url: PublicUrl | None = Field(
        None,
        description="how customers and providers reach us: https://help.example.com, with a path"
        " if we live below one",
    )
    data_dir: Path = Field(Path("data"), description="where everything is kept")
    secret_key: str | None = Field(
        None,
        repr=False,
        min_length=16,
        description="signs and encrypts; unset: made once in DATA_DIR",
    )
    secret_key_previous: str | None = Field(
        None,
        repr=False,
        min_length=16,
        description="the key before SECRET_KEY was changed, until `bot.py plugins reseal`",
    )
    disclosure: str | None = Field(
        None,
        max_length=200,
        description="words for: an AI assistant writes; unset: ours, in the customer's language",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="text, or json: one object a line"
    )
    trusted_proxies: Networks = Field(
        (), description="addresses or networks whose X-Forwarded-For is believed"
    )
    private_api_addresses: Networks = Field(
        (), description="private addresses or networks that a channel's server may have"
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
    streams_per_address: int = Field(
        500, ge=10, description="visitors' pages that one address may keep open"
    )
    streams_per_conversation: int = Field(
        20, ge=2, description="places in which one conversation may be open"
    )
    conversations_per_address: int = Field(
        300, ge=1, description="conversations that one address may open in ten minutes"
    )
    drafts_per_address: int = Field(
        250, ge=1, description="questions of one address that are answered at a time"
    )
    drafts_at_once: int = Field(
        1000, ge=1, description="questions that are answered at a time, of everybody"
    )
    reads_per_colleague: float = Field(
        100.0, ge=20, description="pages a second of one colleague; dashboards, exports count ten"
    )
    reads_per_address: float = Field(
        500.0, ge=50, description="the same for all colleagues at one address"
    )
    session_idle_seconds: Seconds = Field(
        3600.0, description="a staff session ends after so long without activity"
    )
    session_longest_seconds: Seconds = Field(
        43200.0, description="and after so long whatever is done in it"
    )
    metrics_token: str | None = Field(
        None,
        repr=False,
        description="opens /metrics and the parts of /readyz; unset: this machine only",
    )
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="an own port for both, which asks for nothing"
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
        None,
        repr=False,
        description="for many processes: redis://host, or redis+sentinel://h1:26379,h2:26379/name",
    )


class TelemetrySettings(Section):
    """Traces and numbers for an OpenTelemetry collector."""

    otel_exporter_otlp_endpoint: Url | None = Field(
        None,
        description="a collector's OTLP/HTTP address: http://localhost:4318; unset: none",
    )
    otel_exporter_otlp_headers: str = Field(
        "", repr=False, description="what it asks for: authorization=Bearer abc,x-team=desk"
    )
    otel_service_name: str = Field("contact-center", description="what we are called there")
    otel_metric_export_interval: int = Field(
        60_000, ge=1_000, description="milliseconds between two reports of all numbers"
    )
    otel_traces_sampler_arg: float = Field(
        1.0, ge=0, le=1, description="the share of messages that is traced"
    )
    otel_texts: Literal["off", "on"] = Field(
        "off", description="on sends what customers and we write there, too; else none of it"
    )


class BackupSettings(Section):
    """Backups."""

    backup_dir: Path | None = Field(
        None, description="where a backup is put each night, on another disk; unset: none is made"
    )
    backup_hour: int = Field(2, ge=0, le=23, description="when, in REPORT_TIMEZONE")
    backup_keep: int = Field(7, ge=1, description="how many of them are kept")
    backup_key: str | None = Field(
        None,
        repr=False,
        min_length=16,
        description="encrypts every backup, and opens it; keep it elsewhere; unset: not encrypted",
    )


class AttachmentSettings(Section):
    """Files of customers and agents."""

    attachment_max_mb: int = Field(
        25, ge=1, le=500, description="megabytes of one file that is taken in or sent"
    )
    attachment_link_days: int = Field(
        7, ge=1, le=365, description="how long a link opens by which a customer gets a file"
    )
    attachment_store: S3Url | None = Field(
        None, description="s3://bucket/folder for their contents; unset: files below DATA_DIR"
    )
    attachment_store_endpoint: Url | None = Field(
        None, description="another S3-compatible server: https://minio.example.com"
    )
    attachment_store_region: str = Field("us-east-1", description="its region")
    attachment_store_key_id: str | None = Field(None, repr=False, description="its access key")
    attachment_store_secret: str | None = Field(None, repr=False, description="and its secret")
    transcription_model: str = Field(
        "small", description="faster-whisper's model for voice, where that is installed"
    )


class VectorSettings(Section):
    """The vector index."""

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
        None, description="provider:model, as openai:gpt-6-luna; unset: quoted answers"
    )
    llm_fallback_models: Models = Field(
        (), description="provider:model names asked in turn when the first fails"
    )
    llm_timeout_seconds: Seconds = Field(
        20.0, description="how long a whole answer may take before a quoted one goes instead"
    )
    llm_options: ModelOptions = Field(
        {},
        repr=False,
        description='JSON for the model: {"max_tokens": 1000, "reasoning_effort": "low"}',
    )
    llm_tracing: Literal["off", "langsmith"] = Field(
        "off", description="langsmith obeys LANGSMITH_* and LANGCHAIN_*: customers' words go there"
    )
    llm_calls_a_day: int | None = Field(
        None, ge=0, description="calls of models a day, then answers are quoted; unset: any number"
    )
    llm_calls_a_day_hard: int | None = Field(
        None, ge=0, description="calls and quotations instead, then a person looks at the rest"
    )
    llm_calls_by_topic: CallsByTopic = Field(
        (), description="the same for single topics: orders:200, *:500 for each of the others"
    )
    llm_calls_by_topic_hard: CallsByTopic = Field((), description="and from when a person looks")
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
        0.0,
        ge=0,
        le=60,
        description="a decision can be taken back for so long; 0: never; unset: 8 s on the console",
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
    slack_language: StaffLanguage = Field(DEFAULT, description=f"of the cards: {_STAFF}")


class TwilioSettings(Section):
    """Text messages."""

    twilio_account_sid: str | None = Field(None, description="AC…")
    twilio_auth_token: str | None = Field(
        None, repr=False, description="signs Twilio's webhooks, too"
    )
    twilio_from: str | None = Field(None, description="our number, or a Messaging Service: MG…")
    twilio_api_base_url: ApiUrl | None = Field(None, description="another Twilio API server")
    twilio_webhook_hosts: str | None = Field(
        None, description="other host names at which Twilio calls us: a list with commas"
    )


class OidcSettings(Section):
    """Signing in by OpenID Connect; only people who are staff already come in."""

    oidc_issuer: IssuerUrl | None = Field(
        None, description="the provider: https://slack.com, https://accounts.example.com"
    )
    oidc_client_id: str | None = Field(None, description="what the provider calls us")
    oidc_client_secret: str | None = Field(None, repr=False, description="and what proves it")
    oidc_name: str = Field("OpenID", max_length=40, description="what the button says: Slack")
    oidc_scopes: str = Field("openid email profile", description="what we ask for")
    oidc_email_claim: str = Field(
        "email",
        pattern=r"^[A-Za-z_][A-Za-z0-9_:./-]{0,99}$",
        description="where the address stands: email, or preferred_username, upn",
    )
    oidc_trusted_domains: Domains = Field(
        (), description="domains whose addresses count although nobody calls them verified"
    )


class ReportSettings(Section):
    """The daily report."""

    report_time: ClockTime = Field("09:00", description="when it is sent, HH:MM")
    report_timezone: TimeZone = Field("UTC", description="the zone of that time: Asia/Seoul")
    report_language: StaffLanguage = Field(DEFAULT, description=f"of the mail: {_STAFF}")


class MailSettings(Section):
    """How mail is sent."""

    smtp_host: str | None = Field(None, description="mail server; unset: no mail is sent")
    smtp_port: int = Field(587, ge=1, le=65535, description="its port")
    smtp_user: str | None = Field(None, description="its user")
    smtp_password: str | None = Field(None, repr=False, description="that user's password")
    smtp_from: str | None = Field(None, description="the sender: desk@example.com")
