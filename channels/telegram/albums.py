"""Keeps an album of a group together: one of its pictures alone says that it is for us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels.telegram.normalize import Bot, album_of, to_inbound
from core.domain.messages import InboundMessage
from core.runtime.lru import LruDict

REMEMBERED = 200  #: albums of groups, ours and not (yet) ours each
PICTURES = 10  #: an album has no more

Album = tuple[str, str]
Update = Mapping[str, Any]


class Albums:
    """The albums of groups that are for us, and the pictures that came before it was said.

    In this process only: an album's updates come within a second of each other.
    """

    def __init__(self) -> None:
        self._ours: LruDict[Album, bool] = LruDict(REMEMBERED)
        self._early: LruDict[Album, tuple[Update, ...]] = LruDict(REMEMBERED)

    def settle(
        self, update: Update, bot: Bot
    ) -> tuple[Sequence[InboundMessage], InboundMessage | None]:
        """What the update says, after those pictures of its album that came earlier."""
        said = to_inbound(update, bot, is_ours=self._is_ours)
        album = album_of(update)
        if album is None or said is None:
            if album is not None:
                self._early[album] = (*self._early.get(album, ()), update)[-PICTURES:]
            return (), said
        self._ours[album] = True
        early = (to_inbound(one, bot, is_ours=self._is_ours) for one in self._early.get(album, ()))
        return [one for one in early if one is not None], said

    def taken(self, update: Update) -> None:
        """What `settle` gave is stored."""
        if (album := album_of(update)) in self._ours and album is not None:
            self._early.pop(album, None)

    def _is_ours(self, chat: str, album: str) -> bool:
        return (chat, album) in self._ours
