"""Rules for assignment: who gets a waiting draft; set by an admin, off until then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from approvals.inbox.presence import GONE, Presence
from approvals.inbox.rows import Row
from core.accounts.audit.log import Audit
from core.accounts.emails import clean_email
from core.accounts.roles import Action, Role, User
from core.clock import Clock
from core.errors import BadInput, StaleConversation
from core.storage.client import MongoCollection
from core.storage.errors import KeyTaken, store_errors
from core.text.sanitize import sanitize

MOST_RULES = 50
MOST_PEOPLE = 100  #: of one rule
MOST_OPEN = 200
_ID = "rules"


class SettingsChanged(StaleConversation):
    """Somebody else has changed these rules meanwhile; look at them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Drafts of this topic and language go to these people; an empty field is any."""

    topic: str = ""
    locale: str = ""
    to: tuple[str, ...] = ()  #: e-mails

    def fits(self, row: Row) -> bool:
        """Whether the conversation is one of its kind."""
        return self.topic in ("", row.topic) and self.locale in ("", row.locale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All rules; the first one that fits and has somebody free gives the draft to them."""

    on: bool = False
    capacity: int = 5  #: open conversations of one person, beyond which they get no more
    rules: tuple[Rule, ...] = ()
    rest: bool = True  #: what fits no rule, or finds nobody there, goes to every agent
    revision: int = 0

    def chosen(
        self,
        row: Row,
        *,
        staff: Mapping[str, User],
        presence: Mapping[str, Presence],
        load: Mapping[str, int],
        now: datetime,
    ) -> User | None:
        """Who gets it: of those who are there and have room, whoever was given none for longest."""
        groups = [rule.to for rule in self.rules if rule.fits(row)]
        if self.rest:
            groups.append(tuple(e for e, user in staff.items() if user.role is Role.AGENT))
        for group in groups:
            free = [
                known
                for email in group
                if email in staff
                and (known := presence.get(email)) is not None
                and known.is_here(now)
                and load.get(email, 0) < self.capacity
            ]
            if free:
                return staff[min(free, key=_turn).email]
        return None


def _turn(known: Presence) -> tuple[float, str]:
    return (known.assigned_at.timestamp() if known.assigned_at else 0.0, known.email)


def has_gone(known: Presence | None, now: datetime) -> bool:
    """Whether what waits for this person had better go to somebody else."""
    return known is None or not known.is_here(now, GONE)


class AssignmentRules:
    """Keeps the rules; each change is audited."""

    def __init__(self, collection: MongoCollection, *, audit: Audit, clock: Clock) -> None:
        self._collection = collection
        self._audit = audit
        self._clock = clock

    async def load(self) -> Rules:
        """What is set."""
        with store_errors():
            document = await self._collection.find_one({"_id": _ID})
        return _rules(document) if document else Rules()

    async def save(self, user: User, rules: Rules, *, address: str = "") -> Rules:
        """Set this in place of the revision that it was made from.

        Raises BadInput, Forbidden, SettingsChanged.
        """
        user.require(Action.SETTINGS_CHANGE)
        checked = replace(_checked(rules), revision=rules.revision + 1)
        before = await self.load()
        if before.revision != rules.revision:
            raise SettingsChanged
        document = {
            "_id": _ID,
            **_plain(checked),
            "changed_by": user.email,
            "changed_at": self._clock.now(),
        }
        query = {"_id": _ID, "revision": rules.revision}
        try:
            with store_errors():
                done = await self._collection.replace_one(
                    query, document, upsert=rules.revision == 0
                )
        except KeyTaken:
            raise SettingsChanged from None
        if not (done.matched_count or done.upserted_id is not None):
            raise SettingsChanged
        await self._audit.record(
            "assignment.change",
            who=user.email,
            address=address,
            before=_audited(before),
            after=_audited(checked),
        )
        return checked


def _checked(rules: Rules) -> Rules:
    if not 1 <= rules.capacity <= MOST_OPEN:
        raise BadInput(f"A person has room for 1 to {MOST_OPEN} conversations.")
    if len(rules.rules) > MOST_RULES:
        raise BadInput(f"There can be {MOST_RULES} rules.")
    checked = []
    for n, rule in enumerate(rules.rules, start=1):
        to = tuple(dict.fromkeys(clean_email(email) for email in rule.to))
        if not to:
            raise BadInput(f"Rule {n} names nobody.")
        if len(to) > MOST_PEOPLE:
            raise BadInput(f"Rule {n} names more than {MOST_PEOPLE} people.")
        topic = " ".join(sanitize(rule.topic).split())
        checked.append(Rule(topic=topic, locale=rule.locale.strip(), to=to))
    return replace(rules, rules=tuple(checked))


def _plain(rules: Rules) -> dict[str, Any]:
    plain = asdict(rules)
    plain["rules"] = [{**asdict(rule), "to": list(rule.to)} for rule in rules.rules]
    return plain


def _audited(rules: Rules) -> dict[str, Any]:
    """In values that the audit's chain can hold: one line a rule."""
    lines = [f"{r.topic or '*'} / {r.locale or '*'}: {', '.join(r.to)}" for r in rules.rules]
    return {"on": rules.on, "capacity": rules.capacity, "rest": rules.rest, "rules": lines}


def _rules(document: Mapping[str, Any]) -> Rules:
    rules: Sequence[Mapping[str, Any]] = document["rules"]
    return Rules(
        on=document["on"],
        capacity=document["capacity"],
        rules=tuple(Rule(topic=r["topic"], locale=r["locale"], to=tuple(r["to"])) for r in rules),
        rest=document["rest"],
        revision=document["revision"],
    )
