"""Proves that a request comes from Slack, before anything of it is parsed."""

from __future__ import annotations

from slack_sdk.signature import SignatureVerifier

from core.channel import HttpRequest
from core.errors import WebhookRefused


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
    if not SignatureVerifier(signing_secret).is_valid(body, timestamp, signature):
        raise WebhookRefused("This request is not signed by Slack, or is too old.")
    return body
