"""A route says a thing once: who may come in follows from the right it needs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import web

from core.accounts.roles import RIGHTS, Action
from core.web.http.routing import Access, Route


async def nothing(_: web.Request) -> web.StreamResponse:
    return web.Response()


def route(*, action: Action | None = None, access: Access | None = None) -> Route:
    said = Route(method="GET", path="/", handler=nothing, summary="", action=Action.ACCOUNT_OWN)
    if access is None:
        return Route(method="GET", path="/", handler=nothing, summary="", action=action)
    return replace(said, action=action, access=access)


@pytest.mark.parametrize("action", Action)
def test_a_right_opens_to_the_role_that_has_it(action: Action) -> None:
    names = {"agent": "staff"}
    role = RIGHTS[action].value
    assert route(action=action).access.value == names.get(role, role)


def test_more_than_staff_may_be_let_in_beside_a_right() -> None:
    both = route(action=Action.CONVERSATION_READ, access=Access.PARTICIPANT)
    assert both.access is Access.PARTICIPANT


def test_a_route_for_nobody_in_particular_is_none() -> None:
    with pytest.raises(ValueError, match="neither action nor access"):
        route()
