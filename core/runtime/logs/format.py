"""Formats log records: as a line for people, or as JSON for programs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from core.runtime.telemetry import tracing

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonFormatter(logging.Formatter):
    """One JSON object a record: at, level, logger, message; trace_id and exception if there is one.

    Masking has been done before, by the handler's filter.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The object, on one line."""
        said: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            "thread": record.threadName,
        }
        if traced := tracing.trace_id():
            said["trace_id"] = traced
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            said["exception"] = record.exc_text
        if record.stack_info:
            said["stack"] = record.stack_info
        return json.dumps(said, ensure_ascii=False)


def formatter(wanted: str) -> logging.Formatter:
    """The formatter for the setting LOG_FORMAT."""
    return JsonFormatter() if wanted == "json" else logging.Formatter(TEXT)
