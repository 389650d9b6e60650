"""The console's inbox: every conversation, searched, filtered, sorted, and acted on together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import urlencode

from aiohttp import web
from pydantic import Field

from approvals.console.inbox_schemas import InboxQuery, cursor_of
from approvals.inbox.assignment import AssignmentRules
from approvals.inbox.notifications import Kind, Notifications
from approvals.inbox.presence import PresenceStore
from approvals.inbox.rows import OPEN_END, Wanted, moment
from approvals.inbox.saved_replies import SavedReplies
from approvals.inbox.service import Inbox, Item
from approvals.inbox.views import FILTERS, SavedViews
from approvals.queue.wording import channel_name
from config.languages import LANGUAGES
from core.accounts.roles import Action, User
from core.domain.drafts import Turn
from core.domain.messages import Author
from core.i18n import Words
from core.rendering.markdown import read
from core.text.pii import traced
from core.web.http.routing import Route, address_of, current_user, page_route, query_of
from core.web.pages import Pages

Colleagues = Callable[[], Awaitable[Sequence[User]]]
"""All staff, for the lists of names."""

_FILTERS = ("status", "channel", "locale", "topic", "tag", "from", "to", "sort")
_KEPT = (*FILTERS, "mentioned", "ids", "view")
_TABS: Mapping[str, Mapping[str, str]] = {
    "waiting": {"waiting": "true"},
    "mine": {"assignee": "me"},
    "unassigned": {"assignee": "none"},
    "snoozed": {"snoozed": "yes"},
    "mentions": {"mentioned": "true"},
    "all": {},
}
"""The tabs above the list, by what of its address they set; the rest of these they empty."""

_TAB_PARTS = ("waiting", "assignee", "snoozed", "mentioned")
_NO_TAB = dict.fromkeys((*_TAB_PARTS, "ids", "about", "of", "back", "view"), "")


class ListQuery(InboxQuery):
    """The same as the API's, and how the page is called when the dashboard leads here."""

    view: str = Field(default="", max_length=64, pattern=r"^[\w-]*$", description="A saved view.")
    about: str = Field(default="", max_length=40, pattern="^[a-z_]*$")
    of: int = Field(default=0, ge=0, description="How many the number on the dashboard counts.")
    back: str = Field(
        default="", max_length=400, pattern=r"^[\w=&.:+%~-]*$", description="The dashboard's query."
    )

    def plain(self) -> dict[str, str]:
        """What a link repeats to show the same list."""
        named = {name: getattr(self, name) for name in _KEPT}
        named |= {"from": self.from_, "to": self.to}
        named |= {"about": self.about, "of": self.of, "back": self.back}
        return {
            name: "true" if value is True else str(value)
            for name, value in named.items()
            if value and (name, value) != ("sort", "newest")
        }


