"""Dead letters: the API and the console page that lists undelivered messages and resends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.roles import Action
from core.domain import events as ev
from core.engine.outbound.deliveries import Deliveries, SentMessage
from core.engine.outbound.failure_words import failure_in_words
from core.engine.repository import Conversations
from core.i18n import Words
from core.web.http.responses import iso, json_answer, read_cursor, write_cursor
from core.web.http.routing import Fields, Route, current_user, page_route, query_of
from core.web.pages import Pages

PAGE = 25
SHOWN = 240  #: characters of a message on the page; the conversation holds the whole
_ID = r"/api/deliveries/{id:[A-Za-z0-9_-]{1,64}\.[0-9]{1,9}}"


class DeliveryQuery(Fields):
    """A page of the list."""

    cursor: str | None = Field(default=None, max_length=400)
    limit: int = Field(default=PAGE, ge=1, le=200)


class DeliveryView(BaseModel):
    """A message that did not arrive, or may not have."""

    id: str
    conversation_id: str
    seq: int
    channel: str
    author: str
    state: str
    at: str = Field(json_schema_extra={"format": "date-time"})
    detail: str
    code: str
    doubled: bool


class DeliveryListView(BaseModel):
    """Dead letters, newest first."""

    items: list[DeliveryView]
    next: str | None


class RetryView(BaseModel):
    """A message that is sent once more."""

    id: str


class DeliveryRoutes:
    """The handlers behind `/api/deliveries` and `/console/deliveries`."""

    def __init__(
        self,
        deliveries: Deliveries,
        *,
        conversations: Conversations,
        pages: Pages,
        words: Words,
    ) -> None:
        self._deliveries = deliveries
        self._conversations = conversations
        self._pages = pages
        self._words = words

    def routes(self) -> Sequence[Route]:
        """The list, the retry, the page."""
        return (
            Route(
                method="GET",
                path="/api/deliveries",
                handler=self.list,
                action=Action.CONVERSATION_READ,
                summary="What did not arrive, newest first",
                query=DeliveryQuery,
                responses={200: DeliveryListView},
            ),
            Route(
                method="POST",
                path=_ID + "/retry",
                handler=self.retry,
                action=Action.DELIVERY_RETRY,
                summary="Send it once more",
                responses={202: RetryView, 422: None},
            ),
            page_route(
                "/console/deliveries",
                self.show,
                "What did not arrive",
                action=Action.CONVERSATION_READ,
                query=DeliveryQuery,
            ).in_menu("deliveries.title", 30),
        )

    async def list(self, request: web.Request) -> web.StreamResponse:
        """GET /api/deliveries."""
        found, following = await self._page(request)
        return json_answer(
            DeliveryListView(items=[_view(m) for m in found], next=following or None)
        )

    async def retry(self, request: web.Request) -> web.StreamResponse:
        """POST /api/deliveries/{id}/retry."""
        message_id = request.match_info["id"]
        await self._deliveries.retry(current_user(request), message_id)
        return json_answer(RetryView(id=message_id), status=202)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET /console/deliveries."""
        found, following = await self._page(request)
        locale = self._pages.locale(request)
        texts = await self._texts(found)
        rows = [
            {
                "message": m,
                "text": texts.get(m.id, ""),
                "channel": self._words.called("approvals.channel", m.channel, locale),
                "why": self._why(m, locale),
            }
            for m in found
        ]
        return self._pages.render(request, "deliveries.html", {"rows": rows, "next": following})

    async def _page(self, request: web.Request) -> tuple[Sequence[SentMessage], str]:
        asked = query_of(request, DeliveryQuery)
        cursor = read_cursor(asked.cursor, str)[0] if asked.cursor else ""
        found, following = await self._deliveries.dead_letters(
            current_user(request), limit=asked.limit, cursor=cursor
        )
        return found, write_cursor(following) if following else ""

    async def _texts(self, found: Sequence[SentMessage]) -> Mapping[str, str]:
        """The beginning of each message, from the log: it is kept nowhere a second time."""
        texts: dict[str, str] = {}
        for conversation_id in dict.fromkeys(m.conversation_id for m in found):
            for commit in await self._conversations.history(conversation_id):
                for item in commit.numbered():
                    if isinstance(item.event, ev.Sent):
                        texts[f"{conversation_id}.{item.seq}"] = item.event.text[:SHOWN]
        return texts

    def _why(self, message: SentMessage, locale: str) -> str:
        """In plain words: ours in the reader's language where we have them for this code."""
        return failure_in_words(
            self._words,
            locale,
            channel=message.channel,
            code=message.code,
            detail=message.detail,
        )


def _view(message: SentMessage) -> DeliveryView:
    return DeliveryView(
        id=message.id,
        conversation_id=message.conversation_id,
        seq=message.seq,
        channel=message.channel,
        author=message.author.value,
        state=message.state.value,
        at=iso(message.at),
        detail=message.detail,
        code=message.code,
        doubled=message.doubled,
    )
