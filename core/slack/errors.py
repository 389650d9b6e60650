"""The errors of Slack's Web API, classified by what is to be done: later, never, unknown outcome.

Needs no SDK, so that whoever catches these errors need not wait for its import.
"""

from __future__ import annotations

import http
from collections.abc import Mapping

from core.errors import ContactCenterError


class SlackError(ContactCenterError):
    """Slack did not do what it was asked."""

    def __init__(self, code: str = "", *, after: float | None = None) -> None:
        """`after` is for how many seconds Slack wants to be left alone; None: it did not say."""
        self.code = code
        self.after = after
        super().__init__(code)


class SlackLater(SlackError):
    """Slack has certainly not done it now, and may do it later: ask again."""


class SlackRateLimited(SlackLater):
    """We ask too much of Slack."""


class SlackUnknown(SlackError):
    """No answer came, or a broken one: Slack may have done it. Look before asking again."""


class SlackRefused(SlackError):
    """Slack will not do this, however often it is asked."""


class SlackUnauthorized(SlackRefused):
    """Slack does not take our token; an admin has to change it."""


class SlackNotPermitted(SlackRefused):
    """The app may not call this method in this workspace."""


class SlackGone(SlackRefused):
    """The message is not there any more."""


class SlackNoChannel(SlackRefused):
    """There is no such channel for us, or nothing can be changed in it any more."""


class SlackUnshowable(SlackRefused):
    """Slack cannot show this message; a smaller one it may."""


class SlackNoMember(SlackRefused):
    """There is no such member, or none we may see."""


#: Slack's codes by what is to be done; every other code is a refusal.
_CODES: Mapping[type[SlackError], frozenset[str]] = {
    SlackRateLimited: frozenset({"ratelimited", "rate_limited"}),
    SlackLater: frozenset({"service_unavailable", "team_added_to_org"}),
    SlackUnknown: frozenset({"fatal_error", "internal_error", "request_timeout"}),
    SlackUnauthorized: frozenset(
        {
            "account_inactive", "app_uninstalled", "invalid_auth", "no_permission", "not_authed",
            "not_allowed_token_type", "token_expired", "token_revoked",
        }
    ),
    SlackNotPermitted: frozenset({"access_denied", "missing_scope", "unknown_method"}),
    SlackGone: frozenset({"cant_update_message", "message_not_found", "thread_not_found"}),
    SlackNoChannel: frozenset({"channel_not_found", "is_archived"}),
    SlackUnshowable: frozenset(
        {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"}
    ),
    SlackNoMember: frozenset({"user_not_found", "user_not_visible", "users_not_found"}),
}  # fmt: skip
_BY_CODE = {code: kind for kind, codes in _CODES.items() for code in codes}


def error_of(code: str, *, status: int, after: float | None = None) -> SlackError:
    """What an answer of Slack's with this code ("" for none) and this HTTP status means."""
    if status == http.HTTPStatus.TOO_MANY_REQUESTS:
        return SlackRateLimited(code or "ratelimited", after=after)
    if code in _BY_CODE:
        return _BY_CODE[code](code, after=after)
    broken = status >= http.HTTPStatus.INTERNAL_SERVER_ERROR
    if broken or status == http.HTTPStatus.REQUEST_TIMEOUT:
        return SlackUnknown(code or str(status))
    if code or status >= http.HTTPStatus.BAD_REQUEST:
        return SlackRefused(code or str(status))
    return SlackUnknown(str(status))
