"""The repository keeps the promises of a source."""

from __future__ import annotations

from typing import ClassVar

from core.sdk.testing.source_bench import SourceSimulator
from core.sdk.testing.source_contract import SourceContract
from sources.git.repository import plugin as git
from tests.contract.source_systems import RepositorySystem


class TestGit(SourceContract):
    plugin = git
    exempt: ClassVar = {
        "test_refused_credentials_are_said": "a repository of this machine asks for none",
        "test_a_document_that_cannot_be_read_is_not_gone": "a branch is fetched as a whole",
    }

    def system(self) -> SourceSimulator:
        return RepositorySystem()
