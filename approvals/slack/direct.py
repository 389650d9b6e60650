"""Direct messages to members of staff."""

from __future__ import annotations

from collections.abc import Callable

from core.accounts.roles import User
from core.clock import Clock
from core.rendering.slack import SlackMessage
from core.slack.app import SlackApp
from core.slack.mrkdwn import escaped
from core.slack.people import FindUser, People

LONGEST = 2_000  #: characters; ours are two lines


class DirectMessages:
    """Writes to members of staff whom Slack knows, in the desk's language."""

    def __init__(
        self, shared: SlackApp, *, by_email: FindUser, by_slack_id: FindUser, clock: Clock
    ) -> None:
        self._shared = shared
        self._people = People(shared, by_email=by_email, by_slack_id=by_slack_id, clock=clock)

    async def tell(self, user: User, text: Callable[[str], str]) -> bool:
        """Send `text(language)`; False where Slack does not know them. Raises SlackError."""
        member = await self._people.member_of(user.email)
        if not member:
            return False
        said = escaped(text(self._shared.staff.language), LONGEST)
        await self._shared.client.post(member, SlackMessage(text=said, blocks=()))
        return True
