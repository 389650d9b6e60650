"""Roles, and the one table that says which role may do which action."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import Forbidden


class Role(enum.StrEnum):
    """What a member of staff is; each role may do all that the roles before it may."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Action(enum.StrEnum):
    """Everything that needs a right; checked in services, so every face obeys alike."""

    ACCOUNT_OWN = "account.own"  #: one's own password, tokens, sessions; the console's frame
    QUEUE_READ = "queue.read"
    CONVERSATION_READ = "conversation.read"
    DRAFT_CLAIM = "draft.claim"
    DRAFT_DECIDE = "draft.decide"
    CONVERSATION_REPLY = "conversation.reply"
    CONVERSATION_TRANSFER = "conversation.transfer"
    DELIVERY_RETRY = "delivery.retry"
    DASHBOARD_READ = "dashboard.read"
    REPORT_READ = "report.read"
    AUTONOMY_CHANGE = "autonomy.change"
    LEARNING_CONFIRM = "learning.confirm"
    USERS_READ = "users.read"
    USERS_CHANGE = "users.change"
    KNOWLEDGE_READ = "knowledge.read"
    KNOWLEDGE_CHANGE = "knowledge.change"
    PLUGINS_READ = "plugins.read"
    PLUGINS_CHANGE = "plugins.change"
    AUDIT_READ = "audit.read"
    PERSON_EXPORT = "person.export"
    PERSON_ERASE = "person.erase"
    ANALYTICS_REBUILD = "analytics.rebuild"
    SYSTEM_CHECK = "system.check"


RIGHTS: Mapping[Action, Role] = {
    Action.ACCOUNT_OWN: Role.AGENT,
    Action.QUEUE_READ: Role.AGENT,
    Action.CONVERSATION_READ: Role.AGENT,
    Action.DRAFT_CLAIM: Role.AGENT,
    Action.DRAFT_DECIDE: Role.AGENT,
    Action.CONVERSATION_REPLY: Role.AGENT,
    Action.CONVERSATION_TRANSFER: Role.AGENT,
    Action.DELIVERY_RETRY: Role.AGENT,
    Action.DASHBOARD_READ: Role.SUPERVISOR,
    Action.REPORT_READ: Role.SUPERVISOR,
    Action.AUTONOMY_CHANGE: Role.SUPERVISOR,
    Action.LEARNING_CONFIRM: Role.SUPERVISOR,
    Action.USERS_READ: Role.SUPERVISOR,
    Action.USERS_CHANGE: Role.SUPERVISOR,
    Action.KNOWLEDGE_READ: Role.ADMIN,
    Action.KNOWLEDGE_CHANGE: Role.ADMIN,
    Action.PLUGINS_READ: Role.ADMIN,
    Action.PLUGINS_CHANGE: Role.ADMIN,
    Action.AUDIT_READ: Role.ADMIN,
    Action.PERSON_EXPORT: Role.ADMIN,
    Action.PERSON_ERASE: Role.ADMIN,
    Action.ANALYTICS_REBUILD: Role.ADMIN,
    Action.SYSTEM_CHECK: Role.ADMIN,
}
"""The least role for each action."""

COMMANDS: Mapping[str, Action] = {
    "analytics.rebuild": Action.ANALYTICS_REBUILD,
    "audit.verify": Action.AUDIT_READ,
    "deliveries.list": Action.CONVERSATION_READ,
    "deliveries.retry": Action.DELIVERY_RETRY,
    "doctor": Action.SYSTEM_CHECK,
    "erase": Action.PERSON_ERASE,
    "export": Action.PERSON_EXPORT,
    "kb.add": Action.KNOWLEDGE_CHANGE,
    "kb.list": Action.KNOWLEDGE_READ,
    "kb.rebuild": Action.KNOWLEDGE_CHANGE,
    "kb.remove": Action.KNOWLEDGE_CHANGE,
    "kb.search": Action.KNOWLEDGE_READ,
    "plugins.check": Action.PLUGINS_CHANGE,
    "plugins.disable": Action.PLUGINS_CHANGE,
    "plugins.enable": Action.PLUGINS_CHANGE,
    "plugins.list": Action.PLUGINS_READ,
    "plugins.test": Action.PLUGINS_CHANGE,
    "replay": Action.REPORT_READ,
    "report": Action.REPORT_READ,
    "users.add": Action.USERS_CHANGE,
    "users.list": Action.USERS_READ,
    "users.remove": Action.USERS_CHANGE,
    "users.role": Action.USERS_CHANGE,
}
"""What each command of the command line does; the operator at the machine is an admin."""

SLACK: Mapping[str, Action] = {
    "approve": Action.DRAFT_DECIDE,
    "edit": Action.DRAFT_DECIDE,
    "reject": Action.DRAFT_DECIDE,
    "retry": Action.DRAFT_DECIDE,
    "undo": Action.DRAFT_DECIDE,
    "preview": Action.QUEUE_READ,
    "claim": Action.DRAFT_CLAIM,
    "next": Action.DRAFT_CLAIM,
    "release": Action.DRAFT_CLAIM,
    "take_over": Action.CONVERSATION_REPLY,
    "reply": Action.CONVERSATION_REPLY,
    "hand_back": Action.CONVERSATION_REPLY,
    "resolve": Action.CONVERSATION_REPLY,
    "transfer": Action.CONVERSATION_TRANSFER,
    "": Action.QUEUE_READ,
    "queue": Action.QUEUE_READ,
    "status": Action.QUEUE_READ,
    "show": Action.CONVERSATION_READ,
    "search": Action.CONVERSATION_READ,
    "login": Action.ACCOUNT_OWN,
}
"""What each button, form and /desk word in Slack does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A member of staff."""

    id: str
    email: str
    role: Role
    name: str = ""
    slack_id: str = ""

    def may(self, action: Action) -> bool:
        """Whether this user's role allows the action."""
        return self.role.includes(RIGHTS[action])

    def require(self, action: Action) -> None:
        """Raises Forbidden unless the role allows the action."""
        if not self.may(action):
            raise Forbidden(f"This needs the role {RIGHTS[action]}; yours is {self.role}.")
