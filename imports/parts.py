"""The parts of imports, as its faces use them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from imports.groups.approving import Approving
from imports.groups.store import PastStore
from imports.importing import Importer
from imports.personal_data import PastOfPeople


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Reading, approving and forgetting over one store."""

    store: PastStore
    importer: Importer
    approving: Approving
    people: PastOfPeople
    open: Callable[[], Awaitable[Any]]  #: opens the model and the index, once
    url: Callable[[], str]
