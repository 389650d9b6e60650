"""A record as JSON is one line and one object, masked like any other."""

from __future__ import annotations

import io
import json
import logging

from core.runtime.logs.format import formatter
from core.runtime.logs.masking import MaskedLog


def logged(wanted: str) -> list[str]:
    """What two records become."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter(wanted))
    handler.addFilter(MaskedLog())
    log = logging.Logger("core.engine", level=logging.INFO)
    log.addHandler(handler)
    log.info("accepted %d from %s", 3, "안녕\n{'forged': 1}")
    try:
        raise ValueError("password=hunter22222")
    except ValueError:
        log.exception("it failed")
    return out.getvalue().splitlines()


def test_as_json_each_line_is_an_object() -> None:
    first, second = (json.loads(line) for line in logged("json"))
    assert first["message"] == "accepted 3 from 안녕\\n{'forged': 1}"
    assert (first["level"], first["logger"]) == ("info", "core.engine")
    assert first["at"].endswith("+00:00")
    assert second["level"] == "error"
    assert "ValueError" in second["exception"]
    assert "hunter22222" not in second["exception"]


def test_as_text_it_is_a_line_for_people() -> None:
    assert "INFO core.engine: accepted 3" in logged("text")[0]
