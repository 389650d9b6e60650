"""The client of Slack's Web API: classified errors, and posts that are found again by their mark.

Needs the SDK only to work, not to be imported.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import aiohttp

from core.rendering.slack import SlackMessage
from core.slack.blocks import Block
from core.slack.errors import (
    SlackError,
    SlackGone,
    SlackLater,
    SlackRefused,
    SlackUnauthorized,
    SlackUnknown,
    error_of,
)

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

MOST_PAGES = 10  #: of what was written while nobody looked
LOOKED_THROUGH = 200  #: messages of a channel or thread, for one of ours
DOWNLOAD_SECONDS = 120.0  #: of one file
READ_SECONDS = 15.0  #: between two pieces of it
CHUNK_BYTES = 65_536
SKEW_SECONDS = 5.0  #: between Slack's clock and ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """By what we know a message of ours again: it stands in the message's metadata."""

    kind: str
    fields: Mapping[str, str | int]

    @classmethod
    def of(cls, seen: Mapping[str, Any]) -> Self | None:
        """The mark of a message as Slack lists it; None where it has none, or we may not see it."""
        metadata = seen.get("metadata")
        payload = metadata.get("event_payload") if isinstance(metadata, Mapping) else None
        if not isinstance(metadata, Mapping) or not isinstance(payload, Mapping):
            return None
        return cls(kind=str(metadata.get("event_type") or ""), fields=dict(payload))

    def metadata(self) -> dict[str, Any]:
        """As Slack keeps it."""
        return {"event_type": self.kind, "event_payload": dict(self.fields)}


