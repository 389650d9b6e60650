"""A summary for whoever takes a conversation in hand: from the log, word for word; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from approvals.queue.model import given_to
from core.domain import events as ev
from core.domain.amended import amended
from core.domain.conversation import Conversation
from core.domain.messages import Author

SHOWN = 3  #: open messages, sources and notes, the newest ones
LONGEST = 280  #: characters of each text


@dataclass(slots=True, kw_only=True)
class Summary:
    """The matter since it was opened last."""

    asked: str = ""  #: the customer's first words
    messages: int = 0  #: of the customer
    open: list[str] = field(default_factory=list)  #: what nobody has answered, the last ones
    answers: int = 0  #: of the assistant, approved or alone
    sources: list[str] = field(default_factory=list)  #: titles that its answers rest on
    people: list[str] = field(default_factory=list)  #: colleagues who have written
    notes: list[tuple[str, str]] = field(default_factory=list)  #: by whom, and what; the last ones
    given_by: str = ""  #: the colleague who gave it to who holds it now
    is_new: bool = False  #: who holds it has not written since they do

    @property
    def says_something(self) -> bool:
        """Whether it is worth reading beside the history itself."""
        return self.messages > 1 or self.answers > 0 or bool(self.notes or self.people)


def summary_of(commits: Sequence[ev.Commit], c: Conversation) -> Summary:
    """What has happened since the matter was opened, for a person who comes to it now."""
    later = amended(item for commit in commits for item in commit.numbered())
    found = Summary()
    for commit in commits:
        holder = next((e for e in commit.events if isinstance(e, ev.TakenOver)), None)
        for item in commit.numbered():
            match item.event:
                case ev.Started() | ev.Reopened():
                    found = Summary()
                case ev.Received(silent=False) as e:
                    since = later.get(item.seq)
                    if since is not None and since.deleted_at is not None:
                        continue
                    text = e.text if since is None or since.text is None else since.text
                    found.messages += 1
                    found.asked = found.asked or _cut(text)
                case ev.Sent(author=Author.AI) as e:
                    found.answers += 1
                    _add(found.sources, *(citation.title for citation in e.citations))
                case ev.Sent(author=Author.AGENT) as e:
                    _add(found.people, e.by)
                    found.is_new = found.is_new and e.by != c.assignee
                case ev.TakenOver() as e:
                    found.given_by, found.is_new = e.given_by, e.by == c.assignee
                case ev.Noted() as e:
                    moved = holder is not None and e.text == given_to(e.by, holder.by)
                    if not moved:
                        found.notes.append((e.by, _cut(e.text)))
                case _:
                    pass
    found.sources, found.notes = found.sources[-SHOWN:], found.notes[-SHOWN:]
    found.open = [_cut(u.text) for u in c.unanswered if u.text.strip()][-SHOWN:]
    return found


def _add(known: list[str], *names: str) -> None:
    known.extend(name for name in names if name and name not in known)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rstrip()}…"
