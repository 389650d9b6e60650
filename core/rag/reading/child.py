"""The bounded process that reads files: a request a line on its input, an answer a line out.

A request is {"path", "topic", "lang", "address", "charset"} in JSON. What a file makes its reader
do, it does here: the memory is bounded for good, the processor's time for each file anew. Files
are anybody's: a page of a website, an archive that unpacks to a terabyte, XML that multiplies
itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from core.rag.domain.errors import UnreadableDocument
from core.rag.domain.reading_outcome import Reading
from core.rag.reading.readers import read

MEMORY_BYTES = 3_000_000_000
CPU_SECONDS = 240  #: for one file
OUTPUT_BYTES = 200_000_000  #: of a file that is written; nothing here writes one


def serve() -> None:
    """Answer requests until the input ends."""
    # What a library prints is no answer of ours.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _bound()
    for line in sys.stdin:
        asked = json.loads(line)
        _allow_more_time()
        answers.write(json.dumps({**answer(**asked), "memory": _memory()}) + "\n")
        answers.flush()


def answer(
    path: str, topic: str, lang: str, address: str = "", charset: str = ""
) -> dict[str, Any]:
    """What reading gives, as JSON: `reading`, or `why` there is none."""
    from core.rag.reading.wire import to_json

    try:
        found: Reading = read(Path(path), topic=topic, lang=lang, address=address, charset=charset)
    except UnreadableDocument as error:
        return {"source": error.source, "why": error.why}
    except MemoryError:
        return {"source": path, "why": "reading it takes more memory than a file may"}
    return {"reading": to_json(found)}


def _memory() -> int:
    """The most memory that this program has had, in bytes; 0 where nobody counts it."""
    # Linux' `ru_maxrss` begins with what the parent had: of a large server no reader would last.
    with contextlib.suppress(ValueError, IndexError, OSError):
        status = Path("/proc/self/status").read_text("ascii", "replace")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most * (1 if sys.platform == "darwin" else 1024)
    return 0


def _bound() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        for what, most in (
            (resource.RLIMIT_AS, MEMORY_BYTES),
            (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(what, (most, most))
    with contextlib.suppress(OSError):
        os.nice(5)


def _allow_more_time() -> None:
    """The processor's time for the next file, from now on."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    serve()
