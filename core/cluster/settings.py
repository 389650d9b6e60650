"""The settings that an installation of many processes needs."""

from __future__ import annotations

import hashlib

from config.settings import Settings
from core.cluster.model import Role
from core.errors import SetupError

DIGEST_BYTES = 8


def is_cluster(settings: Settings) -> bool:
    """Whether there may be other processes beside this one."""
    return settings.store.redis_url is not None


def check_role(settings: Settings, role: Role) -> None:
    """Raises SetupError that names what a process of this role lacks."""
    if not is_cluster(settings):
        if role is not Role.ALL:
            raise SetupError(f"--role {role.value} needs REDIS_URL: it is one of many processes.")
        return
    needed = {
        "MONGODB_URI": settings.store.mongodb_uri,
        "QDRANT_URL": settings.vectors.qdrant_url,
        "SECRET_KEY": settings.server.secret_key,
        "PUBLIC_URL": settings.server.public_url,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise SetupError(
            f"With REDIS_URL processes share everything else, too: set {_and(missing)}."
        )


def digest_of(secret_key: str) -> str:
    """By which members see that they have the same key, and nobody else learns it."""
    return hashlib.blake2b(secret_key.encode(), digest_size=DIGEST_BYTES).hexdigest()


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
