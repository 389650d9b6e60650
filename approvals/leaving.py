"""What a colleague holds is let go when he is removed: his claims, and his conversations."""

from __future__ import annotations

import contextlib

from approvals.service import ApprovalService
from core.accounts.rules import User
from core.conversations import Status
from core.errors import ContactCenterError


async def let_go(service: ApprovalService, user: User) -> None:
    """Release every claim of the user and hand every conversation of his back to the assistant."""
    cursor = ""
    while True:
        page = await service.pending(user, cursor=cursor)
        for approval in page.items:
            if approval.claimed_by == user.email:
                # Decided meanwhile: then there is nothing to release.
                with contextlib.suppress(ContactCenterError):
                    await service.release(user, approval.id)
        cursor = page.next
        if not cursor:
            break
    for conversation_id in await service.held_by(user):
        with contextlib.suppress(ContactCenterError):
            state = await service.conversation(user, conversation_id)
            if state.status is Status.HUMAN and state.assignee == user.email:
                await service.hand_back(user, conversation_id)
