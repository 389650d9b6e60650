"""The inbox's API: lists and search, tags, bulk acts, saved replies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aiohttp import web

from approvals.console.inbox_schemas import (
    BulkBody,
    BulkView,
    ConversationListView,
    InboxQuery,
    RepliesQuery,
    SavedRepliesView,
    SavedReplyBody,
    SavedReplyView,
    SnoozeBody,
    SnoozeView,
    TagsBody,
    TagsView,
    cursor_of,
    moment_of,
    refused_view,
    reply_view,
    row_view,
)
from approvals.inbox.acts import InboxActs
from approvals.inbox.saved_replies import SavedReplies, filled
from approvals.inbox.service import Inbox
from core.accounts.roles import Action, User
from core.engine.repository import Conversations
from core.errors import NotFound
from core.web.http.responses import iso, json_answer
from core.web.http.routing import Route, address_of, body_of, current_user, query_of

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class InboxRoutes:
    """The handlers behind `GET /api/conversations`, its tags and bulk acts, and saved replies."""

    def __init__(
        self,
        inbox: Inbox,
        *,
        acts: InboxActs,
        replies: SavedReplies,
        conversations: Conversations,
    ) -> None:
        self._inbox = inbox
        self._acts = acts
        self._replies = replies
        self._conversations = conversations

    def routes(self) -> Sequence[Route]:
        """All of them."""
        reply, one = Action.CONVERSATION_REPLY, "/api/saved-replies/{id}"
        return (
            Route(
                method="GET",
                path="/api/conversations",
                handler=self.list,
                action=Action.CONVERSATION_READ,
                summary="Find conversations",
                query=InboxQuery,
                responses={200: ConversationListView},
            ),
            Route(
                method="POST",
                path="/api/conversations/{id}/tags",
                handler=self.tag,
                action=reply,
                summary="Put tags on a conversation, and take others off",
                body=TagsBody,
                responses={200: TagsView},
            ),
            Route(
                method="POST",
                path="/api/conversations/{id}/snooze",
                handler=self.snooze,
                action=reply,
                summary="Put a conversation aside until a time, or until the customer writes",
                body=SnoozeBody,
                responses={200: SnoozeView, 409: None},
            ),
            Route(
                method="POST",
                path="/api/conversations/{id}/wake",
                handler=self.wake,
                action=reply,
                summary="Bring back what was put aside",
                responses={200: SnoozeView, 409: None},
            ),
            Route(
                method="POST",
                path="/api/inbox/bulk",
                handler=self.bulk,
                action=reply,
                summary="Do one thing to many conversations",
                body=BulkBody,
                responses={200: BulkView},
            ),
            Route(
                method="GET",
                path="/api/saved-replies",
                handler=self.replies,
                action=reply,
                summary="Texts that colleagues have saved, filled in for a conversation",
                query=RepliesQuery,
                responses={200: SavedRepliesView},
            ),
            Route(
                method="POST",
                path="/api/saved-replies",
                handler=self.save,
                action=reply,
                summary="Save a text for colleagues",
                body=SavedReplyBody,
                responses={201: SavedReplyView},
            ),
            Route(
                method="PUT",
                path=one,
                handler=self.change,
                action=reply,
                summary="Change a saved text",
                body=SavedReplyBody,
                responses={200: SavedReplyView},
            ),
            Route(
                method="DELETE",
                path=one,
                handler=self.remove,
                action=reply,
                summary="Remove a saved text",
                responses={204: None},
            ),
        )

    async def list(self, request: web.Request) -> web.StreamResponse:
        """GET /api/conversations."""
        user = current_user(request)
        asked = query_of(request, InboxQuery).asked(user.email)
        found = await self._inbox.find(user, asked, address=address_of(request))
        return json_answer(
            ConversationListView(
                items=[row_view(item) for item in found.items],
                next=cursor_of(found.next) or None,
                total=found.total,
            )
        )

    async def tag(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/tags."""
        body = body_of(request, TagsBody)
        tags = await self._acts.tag(
            current_user(request), _id(request), add=body.add, remove=body.remove
        )
        return json_answer(TagsView(tags=list(tags)))

    async def snooze(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/snooze."""
        until = moment_of(body_of(request, SnoozeBody).until)
        await self._acts.snooze(current_user(request), _id(request), until=until)
        return await self._aside(request)

    async def wake(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/wake."""
        await self._acts.wake(current_user(request), _id(request))
        return await self._aside(request)

    async def _aside(self, request: web.Request) -> web.StreamResponse:
        c = await self._conversations.load(_id(request))
        until = iso(c.snoozed_until) if c.snoozed_until else None
        view = SnoozeView(snoozed=bool(c.snoozed_by), by=c.snoozed_by or None, until=until)
        return json_answer(view)

    async def bulk(self, request: web.Request) -> web.StreamResponse:
        """POST /api/inbox/bulk."""
        body = body_of(request, BulkBody)
        done = await self._acts.bulk(
            current_user(request),
            body.ids,
            body.act,
            to=body.to,
            tags=body.tags,
            until=moment_of(body.until),
            text=body.text,
        )
        refused = [refused_view(key, error) for key, error in done.refused.items()]
        return json_answer(BulkView(done=list(done.done), refused=refused))

    async def replies(self, request: web.Request) -> web.StreamResponse:
        """GET /api/saved-replies."""
        user = current_user(request)
        values = await self._known(user, query_of(request, RepliesQuery).conversation)
        items = [reply_view(r, filled(r.text, values)) for r in await self._replies.all(user)]
        return json_answer(SavedRepliesView(items=items))

    async def save(self, request: web.Request) -> web.StreamResponse:
        """POST /api/saved-replies."""
        return await self._save(request, "", status=201)

    async def change(self, request: web.Request) -> web.StreamResponse:
        """PUT /api/saved-replies/{id}."""
        return await self._save(request, _id(request), status=200)

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """DELETE /api/saved-replies/{id}."""
        await self._replies.remove(current_user(request), _id(request))
        return web.Response(status=204)

    async def _save(
        self, request: web.Request, reply_id: str, *, status: int
    ) -> web.StreamResponse:
        body, user = body_of(request, SavedReplyBody), current_user(request)
        reply = await self._replies.save(
            user, title=body.title, text=body.text, locale=body.locale, reply_id=reply_id
        )
        text = filled(reply.text, await self._known(user, ""))
        return json_answer(reply_view(reply, text), status=status)

    async def _known(self, user: User, conversation_id: str) -> Mapping[str, str]:
        values = {"me": user.name or user.email}
        if conversation_id:
            c = await self._conversations.load(conversation_id)
            values["customer"] = c.sender.name if c.sender else ""
        return values


def _id(request: web.Request) -> str:
    found = request.match_info["id"]
    if not _ID.fullmatch(found):
        raise NotFound
    return found
