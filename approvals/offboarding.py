"""Releases the claims and conversations of a colleague who is removed."""

from __future__ import annotations

import contextlib

from approvals.queue.service import ApprovalService
from core.accounts.roles import User
from core.domain.conversation import Status
from core.errors import ContactCenterError


async def let_go(service: ApprovalService, user: User) -> None:
    """Release the user's claims and hand their conversations back to the assistant."""
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
