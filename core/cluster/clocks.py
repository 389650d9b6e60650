"""A clock for leases: it counts on while the machine sleeps."""

from __future__ import annotations

import time


def steady() -> float:
    """Seconds since some moment; only differences mean anything, and only on this machine.

    Linux stops its monotonic clock while a machine is suspended; a member that slept must know
    that it did, so the time since boot is read there.
    """
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)
