"""Only `core.storage` speaks of the driver's errors; everybody else hears the product's own."""

from __future__ import annotations

import ast

import pytest
from pymongo.errors import AutoReconnect, DuplicateKeyError, PyMongoError

from core.errors import StoreUnavailable
from core.storage.client import Database, connect
from core.storage.errors import KeyTaken, store_errors
from tests.support.process import PRODUCT, ROOT

#: The log tells what it wrote from what others wrote by the driver's account of a batch; a member
#: of a cluster tells a store that refuses from one that is away.
KNOW_THE_DRIVER = {"core/engine/store/commit_log.py", "core/cluster/mongo_store.py"}


async def test_a_key_that_is_taken_has_an_error_of_its_own(db: Database) -> None:
    """A second document with one key is KeyTaken, which is StoreUnavailable to everybody else."""
    await db["things"].insert_one({"_id": 1})
    with pytest.raises(KeyTaken) as caught, store_errors():
        await db["things"].insert_one({"_id": 1})
    assert isinstance(caught.value, StoreUnavailable)
    assert isinstance(caught.value.__cause__, DuplicateKeyError)


async def test_a_store_that_is_away_is_unavailable() -> None:
    """Nobody listens at port 1: StoreUnavailable, which says nothing of the driver's words."""
    client = connect("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50")
    try:
        with pytest.raises(StoreUnavailable) as caught, store_errors():
            await client["db"]["things"].find_one({})
    finally:
        await client.close()
    assert caught.type is StoreUnavailable
    assert caught.value.detail == "The store does not answer; nothing was changed."
    assert isinstance(caught.value.__cause__, PyMongoError)


def test_what_is_not_the_drivers_passes() -> None:
    """An error of our own, and a value that comes out, are left as they are."""
    with pytest.raises(ZeroDivisionError), store_errors():
        1 / 0  # noqa: B018
    with pytest.raises(KeyTaken), store_errors(), store_errors():
        raise DuplicateKeyError("taken")
    with pytest.raises(StoreUnavailable), store_errors():
        raise AutoReconnect("away")


def test_the_drivers_errors_stay_in_the_store() -> None:
    """No module outside `core.storage` imports `pymongo.errors`, but two."""
    found = {
        path.relative_to(ROOT).as_posix()
        for package in PRODUCT
        for path in (ROOT / package).rglob("*.py")
        if any(_of_the_driver(node) for node in ast.walk(ast.parse(path.read_text())))
    }
    outside = {path for path in found if not path.startswith("core/storage/")}
    assert outside == KNOW_THE_DRIVER


def _of_the_driver(node: ast.AST) -> bool:
    match node:
        case ast.ImportFrom(module=str(module)):
            return module.startswith("pymongo.errors")
        case ast.Import(names=names):
            return any(alias.name.startswith("pymongo.errors") for alias in names)
    return False
