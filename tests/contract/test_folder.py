"""The folder keeps the promises of a source."""

from __future__ import annotations

from typing import ClassVar

from core.sdk.testing.source_bench import SourceSimulator
from core.sdk.testing.source_contract import SourceContract
from sources.folder.folder import plugin as folder
from tests.contract.source_systems import FolderSystem


class TestFolder(SourceContract):
    plugin = folder
    exempt: ClassVar = {
        "test_refused_credentials_are_said": "a folder asks for no credentials",
        "test_a_document_that_cannot_be_read_is_not_gone": "tests may run as root, who reads all",
    }

    def system(self) -> SourceSimulator:
        return FolderSystem()