class InboxPages:
    """The handlers behind `/console/conversations`."""

    def __init__(
        self,
        inbox: Inbox,
        *,
        replies: SavedReplies,
        views: SavedViews,
        presence: PresenceStore,
        rules: AssignmentRules,
        notifications: Notifications,
        pages: Pages,
        words: Words,
        colleagues: Colleagues,
    ) -> None:
        self._inbox = inbox
        self._replies = replies
        self._views = views
        self._presence = presence
        self._rules = rules
        self._notifications = notifications
        self._pages = pages
        self._words = words
        self._colleagues = colleagues

    def routes(self) -> Sequence[Route]:
        """The page, and the list that keeps it current."""
        may, home = Action.CONVERSATION_READ, "/console/conversations"
        return (
            page_route(home, self.list, "Conversations", action=may, query=ListQuery).in_menu(
                "approvals.list.title", 20
            ),
            page_route(
                "/console/inbox/rows",
                self.rows,
                "The list alone",
                action=may,
                query=ListQuery,
                passive=True,
            ),
            page_route(
                "/console/saved-replies",
                self.saved,
                "Saved replies",
                action=Action.CONVERSATION_REPLY,
            ),
        )

    async def saved(self, request: web.Request) -> web.StreamResponse:
        """GET /console/saved-replies."""
        user = current_user(request)
        replies = await self._replies.all(user)
        values = {
            "replies": [(reply, self._replies.may_change(user, reply)) for reply in replies],
            "spoken": [(code, language.name) for code, language in LANGUAGES.items()],
        }
        return self._pages.render(request, "approvals/saved_replies.html", values)

    async def list(self, request: web.Request) -> web.StreamResponse:
        """GET /console/conversations."""
        values = await self._values(request, again=False)
        locale = self._pages.locale(request)
        known = self._inbox.values()
        user = current_user(request)
        values |= {
            "choices": {
                "status": [
                    (s, self._words.text(f"approvals.list.{s}", locale))
                    for s in ("ai", "review", "human", "resolved")
                ],
                "channel": [
                    (c, channel_name(c, words=self._words, locale=locale)) for c in known["channel"]
                ],
                **{
                    name: [(value, value) for value in known[key]]
                    for name, key in (("locale", "locale"), ("topic", "topic"), ("tag", "tags"))
                },
            },
            "colleagues": [u.email for u in await self._colleagues()],
            "counts": await self._counts(user),
            "tabs": {name: {**_NO_TAB, **part} for name, part in _TABS.items()},
            **await self._saved_views(user, query_of(request, ListQuery).view),
            "tab_parts": frozenset(_TAB_PARTS),
            "may_reply": user.may(Action.CONVERSATION_REPLY),
            "assigns": (await self._rules.load()).on,
            "away": (await self._presence.of(user)).away,
            "about": self._words.called(
                "analytics.lists", query_of(request, ListQuery).about, locale
            ),
            "words": self._words.section("inbox", locale),
        }
        return self._pages.render(request, "approvals/conversations.html", values)

    async def _counts(self, user: User) -> Mapping[str, int]:
        """How many stand behind the tabs where a number calls for work."""
        news = await self._notifications.unseen(user)
        named = {one.c for one in news if one.kind is Kind.MENTION}
        wanted = {
            "waiting": Wanted(waiting=True, snoozed=False),
            "mine": Wanted(assignee=user.email, snoozed=False),
            "snoozed": Wanted(snoozed=True),
        }
        counted = {name: await self._inbox.count(user, w) for name, w in wanted.items()}
        return {**counted, "mentions": len(named)}

    async def _saved_views(self, user: User, shown: str) -> Mapping[str, object]:
        """The views to choose from, with their addresses, and the one to change, if it may be."""
        views = await self._views.all(user)
        home = "/console/conversations"
        links = [(view, f"{home}?{urlencode({**view.filters, 'view': view.id})}") for view in views]
        may = self._views.may_change
        current = next((v for v in views if v.id == shown and may(user, v)), None)
        return {"views": links, "current": current}

    async def rows(self, request: web.Request) -> web.StreamResponse:
        """GET /console/inbox/rows."""
        values = await self._values(request, again=True)
        return self._pages.render(request, "approvals/inbox_rows.html", values)

    async def _values(self, request: web.Request, *, again: bool) -> dict[str, object]:
        query, user = query_of(request, ListQuery), current_user(request)
        locale = self._pages.locale(request)
        found = await self._inbox.find(
            user, query.asked(user.email), address=address_of(request), again=again
        )
        attachment = self._words.text("approvals.talk.attachment", locale)
        items = [self._shown(item, attachment, locale) for item in found.items]
        plain = query.plain()

        def link(**changed: str) -> str:
            left = {k: v for k, v in {**plain, **changed}.items() if v}
            return "/console/conversations" + (f"?{urlencode(left)}" if left else "")

        return {
            "items": items,
            "total": found.total,
            "next": cursor_of(found.next),
            "query": query,
            "since": query.from_[:10],
            "until": query.to[:10],
            "plain": plain,
            "filters": {name: plain[name] for name in FILTERS if name in plain},
            "view": _view(query, user),
            "link": link,
            "narrowed": bool(plain.keys() - {*_TAB_PARTS, "sort"}),
            "filtered": not plain.keys().isdisjoint(_FILTERS),
        }

    def _shown(self, item: Item, attachment: str, locale: str) -> Mapping[str, object]:
        """An item as the page draws it; `attachment` is said for files without any words."""
        row, last = item.row, item.state.memory[-1] if item.state.memory else None
        return {
            "c": item.state,
            "unread": item.unread or item.news,
            "holder": row.assignee,
            "snoozed": row.snoozed > 0,
            "until": moment(row.snoozed) if 0 < row.snoozed < OPEN_END else None,
            "channel": channel_name(row.channel, words=self._words, locale=locale),
            "author": last.author if last else "",
            "last": (in_one_line(last, row.locale) or f"📎 {attachment}") if last else "",
            "updated": moment(row.updated),
            "waits": moment(row.waits) if row.waits else None,
        }


def _view(query: ListQuery, user: User) -> str:
    """Which of the tabs this is; "" for none of them."""
    if query.ids or query.view:
        return ""
    plain = query.plain()
    now = {name: plain[name] for name in _TAB_PARTS if name in plain}
    if now.get("assignee") == user.email:
        now["assignee"] = "me"
    return next((name for name, part in _TABS.items() if part == now), "")


def in_one_line(turn: Turn, locale: str) -> str:
    """What was said in one line and without marks; of cards and the like a trace."""
    blocks = read(Author(turn.author), turn.text[:300])
    text = " ".join(block.text for block in blocks)
    return traced(" ".join(text.split()), locale=locale)
