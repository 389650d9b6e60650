"""The OpenAPI 3.1 document, generated from the routes that are served."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from core.accounts.roles import Role
from core.web.http.problems import MEDIA_TYPE, title_of
from core.web.http.responses import dumps
from core.web.http.routing import BY_ROLE, Access, Route
from core.web.identity.cookies import PLAIN, SESSION, VISITOR, Cookies

_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)(?::([^{}]*(?:\{[^{}]*\}[^{}]*)*))?\}")
_VISITOR: Sequence[Mapping[str, list[str]]] = ({"visitorToken": []}, {"visitorCookie": []})
_STAFF: Sequence[Mapping[str, list[str]]] = ({"apiToken": []}, {"session": []})
_SECURITY: Mapping[Access, Sequence[Mapping[str, list[str]]]] = {
    Access.PUBLIC: (),
    Access.VISITOR: _VISITOR,
    Access.PARTICIPANT: (*_VISITOR, *_STAFF),
    **dict.fromkeys(BY_ROLE.values(), _STAFF),
    Access.PROVIDER: (),
    Access.OPERATOR: ({"metricsToken": []}, {}),
}


def _who_is(least: Role) -> str:
    """Whom this role and those above it are, as a sentence: "Supervisors and admins."."""
    *others, last = [f"{role.value}s" for role in Role if role.includes(least)]
    named = f"{', '.join(others)} and {last}" if others else last
    return f"{named.capitalize()}."


_WHO: Mapping[Access, str] = {
    Access.PUBLIC: "Anyone.",
    Access.VISITOR: "The conversation's visitor.",
    Access.PARTICIPANT: "The conversation's visitor, and staff.",
    **{access: _who_is(role) for role, access in BY_ROLE.items()},
    Access.PROVIDER: "The provider; every call is signed.",
    Access.OPERATOR: "The operator: by METRICS_TOKEN, on METRICS_PORT, else from this machine.",
}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457; 422 adds `errors`, 409 may add `decided_by` and `decision`; "
    "one too many of something adds of what (`limit`) and of whose (`scope`).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "decided_by": {"type": "string"},
        "decision": {"type": "string"},
        "held_by": {"type": "string"},
        "limit": {"type": "string"},
        "scope": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def routes(
    described: Sequence[Route], *, version: str, cookies: Cookies, base: str = ""
) -> Sequence[Route]:
    """`/api/openapi.json` about these routes and itself."""
    made: list[bytes] = []  # at the first request: it costs a tenth of a second

    def body() -> bytes:
        return dumps(document([*described, own], version=version, cookies=cookies, base=base))

    async def serve(_: web.Request) -> web.StreamResponse:
        if not made:
            made.append(await asyncio.to_thread(body))
        return web.Response(body=made[0], content_type="application/json")

    own = Route(
        method="GET",
        path="/api/openapi.json",
        handler=serve,
        access=Access.PUBLIC,
        summary="This document",
        responses={200: None},
        media_type="application/json",
    )
    return (own,)


def document(
    described: Iterable[Route], *, version: str, cookies: Cookies = PLAIN, base: str = ""
) -> dict[str, Any]:
    """The OpenAPI document; pages and hidden routes are left out. `base`: the path we are below."""
    shown = [route for route in described if not route.page and not route.hidden]
    paths: dict[str, dict[str, Any]] = {}
    for route in shown:
        path = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Contact Center OS",
            "version": version,
            "description": "Times are ISO 8601 in UTC; errors are problem+json (RFC 9457); "
            "a list's `next` goes into `?cursor=`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        **({"servers": [{"url": base}]} if base else {}),
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM, **_schemas(shown)},
            "securitySchemes": {
                "visitorToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`token` of POST /api/conversations.",
                },
                "visitorCookie": {"type": "apiKey", "in": "cookie", "name": cookies.name(VISITOR)},
                "apiToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A staff member's API token.",
                },
                "metricsToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The operator's METRICS_TOKEN.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": cookies.name(SESSION),
                    "description": "A signed-in browser; writes also carry X-CSRF-Token.",
                },
            },
        },
    }


def _schemas(shown: Sequence[Route]) -> dict[str, Any]:
    wanted: dict[type[BaseModel], Literal["validation", "serialization"]] = {}
    for route in shown:
        for model in route.responses.values():
            if model is not None:
                wanted[model] = "serialization"
    for route in shown:
        if route.body is not None:
            wanted[route.body] = "validation"
    places, schema = models_json_schema(list(wanted.items()), ref_template=_REF)
    # `_reference` goes by the name. Of two with one name, however deep the other lies, neither
    # would be found there.
    names = Counter(model.__name__ for model in wanted)
    doubled = {name for name, count in names.items() if count > 1}
    doubled |= {m.__name__ for m, mode in wanted.items() if places[m, mode] != _reference(m)}
    if doubled:
        raise ValueError(f"several shapes are called {', '.join(sorted(doubled))}")
    return dict(schema.get("$defs", {}))


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "description": _WHO[route.access],
        "operationId": _operation_id(route),
        "tags": [_tag(route)],
        "responses": _responses(route),
    }
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.body is not None:
        media = "application/x-www-form-urlencoded" if route.form else "application/json"
        # An empty body stands for an empty object.
        required = any(f.is_required() for f in route.body.model_fields.values())
        operation["requestBody"] = {
            "required": required,
            "content": {media: {"schema": _reference(route.body)}},
        }
    if route.upload:
        binary = {"schema": {"type": "string", "format": "binary"}}
        content = {"application/octet-stream": binary}
        operation["requestBody"] = {"required": True, "content": content}
    if security := _SECURITY[route.access]:
        operation["security"] = [dict(one) for one in security]
    return operation


def _operation_id(route: Route) -> str:
    words = re.findall(r"\w+", _PARAMETER.sub(r"by_\1", route.path).removeprefix("/api"))
    return "_".join([route.method.lower(), *words])


def _tag(route: Route) -> str:
    parts = [part for part in route.path.split("/") if part and part != "api"]
    return parts[0].split(".")[0] if parts else "chat"


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    is_conversation = route.access in (Access.VISITOR, Access.PARTICIPANT)
    for name, shape in _PARAMETER.findall(route.path):
        schema: dict[str, Any] = {"type": "string", "minLength": 1}
        if shape:
            schema["pattern"] = f"^{shape}$"
        elif name == "date":
            schema["format"] = "date"
        elif name == "id" and is_conversation:
            schema["pattern"] = "^[A-Za-z0-9_-]{1,64}$"
        parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    if route.query is not None:
        shape = route.query.model_json_schema(ref_template=_REF)
        required = shape.get("required", [])
        for name, schema in shape["properties"].items():
            parameters.append(
                {
                    "name": name,
                    "in": "query",
                    "required": name in required,
                    "schema": _inlined(schema, shape.get("$defs", {})),
                }
            )
    if route.stream:
        parameters.append(
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "description": "Go on after this number; 0 replays from the start.",
                "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
            }
        )
    return parameters


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Query parameters stand alone, so what they refer to is written out."""
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            return _inlined(definitions[str(schema["$ref"]).rsplit("/", 1)[1]], definitions)
        return {key: _inlined(value, definitions) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    return schema


def _responses(route: Route) -> dict[str, Any]:
    answers: dict[int, dict[str, Any]] = {}
    for status, model in route.responses.items():
        if status >= 400 and model is None:
            answers[status] = _problem(status)
        else:
            answers[status] = _answer(route, status, model)
    for status in refusals(route):
        answers.setdefault(status, _problem(status))
    return {str(status): answers[status] for status in sorted(answers)}


def _answer(route: Route, status: int, model: type[BaseModel] | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": title_of(status)}
    if model is not None:
        answer["content"] = {"application/json": {"schema": _reference(model)}}
    elif route.stream:
        answer["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    elif status != 204 and route.media_type:
        answer["content"] = {route.media_type: {}}
    return answer


def refusals(route: Route) -> set[int]:
    """What the gate may answer before the handler is asked, and what may befall any request."""
    statuses = {400, 429, 500, 503}
    if route.body is not None:
        statuses |= {408, 413, 415, 422}
    if route.upload:
        statuses |= {408, 413, 422}
    if route.query is not None:
        statuses.add(422)
    if route.method != "GET" or route.stream:
        statuses.add(403)
    match route.access:
        case Access.VISITOR:
            statuses |= {401, 404}
        case Access.PARTICIPANT:
            statuses |= {401, 403, 404}
        case Access.OPERATOR:
            statuses |= {401, 403}
        case Access.PROVIDER:
            statuses |= {403, 408, 413}
        case Access.PUBLIC:
            pass
        case _:  # staff
            statuses |= {401, 403}
    if "{" in route.path:
        statuses.add(404)
    return statuses


def _problem(status: int) -> dict[str, Any]:
    return {
        "description": title_of(status),
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
    }


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}
