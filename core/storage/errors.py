"""Translates the errors of MongoDB's driver into the product's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import DuplicateKeyError, PyMongoError

from core.errors import StoreUnavailable


class KeyTaken(StoreUnavailable):
    """The store has another document with this key; nothing was changed."""


@contextmanager
def store_errors() -> Iterator[None]:
    """What the driver raises inside leaves as StoreUnavailable, a key that is taken as KeyTaken.

    Whoever expects a key to be taken catches KeyTaken; for everybody else it is one more way in
    which the store could not do its work.
    """
    try:
        yield
    except DuplicateKeyError as error:
        raise KeyTaken from error
    except PyMongoError as error:
        raise StoreUnavailable from error
