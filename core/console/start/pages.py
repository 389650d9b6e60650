"""The page of the first hour, and the API that brings and removes the demonstration."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.roles import Action
from core.console.start.shop import DemonstrationShop, KnowsAlready
from core.console.start.steps import FirstSteps
from core.rag.knowledge_base.rag import Rag
from core.web.http.problems import Problem
from core.web.http.responses import json_answer
from core.web.http.routing import (
    Route,
    Strict,
    address_of,
    body_of,
    current_user,
    page_route,
)
from core.web.pages import Pages

PAGE = "/console/start"


class BringBody(Strict):
    """The wish for the demonstration shop."""

    anyway: bool = Field(
        default=False, description="Also where the company has knowledge of its own."
    )


class DemonstrationView(BaseModel):
    """The demonstration as far as it is here."""

    here: bool
    conversations: int
    people: int


class StepView(BaseModel):
    """A step of the first hour."""

    name: str
    done: bool


class StartView(BaseModel):
    """The first hour as it stands."""

    steps: list[StepView]
    demonstration: DemonstrationView


class StartRoutes:
    """The handlers behind `/console/start`, `/api/start` and `/api/demonstration`."""

    def __init__(
        self, steps: FirstSteps, *, shop: DemonstrationShop, rag: Rag, pages: Pages
    ) -> None:
        self._steps = steps
        self._shop = shop
        self._rag = rag
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """The page, the steps, and the shop's coming and going."""
        may, path = Action.SETTINGS_CHANGE, "/api/demonstration"
        return (
            page_route(PAGE, self.page, "First steps", action=may).in_menu("start.title", 90),
            Route(
                method="GET",
                path="/api/start",
                handler=self.read,
                action=may,
                summary="The first hour's steps, and whether the demonstration shop is here",
                responses={200: StartView},
            ),
            Route(
                method="POST",
                path=path,
                handler=self.bring,
                action=may,
                summary="Bring the demonstration shop",
                body=BringBody,
                responses={200: DemonstrationView, 409: None},
                dear=True,
            ),
            Route(
                method="DELETE",
                path=path,
                handler=self.remove,
                action=may,
                summary="Remove the demonstration shop, wholly",
                responses={200: DemonstrationView},
                dear=True,
            ),
        )

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /console/start."""
        shop = self._rag.shop
        steps = await self._steps.steps()
        brought = await self._shop.brought()
        titles = await shop.contents(self._pages.locale(request)) if shop and brought else []
        values = {
            "steps": steps,
            "left": sum(not step.done for step in steps),
            "brought": brought,
            "articles": [title for _, title in titles],
            "has_knowledge": steps[0].done,
        }
        return self._pages.render(request, "start.html", values)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET /api/start."""
        del request
        steps = [StepView(name=one.name, done=one.done) for one in await self._steps.steps()]
        return json_answer(StartView(steps=steps, demonstration=await self._view()))

    async def bring(self, request: web.Request) -> web.StreamResponse:
        """POST /api/demonstration."""
        try:
            await self._shop.bring(
                current_user(request),
                locale=self._pages.locale(request),
                anyway=body_of(request, BringBody).anyway,
                address=address_of(request),
            )
        except KnowsAlready as error:
            raise Problem(409, error.detail, extra={"needs": "anyway"}) from error
        return json_answer(await self._view())

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """DELETE /api/demonstration."""
        await self._shop.remove(current_user(request), address=address_of(request))
        return json_answer(await self._view())

    async def _view(self) -> DemonstrationView:
        brought = await self._shop.brought()
        return DemonstrationView(
            here=brought is not None,
            conversations=len(brought.conversations) if brought else 0,
            people=len(brought.people) if brought else 0,
        )
