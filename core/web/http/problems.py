"""Errors as problem+json (RFC 9457), mapped from exceptions in one place."""

from __future__ import annotations

import http
import logging
import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from core import errors
from core.accounts.service import EmailTaken, LastAdmin
from core.accounts.sign_in import SignInRefused, TooManyAttempts
from core.web.http.responses import dumps

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
FULL_SECONDS = 5.0  #: until somebody who was refused for want of room should come again


class Problem(Exception):
    """An answer that is an error, with what the caller needs to do better."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def document(self) -> dict[str, Any]:
        """The members of RFC 9457, and ours beside them."""
        return {
            "type": "about:blank",
            "title": title_of(self.status),
            "status": self.status,
            "detail": self.detail or title_of(self.status),
            **self.extra,
        }

    def response(self) -> web.Response:
        """The problem as an HTTP answer."""
        return web.Response(
            status=self.status,
            body=dumps(self.document()),
            headers=self.headers,
            content_type=MEDIA_TYPE,
        )


class TooMuch(Problem):
    """A limit is reached; `wait` seconds until another try is worth it.

    `limit` ("messages", "streams", …) and `scope` ("conversation", "address", "everybody") tell a
    page in which words to say it.
    """

    def __init__(
        self, detail: str, *, limit: str, scope: str, wait: float, status: int = 429
    ) -> None:
        self.limit = limit
        self.scope = scope
        seconds = max(1, math.ceil(wait))
        super().__init__(
            status,
            f"{detail}; try again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
            extra={"limit": limit, "scope": scope},
        )


class BodyTooSlow(TimeoutError):
    """The body of a request comes too slowly; raised where it is read."""


def title_of(status: int) -> str:
    """The status in words."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def from_validation(error: ValidationError) -> Problem:
    """A 422 that names every field and what is wrong with it, without repeating the input."""
    faults = [
        {"field": ".".join(str(part) for part in fault["loc"]), "detail": _sentence(fault)}
        for fault in error.errors(include_url=False, include_context=False)
    ][:20]
    first = faults[0]
    where = f"{first['field']}: " if first["field"] else ""
    return Problem(422, where + first["detail"], extra={"errors": faults})


def _sentence(fault: ErrorDetails) -> str:
    if fault["type"] != "string_pattern_mismatch":
        return fault["msg"].removeprefix("Value error, ")  # a validator's own sentence
    # The pattern is for programs, in the OpenAPI document; a person wants to hear what is wrong.
    text = str(fault["input"])
    if not text.strip():
        return "There is nothing to read in it."
    if any(unicodedata.category(char) == "Cc" for char in text):
        return "It contains control characters, which are not taken here."
    return "It does not have the form that is asked for here."


def from_exception(error: Exception) -> Problem:
    """The problem an exception stands for; what nobody foresaw is logged and says nothing."""
    match error:
        case Problem():
            return error
        case errors.AlreadyDecided():
            extra = {"decided_by": error.decided_by, "decision": error.decision}
            return Problem(409, error.detail, extra=extra)
        case errors.NotYours():
            return Problem(409, error.detail, extra={"held_by": error.held_by})
        case errors.StaleConversation():
            return Problem(409, error.detail)
        case EmailTaken() | LastAdmin():
            return Problem(409, error.detail)
        case TooManyAttempts():
            wait = str(max(1, round(error.retry_after)))
            return Problem(429, error.detail, headers={"Retry-After": wait})
        case SignInRefused():
            return Problem(401, error.detail)
        case errors.NotFound():
            return Problem(404, error.detail)
        case errors.Forbidden() | errors.WebhookRefused():
            return Problem(403, error.detail)
        case errors.BadInput():
            return Problem(422, error.detail)
        case errors.DiskFull():
            return TooMuch(
                "Nothing can be stored at the moment",
                limit="full",
                scope="everybody",
                wait=FULL_SECONDS,
                status=503,
            )
        case errors.StoreUnavailable() | errors.ChannelNotReady():
            return Problem(503, error.detail, headers={"Retry-After": "2"})
        case BodyTooSlow():
            return Problem(408, "The body of the request came too slowly.")
        case web.RequestPayloadError():
            return Problem(400, "The body did not arrive as its headers say.")
        case ValidationError():
            return from_validation(error)
        case web.HTTPException():
            return _from_http(error)
        case _:
            log.error("an error nobody foresaw", exc_info=error)
            return Problem(500, "Something went wrong here; it has been recorded.")


def _from_http(error: web.HTTPException) -> Problem:
    kept = {n: v for n, v in error.headers.items() if n.lower() in ("allow", "retry-after")}
    details = {
        404: "There is nothing here.",
        405: f"Allowed here: {kept.get('Allow', '')}.",
        413: "The request is too large.",
    }
    return Problem(error.status, details.get(error.status, ""), headers=kept)
