"""Changes of stored settings: which are sealed, whose word an address is, what is asked for again.

Channels (`plugins.host.service`) and sources (`plugins.sources.service`) keep settings alike.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from core.accounts.secret_box import SecretBox
from core.errors import BadInput
from plugins.registry.forms import plain_values


class SecretNeeded(BadInput):
    """Another address needs its secrets again."""


class Configured(Protocol):
    """A plugin or a source as it is stored."""

    @property
    def id(self) -> str:
        """Secrets are sealed for it."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """The values that anybody may read."""
        ...

    @property
    def sealed(self) -> Mapping[str, str]:
        """The sealed secrets."""
        ...

    @property
    def vouched(self) -> Collection[str]:
        """The names of settings whose values the operator has given."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSettings:
    """Settings as they are to be stored."""

    settings: Mapping[str, Any]
    sealed: Mapping[str, str]
    vouched: tuple[str, ...]


def refuse_unknown(model: type[BaseModel], changes: Mapping[str, Any]) -> None:
    """Raises BadInput that names a setting which the model does not have."""
    known = set(plain_values(model))
    if unknown := sorted(set(changes) - known):
        raise BadInput(
            f"{unknown[0]}: there is no such setting; known: {', '.join(sorted(known))}."
        )


def with_changes(
    before: Configured,
    changes: Mapping[str, Any],
    *,
    secrets: Collection[str],
    seal: SecretBox,
    by_operator: bool,
) -> StoredSettings:
    """The settings after these changes: None takes one away, an empty secret leaves it as it is."""
    plain, sealed = dict(before.settings), dict(before.sealed)
    for name, value in changes.items():
        if name in secrets:
            if value is None:
                sealed.pop(name, None)
            elif value != "":
                sealed[name] = seal.close(before.id, name, str(value))
        elif value is None:
            plain.pop(name, None)
        else:
            plain[name] = value
    # The operator's word on an address stands until somebody else gives another.
    said = {name for name, value in plain.items() if before.settings.get(name) != value}
    vouched = {*before.vouched, *said} if by_operator else {*before.vouched} - said
    return StoredSettings(settings=plain, sealed=sealed, vouched=tuple(sorted(vouched)))


def require_secrets(
    moved: Sequence[str], changes: Mapping[str, Any], *, kept: Collection[str]
) -> None:
    """A changed address needs its secrets again: who only borrows them cannot lead them away.

    `moved` are addresses that are others now, `kept` the secrets that would go there. Raises
    SecretNeeded unless the changes bring all of them.
    """
    missing = sorted(name for name in kept if not changes.get(name))
    if moved and missing:
        raise SecretNeeded(f"{moved[0]} is another now; enter again: {', '.join(missing)}.")
