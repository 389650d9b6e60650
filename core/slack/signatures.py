"""Verifies the signature of Slack's requests, before anything of them is parsed.

Without the SDK: what is rightly signed is taken in from the first moment, and importing the SDK
takes seconds.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from core.errors import BadInput, WebhookRefused
from core.sdk.channel import HttpRequest

FRESH_SECONDS = 300.0  #: what was signed earlier, or so much later, may be somebody's recording


def signed_body(request: HttpRequest, *, signing_secret: str) -> str:
    """The body of a request of Slack's.

    Raises WebhookRefused for a wrong or old signature, and always when no secret is configured.
    """
    try:
        body = request.body.decode()
    except UnicodeDecodeError as error:
        raise WebhookRefused("This request is not signed by Slack.") from error
    timestamp = request.headers.get("x-slack-request-timestamp", "")
    signature = request.headers.get("x-slack-signature", "")
    signed = timestamp.isascii() and timestamp.isdecimal() and signature.isascii()
    if not signing_secret or not signed:
        raise WebhookRefused("This request is not signed by Slack.")
    base = f"v0:{timestamp}:{body}".encode()
    right = "v0=" + hmac.new(signing_secret.encode(), base, hashlib.sha256).hexdigest()
    fresh = abs(time.time() - float(timestamp)) <= FRESH_SECONDS
    if not fresh or not hmac.compare_digest(right, signature):
        raise WebhookRefused("This request is not signed by Slack, or is too old.")
    return body


def read_delivery(request: HttpRequest, body: str) -> Mapping[str, Any]:
    """An event, an interaction or a command as an object. Raises BadInput for anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/x-www-form-urlencoded":
            form = {name: values[-1] for name, values in parse_qs(body, max_num_fields=500).items()}
            read = json.loads(form["payload"]) if "payload" in form else form
        else:
            read = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput("This is nothing that Slack sends.") from error
    if not isinstance(read, dict):
        raise BadInput("This is nothing that Slack sends.")
    return read
