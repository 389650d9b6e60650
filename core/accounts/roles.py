"""Roles and actions, and the one table that says which role may do which action."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.errors import Forbidden


class Role(enum.StrEnum):
    """A role of staff; each may do all that the roles before it may."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Action(enum.StrEnum):
    """An action that needs a right; checked in services, so every face obeys alike."""

    ACCOUNT_OWN = "account.own"  #: one's own password, tokens, sessions; the console's frame
    QUEUE_READ = "queue.read"
    CONVERSATION_READ = "conversation.read"
    DRAFT_CLAIM = "draft.claim"
    DRAFT_DECIDE = "draft.decide"
    CONVERSATION_REPLY = "conversation.reply"
    CONSENT_CHANGE = "consent.change"
    CONVERSATION_TRANSFER = "conversation.transfer"
    DELIVERY_RETRY = "delivery.retry"
    DASHBOARD_READ = "dashboard.read"
    REPORT_READ = "report.read"
    ALERTS_CHANGE = "alerts.change"
    QUALITY_REVIEW = "quality.review"
    AUTONOMY_CHANGE = "autonomy.change"
    LEARNING_CONFIRM = "learning.confirm"
    USERS_READ = "users.read"
    USERS_CHANGE = "users.change"
    TOKENS_READ = "tokens.read"
    TOKENS_CHANGE = "tokens.change"
    KNOWLEDGE_READ = "knowledge.read"
    KNOWLEDGE_CHANGE = "knowledge.change"
    PLUGINS_READ = "plugins.read"
    PLUGINS_CHANGE = "plugins.change"
    AUDIT_READ = "audit.read"
    PERSON_EXPORT = "person.export"
    PERSON_ERASE = "person.erase"
    ANALYTICS_REBUILD = "analytics.rebuild"
    SYSTEM_CHECK = "system.check"
    SETTINGS_CHANGE = "settings.change"


RIGHTS: Mapping[Action, Role] = {
    Action.ACCOUNT_OWN: Role.AGENT,
    Action.QUEUE_READ: Role.AGENT,
    Action.CONVERSATION_READ: Role.AGENT,
    Action.DRAFT_CLAIM: Role.AGENT,
    Action.DRAFT_DECIDE: Role.AGENT,
    Action.CONVERSATION_REPLY: Role.AGENT,
    Action.CONSENT_CHANGE: Role.AGENT,
    Action.CONVERSATION_TRANSFER: Role.AGENT,
    Action.DELIVERY_RETRY: Role.AGENT,
    Action.DASHBOARD_READ: Role.SUPERVISOR,
    Action.REPORT_READ: Role.SUPERVISOR,
    Action.ALERTS_CHANGE: Role.SUPERVISOR,
    Action.QUALITY_REVIEW: Role.SUPERVISOR,
    Action.AUTONOMY_CHANGE: Role.SUPERVISOR,
    Action.LEARNING_CONFIRM: Role.SUPERVISOR,
    Action.USERS_READ: Role.SUPERVISOR,
    Action.USERS_CHANGE: Role.SUPERVISOR,
    Action.TOKENS_READ: Role.ADMIN,
    Action.TOKENS_CHANGE: Role.ADMIN,
    Action.KNOWLEDGE_READ: Role.ADMIN,
    Action.KNOWLEDGE_CHANGE: Role.ADMIN,
    Action.PLUGINS_READ: Role.ADMIN,
    Action.PLUGINS_CHANGE: Role.ADMIN,
    Action.AUDIT_READ: Role.ADMIN,
    Action.PERSON_EXPORT: Role.ADMIN,
    Action.PERSON_ERASE: Role.ADMIN,
    Action.ANALYTICS_REBUILD: Role.ADMIN,
    Action.SYSTEM_CHECK: Role.ADMIN,
    Action.SETTINGS_CHANGE: Role.ADMIN,
}
"""The least role for each action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The givers of a way in: it holds while each of them could still give it.

    A link that a colleague has asked for leads through nobody's.
    """

    users: tuple[str, ...] = ()  #: ids of others who made the link, or bound the Slack identity
    tokens: tuple[str, ...] = ()  #: ids of API tokens that asked for it

    def through(self, *, users: Iterable[str] = (), tokens: Iterable[str] = ()) -> Origin:
        """The same, and these hands too."""
        return Origin(
            users=tuple(dict.fromkeys((*self.users, *users))),
            tokens=tuple(dict.fromkeys((*self.tokens, *tokens))),
        )


OWN = Origin()


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A member of staff."""

    id: str
    email: str
    role: Role
    name: str = ""
    slack_id: str = ""
    origin: Origin = field(default=OWN, compare=False)  #: of the way by which they came in
    stamp: int | None = field(default=None, compare=False)  #: of their session, if it is one

    def may(self, action: Action) -> bool:
        """Whether this user's role allows the action."""
        return self.role.includes(RIGHTS[action])

    def require(self, action: Action) -> None:
        """Raises Forbidden unless the role allows the action."""
        if not self.may(action):
            raise Forbidden(f"This needs the role {RIGHTS[action]}; yours is {self.role}.")
