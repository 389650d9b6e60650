"""Logs what blocks the event loop, and ends a process that is stuck for good.

Everybody waits while the loop does. A thread sends beats through the loop and, when one does not
come back, logs where the loop's thread stands. Code that keeps the interpreter to itself keeps
that thread from running too; then the timer of `faulthandler`, which needs no interpreter, writes
the stack into a file that is logged afterwards, and processor time without a beat ends the process.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import signal
import sys
import tempfile
import threading
import time
import traceback

from prometheus_client import CollectorRegistry, Counter, Gauge

log = logging.getLogger(__name__)

BEAT = 0.5  #: seconds between two beats
LOOK = 0.1  #: seconds between two looks for one that is late
BLOCKED = 1.0  #: seconds without the loop that are worth a line in the log
LIMIT = 60.0  #: seconds of processor time without one beat, after which the process ends
FRAMES = 12  #: of the stack, the innermost


class LoopWatchdog:
    """Watches one running loop; `start` on it, once in a process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self._blocks = Counter(
            "contact_center_loop_blocked",
            "Times that the event loop was held up for over a second.",
            registry=registry,
        )
        self._gauge = Gauge(
            "contact_center_loop_blocked_max_seconds",
            "The longest time that the event loop was held up for, since the start.",
            registry=registry,
        )
        self.longest = 0.0  #: seconds
        self._back = time.monotonic()
        self._ended = threading.Event()
        self._stacks = tempfile.TemporaryFile()  # noqa: SIM115 - as long as we watch
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Watch from now on."""
        # Ends the process with its stack on stderr; paused or asleep, it uses no processor time.
        faulthandler.register(signal.SIGVTALRM, file=sys.__stderr__ or 2, chain=True)
        args = (asyncio.get_running_loop(), threading.get_ident())
        self._thread = threading.Thread(
            target=self._watch, args=args, name="loop watchdog", daemon=True
        )
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; safe twice, and from any thread."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _beat(self) -> None:
        self._back = time.monotonic()
        if not self._ended.is_set():
            faulthandler.dump_traceback_later(BLOCKED, file=self._stacks)
            signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)

    def _watch(self, loop: asyncio.AbstractEventLoop, watched: int) -> None:
        while True:
            # This thread's own sleep is too long, too, where it is kept from running.
            due, told = time.monotonic() + BEAT, False
            if self._ended.wait(BEAT):
                return
            asked = time.monotonic()
            try:
                loop.call_soon_threadsafe(self._beat)
            except RuntimeError:
                return  # the loop is closed
            while self._back < asked and not self._ended.wait(LOOK):
                late = time.monotonic() - due
                if late >= BLOCKED and not told and self._back < asked:
                    told = True
                    self._tell(late, _at(watched))
            late = self._back - due
            if late >= BLOCKED:
                if not told:
                    # This thread could not run either, but the timer could.
                    self._tell(late, self._written())
                log.error("the event loop goes on after %.1f s", late)
            self._stacks.seek(0)
            self._stacks.truncate()
            self.longest = max(self.longest, late)
            self._gauge.set(self.longest)

    def _tell(self, late: float, where: str) -> None:
        self._blocks.inc()
        log.error("the event loop is held up for %.1f s by:\n%s", late, where)

    def _written(self) -> str:
        self._stacks.seek(0)
        return self._stacks.read().decode("utf-8", "replace").strip() or "(nobody saw it)"


def _at(thread: int) -> str:
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - the only way to another's stack
    if frame is None:
        return "(the thread has ended)"
    return "".join(traceback.format_stack(frame)[-FRAMES:]).rstrip()
