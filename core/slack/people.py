"""Maps Slack members to staff; guests, bots and strangers are nobody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from config.languages import DEFAULT, STAFF
from core.accounts.emails import clean_email
from core.accounts.roles import User
from core.clock import Clock
from core.errors import BadInput, ContactCenterError
from core.runtime.lru import LruDict
from core.slack.app import SlackApp
from core.slack.errors import SlackError, SlackNoMember

log = logging.getLogger(__name__)

KNOWN_SECONDS = 300.0  #: how long what Slack says of a member is believed
CALL_SECONDS = 5.0
REMEMBERED = 5_000

OUTSIDE = (
    "deleted", "is_bot", "is_workflow_bot", "is_connector_bot", "is_restricted",
    "is_ultra_restricted", "is_stranger",
)  # fmt: skip

FindUser = Callable[[str], Awaitable[User | None]]
"""A member of staff by e-mail address, or by Slack id."""


class SlackSilent(ContactCenterError):
    """Slack did not say who this is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A Slack member, as Slack describes them."""

    email: str = ""
    locale: str = "en"
    outsider: bool = False  #: a guest, a bot, a deactivated member, somebody else's member


class People:
    """Finds staff; what Slack says is remembered for minutes, the role never."""

    def __init__(
        self, shared: SlackApp, *, by_email: FindUser, by_slack_id: FindUser, clock: Clock
    ) -> None:
        self._shared = shared
        self._by_email = by_email
        self._by_slack_id = by_slack_id
        self._clock = clock
        self._known: LruDict[str, tuple[Member, float]] = LruDict(REMEMBERED)

    async def find(self, slack_id: str) -> tuple[User | None, str]:
        """The member of staff, None for an outsider, and their language. Raises SlackSilent."""
        if not slack_id:
            return None, self._shared.staff.language
        chosen = await self._by_slack_id(slack_id)
        try:
            member = await self._member(slack_id)
        except SlackSilent:
            if chosen is None:
                raise
            # An admin has said who this is; Slack need not say it again.
            return chosen, self._shared.staff.language
        if member.outsider:
            return None, member.locale
        if chosen is not None:
            return chosen, member.locale
        user = await self._by_email(member.email) if member.email else None
        return user, member.locale

    async def member_of(self, email: str) -> str:
        """Slack's id of a member of staff; "" where nobody can be found or Slack is silent."""
        user = await self._by_email(email)
        if user is None:
            return ""
        if user.slack_id:
            return user.slack_id
        for slack_id, (member, _) in self._known.items():
            if member.email == email and not member.outsider:
                return slack_id
        try:
            async with asyncio.timeout(CALL_SECONDS):
                found = await self._shared.client.member_by_email(email)
        except (SlackError, TimeoutError) as error:
            log.info("Slack does not say who %s is: %s", email, error)
            return ""
        return str(found.get("id") or "")

    async def _member(self, slack_id: str) -> Member:
        known = self._known.get(slack_id)
        if known is not None and self._clock.monotonic() - known[1] < KNOWN_SECONDS:
            return known[0]
        try:
            async with asyncio.timeout(CALL_SECONDS):
                found = await self._shared.client.member(slack_id)
        except SlackNoMember:
            return Member(outsider=True)
        except (SlackError, TimeoutError) as error:
            # It (a revoked token, a missing scope) says nothing about the member.
            raise SlackSilent from error
        member = read_member(found, team=self._shared.team_id)
        self._known[slack_id] = (member, self._clock.monotonic())
        return member


def read_member(user: Mapping[str, Any], *, team: str) -> Member:
    """What Slack's `user` object says, as far as it matters here; pure."""
    profile = user.get("profile")
    given = str((profile if isinstance(profile, Mapping) else {}).get("email") or "")
    try:
        email = clean_email(given)
    except BadInput:
        email = ""
    outsider = any(user.get(name) for name in OUTSIDE)
    if user.get("is_email_confirmed") is False:
        email = ""  # they typed it, and nothing has shown yet that it is theirs
    theirs = str(user.get("team_id") or "")
    enterprise = user.get("enterprise_user")
    teams = enterprise.get("teams") if isinstance(enterprise, Mapping) else None
    if theirs and team and theirs != team and team not in (teams or ()):
        outsider = True
    language = str(user.get("locale") or DEFAULT).partition("-")[0].lower()
    return Member(
        email=email,
        locale=language if language in STAFF else DEFAULT,
        outsider=outsider,
    )
