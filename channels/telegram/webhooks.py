"""Verifies and parses Telegram's webhooks: first the secret, then the body."""

from __future__ import annotations

import hmac
import json
from typing import Any

from core.errors import BadInput, WebhookRefused
from core.sdk.channel import HttpRequest

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105


def open_update(request: HttpRequest, *, secret: str) -> dict[str, Any]:
    """The update in a request of Telegram's.

    Raises WebhookRefused without the right secret, and always when none is configured;
    BadInput for a body that is no update.
    """
    given = request.headers.get(SECRET_HEADER, "")
    if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
        raise WebhookRefused("This request does not carry the webhook's secret.")
    try:
        update = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise BadInput("This is not JSON.") from error
    if not isinstance(update, dict):
        raise BadInput("This is not an update.")
    return update
