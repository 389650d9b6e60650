"""The Telegram channel's settings; their Korean labels are in the manifest."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class TelegramSettings(BaseModel):
    """The Telegram channel's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bot_token: SecretStr = Field(title="Bot token", description="As @BotFather gave it.")
    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        title="Webhook secret",
        description="1-256 letters, digits, _ or -. Without it, or without a public address, "
        "the bot asks Telegram for its messages (long polling).",
    )
    api_base_url: str = Field(
        default="https://api.telegram.org",
        title="Address of the Bot API",
        pattern=r"^https?://\S+$",
    )

    @field_validator("webhook_secret")
    @classmethod
    def _as_telegram_takes_it(cls, secret: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret.get_secret_value()):
            raise ValueError("use up to 256 letters, digits, _ or -")
        return secret
