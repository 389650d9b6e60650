"""The fit of the confidence as one process made it, and all of them go by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from core.rag.confidence.model import Confidence, Model
from core.rag.confidence.recalibration import Refit
from core.storage.client import MongoCollection
from core.storage.errors import store_errors

ID = "fit"


class FitStore:
    """One document: the kinds of answers it counts for, and its models' numbers as they are."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def publish(self, fit: Refit | None) -> None:
        """Have all processes go by it; None: by the prior alone. Raises StoreUnavailable."""
        document: dict[str, Any] = {"_id": ID, "kinds": [], "models": {}}
        if fit is not None:
            models = {name: _plain(model) for name, model in fit.model.models.items()}
            document |= {"kinds": sorted(fit.kinds), "models": models}
        with store_errors():
            await self._collection.replace_one({"_id": ID}, document, upsert=True)

    async def published(self, prior: Confidence) -> Refit | None:
        """The newest, over this prior; None for the prior alone. Raises StoreUnavailable."""
        with store_errors():
            found = await self._collection.find_one({"_id": ID})
        if not found or not found["kinds"]:
            return None
        models = {name: _model(raw) for name, raw in found["models"].items()}
        return Refit(model=replace(prior, models=models), kinds=frozenset(found["kinds"]))


def _plain(model: Model) -> dict[str, Any]:
    return {
        "names": list(model.names),
        "means": model.means.tolist(),
        "scales": model.scales.tolist(),
        "weights": model.weights.tolist(),
        "bias": float(model.bias),
    }


def _model(raw: Mapping[str, Any]) -> Model:
    return Model(
        names=list(raw["names"]),
        means=np.array(raw["means"]),
        scales=np.array(raw["scales"]),
        weights=np.array(raw["weights"]),
        bias=raw["bias"],
    )
