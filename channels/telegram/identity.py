"""The bot's identity, known before Telegram can be asked: its number stands in the token."""

from __future__ import annotations

from channels.telegram.normalize import Bot
from core.sdk.state_file import StateFile

ID, USERNAME = "bot id", "bot username"


class Identity:
    """The bot as Telegram named it at the last start, kept for the next one."""

    def __init__(self, kept: StateFile, *, token: str) -> None:
        self._kept = kept
        self._number = token.partition(":")[0]

    async def recall(self) -> Bot | None:
        """The bot as far as it is known; None for a token that names none.

        Its name is "" before the first start that succeeds.
        """
        await self._kept.open()
        if not self._number.isdecimal():
            return None
        ours = self._kept.get(ID) == self._number
        return Bot(id=int(self._number), username=self._kept.get(USERNAME) if ours else "")

    async def keep(self, bot: Bot) -> None:
        """Remember it."""
        await self._kept.put(ID, str(bot.id))
        await self._kept.put(USERNAME, bot.username)
