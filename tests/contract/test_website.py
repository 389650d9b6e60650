"""The website keeps the promises of a source, by its sitemap and by its links."""

from __future__ import annotations

from typing import ClassVar

from core.sdk.testing.source_bench import SourceSimulator
from core.sdk.testing.source_contract import SourceContract
from sources.website.website import plugin as website
from tests.contract.source_systems import SiteSystem

OPEN = {"test_refused_credentials_are_said": "a website is read as any visitor reads it"}


class TestWebsiteBySitemap(SourceContract):
    plugin = website
    exempt: ClassVar = OPEN

    def system(self) -> SourceSimulator:
        return SiteSystem()


class TestWebsiteByLinks(SourceContract):
    plugin = website
    exempt: ClassVar = OPEN

    def system(self) -> SourceSimulator:
        return SiteSystem("links")