class SlackClient:
    """One workspace's Web API; all methods raise SlackError.

    Nothing is tried again here: whether a second try would post twice is known to the caller.
    """

    def __init__(self, web: AsyncWebClient, *, answered: Callable[[], None] = lambda: None) -> None:
        self._web = web
        self._answered = answered

    def watched(self, answered: Callable[[], None]) -> SlackClient:
        """The same, and `answered` is called whenever Slack has done what it was asked."""
        return SlackClient(self._web, answered=answered)

    # Messages.

    async def post(
        self, channel: str, message: SlackMessage, *, thread: str = "", mark: Mark | None = None
    ) -> str:
        """Post a message; gives its time stamp. With a mark, `find` finds it after a crash."""
        answer = await self._done(
            self._web.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=list(message.blocks) or None,
                thread_ts=thread or None,
                metadata=mark.metadata() if mark else None,
                unfurl_links=False,
                unfurl_media=False,
            )
        )
        return str(answer.get("ts") or "")

    async def update(self, channel: str, ts: str, message: SlackMessage) -> None:
        """Let the message look like this from now on; twice is the same."""
        await self._done(
            self._web.chat_update(
                channel=channel, ts=ts, text=message.text, blocks=list(message.blocks)
            )
        )

    async def whisper(self, channel: str, user: str, text: str, *, thread: str = "") -> None:
        """Say something in a channel that only this member sees."""
        await self._done(
            self._web.chat_postEphemeral(
                channel=channel, user=user, text=text, thread_ts=thread or None
            )
        )

    async def respond(self, url: str, text: str, blocks: Sequence[Block] = ()) -> None:
        """Answer privately by the address that Slack gave for it."""
        payload: dict[str, Any] = {
            "text": text,
            "response_type": "ephemeral",
            "replace_original": False,
        }
        if blocks:
            payload["blocks"] = list(blocks)
        try:
            async with self._session().post(url, json=payload) as answer:
                await answer.read()
        except Exception as error:
            raise meaning(error) from error

    async def upload(
        self, channel: str, content: bytes, *, name: str, title: str, thread: str = ""
    ) -> str:
        """Show a picture or another file; gives its id."""
        answer = await self._done(
            self._web.files_upload_v2(
                channel=channel,
                thread_ts=thread or None,
                content=content,
                filename=name,
                title=title,
                alt_txt=title,
            )
        )
        files = answer.get("files") or [{}]
        return str(files[0].get("id") or "")

    async def delete_file(self, file_id: str) -> None:
        """Remove a file of ours, wherever it is shown."""
        await self._done(self._web.files_delete(file=file_id))

    async def file_place(self, file_id: str) -> str:
        """Where a file's bytes are. Raises SlackRefused where it is not given, SlackLater."""
        answer = await self._read(self._web.files_info(file=file_id))
        about = answer.get("file") or {}
        place = str(about.get("url_private_download") or about.get("url_private") or "")
        if not place:
            raise SlackRefused("file_without_place")
        return place

    async def download(self, url: str, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Hand over a file's bytes. Raises SlackRefused where it is not given, SlackLater."""
        place, ours = urlsplit(url), urlsplit(self._web.base_url).netloc
        host = place.hostname or ""
        slacks = place.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))
        if not slacks and place.netloc != ours:
            raise SlackRefused("not_at_slack")  # our token is for Slack alone
        timeout = aiohttp.ClientTimeout(total=DOWNLOAD_SECONDS, sock_read=READ_SECONDS)
        headers = {"Authorization": f"Bearer {self._web.token}"}
        try:
            async with self._session().get(url, headers=headers, timeout=timeout) as answer:
                if answer.status != 200 or answer.content_type == "text/html":
                    # Who may not see it is led to a page where people sign in.
                    kind = SlackLater if answer.status >= 500 or answer.status == 429 else None
                    raise (kind or SlackRefused)(f"file_not_given_{answer.status}")
                async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                    await write(chunk)
        except (aiohttp.ClientError, OSError) as error:
            raise SlackLater(type(error).__name__) from error

    async def find(
        self, mark: Mark, channel: str, *, thread: str = "", since: datetime | None = None
    ) -> str | None:
        """The time stamp of our message with this mark, "" when it is not there.

        None where we may not look: a scope is missing.
        """
        listed = await self.messages(channel, thread=thread, since=since)
        if listed is None:
            return None
        found = (str(seen.get("ts") or "") for seen in listed if Mark.of(seen) == mark)
        return next(found, "")

    async def messages(
        self, channel: str, *, thread: str = "", since: datetime | None = None
    ) -> Sequence[Mapping[str, Any]] | None:
        """What stands in a channel or a thread, in order; None where we may not look."""
        asked: dict[str, Any] = {
            "channel": channel,
            "include_all_metadata": True,
            "limit": LOOKED_THROUGH,
        }
        if since is not None:
            asked["oldest"] = f"{since.timestamp() - SKEW_SECONDS:.6f}"
        try:
            answer = await self._read(
                self._web.conversations_replies(ts=thread, **asked)
                if thread
                else self._web.conversations_history(**asked)
            )
        except SlackUnauthorized:
            raise
        except SlackRefused:
            return None
        there = [seen for seen in answer.get("messages") or [] if isinstance(seen, Mapping)]
        return sorted(there, key=lambda seen: str(seen.get("ts") or ""))

    async def since(
        self, channel: str, at: datetime, *, thread: str = ""
    ) -> Sequence[Mapping[str, Any]]:
        """Everything that was written in a channel or a thread since then, in order.

        Nothing where it is gone, or we may not look.
        """
        found: list[Mapping[str, Any]] = []
        asked: dict[str, Any] = {
            "channel": channel,
            "limit": LOOKED_THROUGH,
            "oldest": f"{at.timestamp():.6f}",
        }
        try:
            for _ in range(MOST_PAGES):
                answer = await self._read(
                    self._web.conversations_replies(ts=thread, **asked)
                    if thread
                    else self._web.conversations_history(**asked)
                )
                found += [m for m in answer.get("messages") or [] if isinstance(m, Mapping)]
                cursor = (answer.get("response_metadata") or {}).get("next_cursor")
                if not cursor:
                    break
                asked["cursor"] = cursor
        except SlackUnauthorized:
            raise
        except SlackRefused:
            pass
        return sorted(found, key=lambda seen: str(seen.get("ts") or ""))

    async def direct_messages(self) -> Sequence[str]:
        """The ids of the direct messages that we are in; none where a scope (`im:read`) lacks."""
        try:
            answer = await self._read(
                self._web.users_conversations(types="im", exclude_archived=True, limit=1000)
            )
        except SlackUnauthorized:
            raise
        except SlackRefused:
            return ()
        listed = (c for c in answer.get("channels") or [] if isinstance(c, Mapping))
        return [str(c.get("id")) for c in listed if c.get("id")]

    async def clear(self, channel: str, thread: str, *, kind: str) -> None:
        """Delete our messages with marks of this kind from a thread, all but the one it hangs on.

        A thread that is not there is as good.
        """
        with contextlib.suppress(SlackGone):
            answer = await self._read(
                self._web.conversations_replies(
                    channel=channel, ts=thread, limit=LOOKED_THROUGH, include_all_metadata=True
                )
            )
            for seen in answer.get("messages") or []:
                ts, mark = str(seen.get("ts") or ""), Mark.of(seen)
                if ts != thread and mark is not None and mark.kind == kind:
                    await self._done(self._web.chat_delete(channel=channel, ts=ts))

    # Windows and Homes.

    async def open_view(self, trigger: str, view: Block) -> str:
        """Open a window for whoever has just pressed; gives its id."""
        answer = await self._done(self._web.views_open(trigger_id=trigger, view=view))
        return str((answer.get("view") or {}).get("id") or "")

    async def update_view(self, view_id: str, view: Block) -> None:
        """Let the window look like this from now on."""
        await self._done(self._web.views_update(view_id=view_id, view=view))

    async def publish_home(self, user: str, view: Block) -> None:
        """Show this App Home to the member."""
        await self._done(self._web.views_publish(user_id=user, view=view))

    # People, and who we are.

    async def member(self, slack_id: str) -> Mapping[str, Any]:
        """What Slack says of a member, their language included."""
        answer = await self._read(self._web.users_info(user=slack_id, include_locale=True))
        return answer.get("user") or {}

    async def channel(self, slack_id: str) -> Mapping[str, Any]:
        """What Slack says of a channel."""
        answer = await self._read(self._web.conversations_info(channel=slack_id))
        return answer.get("channel") or {}

    async def group(self, slack_id: str) -> Mapping[str, Any]:
        """What Slack says of a user group."""
        answer = await self._read(self._web.usergroups_list())
        groups = answer.get("usergroups") or []
        return next((g for g in groups if isinstance(g, Mapping) and g.get("id") == slack_id), {})

    async def member_by_email(self, email: str) -> Mapping[str, Any]:
        """What Slack says of the member with this address."""
        answer = await self._read(self._web.users_lookupByEmail(email=email))
        return answer.get("user") or {}

    async def identity(self) -> Mapping[str, Any]:
        """Which workspace this is, and who we are in it."""
        return await self._read(self._web.auth_test())

    async def socket_url(self, app_token: str) -> str:
        """Where Socket Mode is opened."""
        answer = await self._read(self._web.apps_connections_open(app_token=app_token))
        return str(answer.get("url") or "")

    async def set_status(self, channel: str, thread: str, status: str) -> None:
        """Show under a message that an answer is being written; "" shows it no longer."""
        await self._done(
            self._web.assistant_threads_setStatus(
                channel_id=channel, thread_ts=thread, status=status
            )
        )

    def _session(self) -> aiohttp.ClientSession:
        if self._web.session is None:
            raise SlackLater("no connection")
        return self._web.session

    async def _done(self, call: Awaitable[Any]) -> Mapping[str, Any]:
        """The answer of a call that changes something."""
        try:
            answer: Mapping[str, Any] = await call
        except Exception as error:
            raise meaning(error) from error
        self._answered()
        return answer

    async def _read(self, call: Awaitable[Any]) -> Mapping[str, Any]:
        """The answer of a call that changes nothing, and so may be made again in any case."""
        try:
            answer: Mapping[str, Any] = await call
        except Exception as error:
            meant = meaning(error)
            if isinstance(meant, SlackUnknown):
                raise SlackLater(meant.code) from error
            raise meant from error
        return answer


def meaning(error: Exception) -> SlackError:
    """What an error of the SDK means for what we have just asked."""
    # Here, because whoever holds a client has the SDK, and others should not wait for it.
    from slack_sdk.errors import SlackApiError

    if isinstance(error, SlackError):
        return error
    if isinstance(error, aiohttp.ClientConnectorError):
        return SlackLater("no connection")
    if not isinstance(error, SlackApiError):
        return SlackUnknown(type(error).__name__)
    response = error.response
    status = getattr(response, "status_code", None) or getattr(response, "status", 0)
    return error_of(
        _code(response),
        status=status if isinstance(status, int) else 0,
        after=_retry_after(getattr(response, "headers", None) or {}),
    )


def _code(response: Any) -> str:
    try:
        return str(response.get("error") or "")
    except (AttributeError, TypeError):
        return ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    after = str(headers.get("Retry-After", headers.get("retry-after", "")))
    return float(after) if after.replace(".", "", 1).isdigit() else None
