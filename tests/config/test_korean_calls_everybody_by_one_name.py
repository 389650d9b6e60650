"""In Korean each role and the assistant have one name, on screen and in the guide."""

from __future__ import annotations

import re

import pytest

from config.languages import LANGUAGES
from core.runtime.shipped import GUIDE, LOCALES

#: What readers would take for somebody else.
STRANGERS = {
    "the assistant": r"어시스턴트|AI 상담원|AI 도우미|(?<!상담 )도우미",
    "a supervisor": r"수퍼바이저|감독자|관리 감독|책임자",
    "the reader": r"회원님",
}


@pytest.mark.parametrize("whose", STRANGERS)
def test_nobody_goes_by_a_second_name(whose: str) -> None:
    assert "ko" in LANGUAGES
    files = [*(LOCALES / "ko").glob("*.toml"), *(GUIDE / "ko").glob("*.md")]
    assert len(files) > 20
    found = {
        f"{file.name}: {line.strip()}"
        for file in files
        for line in re.sub(r"<!--.*?-->", "", file.read_text("utf-8"), flags=re.DOTALL).splitlines()
        if re.search(STRANGERS[whose], line)
    }
    assert found == set()
