"""A site's word for who its visitor is counts with its server's signature only."""

from __future__ import annotations

import hashlib
import hmac

from core.web.identity.visitor_identity import VisitorIdentity


def test_it_is_plain_hmac_that_any_server_can_make() -> None:
    identity = VisitorIdentity(secret_key="k" * 32)
    made = hmac.new(identity.secret.encode(), b"customer-42", hashlib.sha256).hexdigest()
    assert identity.is_signed("customer-42", made)
    assert identity.is_signed("customer-42", made.upper())
    assert identity.sign("customer-42") == made


def test_nothing_else_counts() -> None:
    identity = VisitorIdentity(secret_key="k" * 32)
    signed = identity.sign("customer-42")
    assert not identity.is_signed("customer-43", signed)
    assert not identity.is_signed("customer-42", "")
    assert not identity.is_signed("customer-42", "é" * 64)
    assert not VisitorIdentity(secret_key="x" * 32).is_signed("customer-42", signed)


def test_it_outlives_a_change_of_the_key() -> None:
    signed = VisitorIdentity(secret_key="old" * 12).sign("customer-42")
    after = VisitorIdentity(secret_key="new" * 12, previous_key="old" * 12)
    assert after.is_signed("customer-42", signed)
    assert after.is_signed("customer-42", after.sign("customer-42"))
