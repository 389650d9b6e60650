"""One folder of a mailbox over IMAP: what is new in it, and being told of more."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from aioimaplib import aioimaplib

from core.errors import ChannelAuthFailed, ChannelNotReady

from .letters import MOST_BYTES

SECONDS = 20.0
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Mailbox:
    """A connection; when it breaks, a new one is made."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.validity = ""  #: uids mean something only as long as it stays the same
        self.next_uid = 1  #: of the first letter that came after we had opened it

    @classmethod
    async def open(
        cls, *, host: str, port: int, tls: bool, user: str, password: str, folder: str
    ) -> Mailbox:
        """Connect, sign in, and select. Raises ChannelNotReady, ChannelAuthFailed."""
        kind = aioimaplib.IMAP4_SSL if tls else aioimaplib.IMAP4
        mailbox = cls(kind(host=host, port=port, timeout=SECONDS))
        try:
            await mailbox._begin(user=user, password=password, folder=folder)
        except BaseException:
            await mailbox.close()
            raise
        return mailbox

    async def _begin(self, *, user: str, password: str, folder: str) -> None:
        try:
            await self._client.wait_hello_from_server()
            signed_in = await self._client.login(_quoted(user), password)
            if signed_in.result != "OK":
                raise ChannelAuthFailed("The IMAP server refuses the user name or the password.")
            selected = await self._client.select(_quoted(folder))
        except (OSError, TimeoutError, aioimaplib.Error, aioimaplib.Abort) as error:
            raise ChannelNotReady(f"The IMAP server cannot be reached: {error}") from error
        if selected.result != "OK":
            raise ChannelAuthFailed(f"There is no folder {folder!r} in this mailbox.")
        said = b" ".join(line for line in selected.lines if isinstance(line, bytes))
        found = re.search(rb"UIDVALIDITY (\d+)", said)
        self.validity = found.group(1).decode() if found else "0"
        coming = re.search(rb"UIDNEXT (\d+)", said)
        self.next_uid = int(coming.group(1)) if coming else 1

    async def unread_since(self, day: date) -> Sequence[int]:
        """The uids of what nobody has read since that day, oldest first."""
        since = f"{day.day}-{MONTHS[day.month - 1]}-{day.year}"
        return await self._search("UNSEEN", "SINCE", since)

    async def after(self, uid: int) -> Sequence[int]:
        """The uids of what came after this one, oldest first."""
        # "n:*" always holds the last letter, even when its uid is smaller.
        return [found for found in await self._search("UID", f"{uid + 1}:*") if found > uid]

    async def fetch(self, uid: int) -> bytes | None:
        """The letter, unread as it was; None when it is gone."""
        answer = await self._call("fetch", str(uid), f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
        letters = [line for line in answer.lines if isinstance(line, bytearray)]
        return bytes(letters[0]) if letters else None

    async def mark_read(self, uid: int) -> None:
        """So that people who share the mailbox see that it was taken."""
        await self._call("store", str(uid), "+FLAGS.SILENT", r"(\Seen)")

    async def wait(self, seconds: float) -> None:
        """Return when something may be new: the server said so, or the time is over."""
        if not self._client.has_capability("IDLE"):
            await asyncio.sleep(seconds)
            return
        try:
            idle = await self._client.idle_start(timeout=seconds + SECONDS)
            try:
                await self._client.wait_server_push(timeout=seconds)
            except TimeoutError:
                pass  # nothing came; the caller looks anyway
            finally:
                self._client.idle_done()
            await asyncio.wait_for(idle, SECONDS)
        except (OSError, TimeoutError, aioimaplib.Error, aioimaplib.Abort) as error:
            raise ChannelNotReady(f"The connection to the IMAP server broke: {error}") from error

    async def close(self) -> None:
        """Hang up; the server needs no farewell."""
        client = self._client
        waiting = [client._client_task, *client.tasks]  # noqa: SLF001 (it offers no way to end them)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        if client._idle_waiter is not None:  # noqa: SLF001
            client._idle_waiter.cancel()  # noqa: SLF001
        transport = client.protocol.transport
        if transport is not None:
            transport.abort()

    async def _search(self, *criteria: str) -> Sequence[int]:
        answer = await self._call("search", *criteria)
        words = b" ".join(line for line in answer.lines[:-1] if line).split()
        return sorted(int(word) for word in words if word.isdigit())

    async def _call(self, command: str, *arguments: str) -> Any:
        try:
            if command == "search":
                answer = await self._client.uid_search(*arguments, charset=None)
            else:
                answer = await self._client.uid(command, *arguments)
        except (OSError, TimeoutError, aioimaplib.Error, aioimaplib.Abort) as error:
            raise ChannelNotReady(f"The connection to the IMAP server broke: {error}") from error
        if answer.result != "OK":
            raise ChannelNotReady(f"The IMAP server refuses {command}: {answer.lines[-1]!r}")
        return answer


def _quoted(text: str) -> str:
    """As an IMAP quoted string; the library sends arguments as they are."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
