"""Two shapes of one name would be two that no reference in the document finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import web
from pydantic import BaseModel

from core.web.http.routing import Access, Route
from core.web.openapi import document


def shape(module: str, field: str = "size") -> type[BaseModel]:
    """A model called Body, as if from this module."""
    return type("Body", (BaseModel,), {"__module__": module, "__annotations__": {field: int}})


async def handler(_: web.Request) -> web.StreamResponse:
    return web.Response()


def test_they_are_refused() -> None:
    one = Route(
        method="POST",
        path="/api/one",
        handler=handler,
        access=Access.PUBLIC,
        summary="One",
        body=shape("a"),
        responses={200: None},
    )
    made = document([one], version="1")
    body = made["paths"]["/api/one"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["$ref"].rsplit("/", 1)[1] in made["components"]["schemas"]

    other = replace(one, path="/api/other", body=shape("b"))
    with pytest.raises(ValueError, match="several shapes are called Body"):
        document([one, other], version="1")

    inner = type("Outer", (BaseModel,), {"__annotations__": {"inside": shape("c", "weight")}})
    deep = replace(one, path="/api/deep", body=inner)
    with pytest.raises(ValueError, match="several shapes are called Body"):
        document([one, deep], version="1")
