"""Partitions: which conversations go together, and which member should work on them."""

from __future__ import annotations

import functools
import hashlib
import zlib
from collections.abc import Mapping

PARTITIONS = 256  #: for good: another number would move every conversation


def partition_of(conversation_id: str) -> int:
    """The partition of a conversation, 0 to `PARTITIONS` - 1; the same in every process."""
    return zlib.crc32(conversation_id.encode()) % PARTITIONS


def partition_key(number: int) -> str:
    """The lease's key of a partition."""
    return f"p:{number:03d}"


#: The leases of all partitions, by number.
PARTITION_KEYS = tuple(partition_key(number) for number in range(PARTITIONS))


def lease_of(conversation_id: str) -> str:
    """The key of the lease whose holder works on this conversation."""
    return PARTITION_KEYS[partition_of(conversation_id)]


@functools.lru_cache(maxsize=8)
def shares(members: frozenset[str]) -> Mapping[str, str]:
    """Which of these members should hold which partition, by keys; empty without members.

    Rendezvous hashing: when one comes or goes, nothing moves but its own share.
    """
    if not members:
        return {}
    return {key: max(members, key=lambda one: _weight(key, one)) for key in PARTITION_KEYS}


def _weight(key: str, member: str) -> bytes:
    return hashlib.blake2b(f"{key}\0{member}".encode(), digest_size=8).digest()
