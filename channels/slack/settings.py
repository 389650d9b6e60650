"""The Slack channel's settings; their Korean labels are in the manifest."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from config.languages import DEFAULT, STAFF


class SlackSettings(BaseModel):
    """The Slack channel's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bot_token: SecretStr = Field(title="Bot token", description="xoxb-…", min_length=1)
    app_token: SecretStr = Field(
        default=SecretStr(""),
        title="App token",
        description="xapp-…, for Socket Mode; without it Slack calls /webhooks/slack/events.",
    )
    signing_secret: SecretStr = Field(
        default=SecretStr(""), title="Signing secret", description="Needed where Slack calls us."
    )
    api_base_url: str = Field(
        default="https://slack.com/api/",
        title="Address of the Web API",
        pattern=r"^https?://\S+/$",
    )
    approvals_channel: str = Field(
        default="", title="Agents' desk", description="A channel's id; no customer is served there."
    )
    reports_channel: str = Field(
        default="", title="Reports", description="A channel's id; no customer is served there."
    )
    on_duty: str = Field(
        default="",
        title="On duty",
        description="User groups or members (S…, U…) mentioned when a draft waits too long.",
    )
    supervisors: str = Field(
        default="",
        title="Supervisors",
        description="User groups or members mentioned when the deadline has passed.",
    )
    language: str = Field(
        default=DEFAULT,
        title="Language of the cards",
        description=f"{' or '.join(STAFF)}.",
        pattern=f"^({'|'.join(STAFF)})$",
    )
    customers: bool = Field(
        default=True,
        title="Serve customers",
        description="Off: the app carries the agents' desk only.",
    )
