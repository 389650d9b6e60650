"""What a slice says about each of its routes; the frame serves, guards and documents them by it."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Protocol, TypeVar

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict

from core.accounts.rules import Action, User
from core.accounts.sessions import SignedIn

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


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: A number as JSON Schema counts whole ones: 9.0 is the integer 9, however it is written.
Whole = Annotated[int, BeforeValidator(_whole)]


class Fields(BaseModel):
    """Query parameters or form fields: everything comes as text and is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path.

    The handler asks `current_user`, `body_of`, `query_of` and `address_of` below for what the frame
    has found out. `responses` names the good answers; the
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


def page_route(
    path: str,
    handler: Handler,
    summary: str,
    *,
    access: Access,
    action: Action,
    query: type[Fields] | None = None,
    passive: bool = False,
) -> Route:
    """A page of the console."""
    return Route(
        method="GET",
        path=path,
        handler=handler,
        access=access,
        action=action,
        summary=summary,
        query=query,
        page=True,
        passive=passive,
    )


class Routed(Protocol):
    """A part with routes."""

    def routes(self) -> Sequence[Route]: ...


class Call:
    """What the frame found out about a request; one object, because every request has one."""

    __slots__ = ("address", "body", "csrf", "query", "recheck", "route", "session", "user")

    def __init__(self, *, address: str) -> None:
        self.address = address  #: from where it came, for the audit and for limits
        self.route: Route | None = None  #: None while none is known, and for what matches none
        self.user: User | None = None
        self.session: SignedIn | None = None
        self.body: BaseModel | None = None
        self.query: BaseModel | None = None
        self.csrf = ""  #: as a form carried it
        self.recheck: Callable[[], Awaitable[User | None]] | None = None  #: for long streams


CALL = web.RequestKey("call", Call)
Model = TypeVar("Model", bound=BaseModel)


def current_user(request: web.Request) -> User:
    """The signed-in member of staff; for routes whose access guarantees one."""
    user = request[CALL].user
    assert user is not None
    return user


def user_of(request: web.Request) -> User | None:
    """The member of staff who calls, None for visitors and strangers."""
    return request[CALL].user


def session_of(request: web.Request) -> SignedIn | None:
    """The browser session he calls from, None for API tokens."""
    return request[CALL].session


def body_of(request: web.Request, model: type[Model]) -> Model:
    """The validated body."""
    body = request[CALL].body
    assert isinstance(body, model)
    return body


def query_of(request: web.Request, model: type[Model]) -> Model:
    """The validated query."""
    query = request[CALL].query
    assert isinstance(query, model)
    return query


def address_of(request: web.Request) -> str:
    """From where the request came, for the audit and for limits."""
    return request[CALL].address
