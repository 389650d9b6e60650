"""The API behind "model and key" on the settings page: read, choose, test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.audit.log import Audit
from core.accounts.roles import Action
from core.rag.llm.choice import ModelChoices, Source, WantedModel
from core.rag.llm.trial import tried
from core.web.http.responses import json_answer
from core.web.http.routing import Route, Strict, address_of, body_of, current_user

_Line = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]


class ModelBody(Strict):
    """The model to ask. An empty key leaves the stored one as it is."""

    source: Literal["environment", "none", "console"]
    model: _Line = Field(default="", description="provider:model, as openai:gpt-6-luna")
    base_url: _Line = Field(default="", description="Another server of that provider's kind.")
    api_key: _Line = Field(default="", description="Is kept encrypted and never shown again.")

    def wanted(self) -> WantedModel:
        """As the service takes it."""
        return WantedModel(
            source=Source(self.source),
            model=self.model,
            base_url=self.base_url,
            api_key=self.api_key,
        )


class ModelView(BaseModel):
    """The choice as it stands, and what the environment says."""

    source: Literal["environment", "none", "console"]
    model: str
    base_url: str
    has_key: bool = Field(description="Whether a key is stored; it is never shown.")
    environment_model: str = Field(description="LLM_MODEL; empty when it is not set.")
    trouble: str = Field(description="Why the chosen model is not asked; empty when it is.")


class ModelTrialView(BaseModel):
    """The outcome of a test: what the model said, or what was wrong."""

    ok: bool
    model: str
    said: str
    seconds: float
    left_out: list[str] = Field(description="Options that it refuses, and is asked without.")
    problem: str = Field(description="key, model, quota, unreachable, timeout …; empty when ok.")
    detail: str = Field(description="The library's own words.")


class ModelRoutes:
    """The handlers behind `/api/settings/model`."""

    def __init__(self, models: ModelChoices, *, audit: Audit, prompts: Path) -> None:
        self._models = models
        self._audit = audit
        self._prompts = prompts

    def routes(self) -> Sequence[Route]:
        """All three."""
        may, path = Action.SETTINGS_CHANGE, "/api/settings/model"
        return (
            Route(
                method="GET",
                path=path,
                handler=self.read,
                action=may,
                summary="Which language model is asked",
                responses={200: ModelView},
            ),
            Route(
                method="PUT",
                path=path,
                handler=self.save,
                action=may,
                summary="Choose the language model",
                body=ModelBody,
                responses={200: ModelView},
            ),
            Route(
                method="POST",
                path=path + "/test",
                handler=self.test,
                action=may,
                summary="Ask what is entered one question; nothing is kept",
                body=ModelBody,
                responses={200: ModelTrialView},
                dear=True,
            ),
        )

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET /api/settings/model."""
        del request
        await self._models.load()
        return json_answer(model_view(self._models))

    async def save(self, request: web.Request) -> web.StreamResponse:
        """PUT /api/settings/model."""
        wanted = body_of(request, ModelBody).wanted()
        await self._models.save(current_user(request), wanted, address=address_of(request))
        return json_answer(model_view(self._models))

    async def test(self, request: web.Request) -> web.StreamResponse:
        """POST /api/settings/model/test."""
        user = current_user(request)
        await self._models.load()
        settings = await self._models.tried(user, body_of(request, ModelBody).wanted())
        trial = await tried(settings, prompts=self._prompts)
        await self._audit.record(
            "settings.model_test",
            who=user.email,
            address=address_of(request),
            after={"model": trial.model, "outcome": trial.problem or "answers"},
        )
        return json_answer(
            ModelTrialView(
                ok=not trial.problem,
                model=trial.model,
                said=trial.said,
                seconds=round(trial.seconds, 2),
                left_out=list(trial.left_out),
                problem=trial.problem,
                detail=trial.detail,
            )
        )


def model_view(models: ModelChoices) -> ModelView:
    """The choice for whoever may change it."""
    choice = models.current
    return ModelView(
        source=choice.source.value,
        model=choice.model,
        base_url=choice.base_url,
        has_key=bool(choice.sealed_key),
        environment_model=models.environment.llm_model or "",
        trouble=models.trouble,
    )
