"""What a slice says about each of its routes; the frame serves, guards and documents them by it."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from core.accounts.rules import Action, User

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY_LIMIT = 262_144  #: bytes; 20,000 characters fit, each written as an escaped surrogate pair


class Access(enum.Enum):
    """Who may come in; the frame refuses all others before the handler runs."""

    PUBLIC = "public"  #: anyone
    VISITOR = "visitor"  #: the visitor whose token opens the conversation `{id}`
    PARTICIPANT = "participant"  #: that visitor, or any member of staff
    STAFF = "staff"  #: agents and above
    SUPERVISOR = "supervisor"  #: supervisors and admins
    ADMIN = "admin"  #: admins
    PROVIDER = "provider"  #: a vendor; the handler verifies the signature itself


class Strict(BaseModel):
    """A JSON body as it must be: no unknown fields, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_max_length=20_000)


class Fields(BaseModel):
    """Query parameters or form fields: everything comes as text and is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path.

    The handler finds `request["user"]` (User or None), `request["body"]` and `request["query"]`
    (instances of the models named here, or None). `responses` names the good answers; the
    refusals that follow from the other fields are documented by themselves, further ones (409)
    are named with None.
    """

    method: str
    path: str  #: as aiohttp takes it, "/api/approvals/{id}/decision"
    handler: Handler
    access: Access
    summary: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    responses: Mapping[int, type[BaseModel] | None] = field(default_factory=dict)
    page: bool = False  #: HTML: errors are shown as pages, no session leads to /login
    form: bool = False  #: the body is an HTML form, not JSON
    stream: bool = False  #: server-sent events
    framed: bool = False  #: other sites (by settings) may show this page in a frame
    action: Action | None = None  #: the right it needs; checked here and again in the service
    passive: bool = False  #: calling it does not keep a session alive (typing, polling)
    max_body: int = BODY_LIMIT
    media_type: str = ""  #: of a good answer that is neither JSON, a page nor a stream
    hidden: bool = False  #: left out of the OpenAPI document (pages and assets always are)


Model = TypeVar("Model", bound=BaseModel)


def current_user(request: web.Request) -> User:
    """The signed-in member of staff; for routes whose access guarantees one."""
    user = request["user"]
    assert isinstance(user, User)
    return user


def body_of(request: web.Request, model: type[Model]) -> Model:
    """The validated body."""
    body = request["body"]
    assert isinstance(body, model)
    return body


def query_of(request: web.Request, model: type[Model]) -> Model:
    """The validated query."""
    query = request["query"]
    assert isinstance(query, model)
    return query


def address_of(request: web.Request) -> str:
    """From where the request came, for the audit and for limits."""
    address = request["address"]
    assert isinstance(address, str)
    return address
