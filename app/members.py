"""`members`: which processes of this installation live, and what each of them holds."""

from __future__ import annotations

from collections import Counter

from core.cluster.node import Node
from core.cluster.partitions import PARTITION_KEYS
from core.runtime.control_socket import Args, Command, Out


def members(node: Node) -> Command:
    """The command; exit code 1 where nobody works."""

    async def tell(_args: Args, out: Out) -> int:
        everybody, leases = await node.seen()
        shares = Counter(lease.owner for key, lease in leases.items() if key in PARTITION_KEYS)
        others: dict[str, list[str]] = {}
        for key, lease in sorted(leases.items()):
            if lease.owner and key not in PARTITION_KEYS:
                others.setdefault(lease.owner, []).append(key)
        for member in sorted(everybody, key=lambda one: (not one.alive, one.role, one.id)):
            held = [f"{shares[member.id]} partitions"] if shares[member.id] else []
            held += others.get(member.id, [])
            out.line(
                f"{member.role:6}  {'alive' if member.alive else 'dead':5}  {member.id}"
                f"  {member.version} (schema {member.schema})  {', '.join(held) or '-'}"
            )
        if not everybody:
            out.line("Nobody serves.")
        return 0 if any(one.alive and one.role.works for one in everybody) else 1

    return tell
