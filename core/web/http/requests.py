"""Reads and validates JSON bodies, forms and queries."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from pydantic import BaseModel, ValidationError

from core.web.http.problems import Problem, from_validation
from core.web.http.routing import CALL, Route


async def read_body(request: web.Request, route: Route, model: type[BaseModel]) -> None:
    """Note the validated body on the call. Raises Problem 400, 413, 415 or 422."""
    length = request.content_length
    if length is not None and length > route.max_body:
        raise Problem(413, f"At most {route.max_body} bytes are taken here.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "A compressed body is not taken here.")
    if route.form:
        if request.content_type not in (
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ):
            raise Problem(415, "This takes a form.")
        form = await read_form(request)
        request[CALL].csrf = form.pop("csrf", "")
        request[CALL].body = validated(model, form)
        return
    raw = await request.read()
    if request.content_type != "application/json" and (raw or "Content-Type" in request.headers):
        raise Problem(415, "This takes application/json.")
    try:
        request[CALL].body = model.__pydantic_validator__.validate_json(raw or b"{}")
    except ValidationError as error:
        if error.errors(include_input=False, include_url=False)[0]["type"] == "json_invalid":
            raise Problem(400, "This is not JSON in UTF-8.") from None
        raise from_validation(error) from None


def validated(model: type[BaseModel], values: Mapping[str, object]) -> BaseModel:
    """Text fields as the model has them. Raises Problem 422."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise from_validation(error) from None


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of a form. Raises Problem 400."""
    try:
        fields = await request.post()
    except (ValueError, LookupError):
        raise Problem(400, "This form cannot be read.") from None
    found: dict[str, list[str]] = {}
    for name, value in fields.items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value)
    # Several ticks of one name come as one text.
    return {name: ",".join(values) for name, values in found.items()}


def with_limit(request: web.Request, limit: int) -> web.Request:
    """The same request, whose body may have this many bytes."""
    cloned = request.clone(client_max_size=limit)
    cloned[CALL] = request[CALL]
    return cloned
