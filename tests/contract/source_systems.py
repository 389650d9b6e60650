"""The systems that our own sources read, for the contract: a site, a folder, a repository."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.sdk.testing.source_bench import SourceSimulator
from tests.support.servers.website import FaultySite


class SiteSystem(SourceSimulator):
    """A website, by its sitemap or its links."""

    def __init__(self, follow: str = "sitemap") -> None:
        self._site = FaultySite(sitemap="plain" if follow == "sitemap" else "none")
        self._follow = follow

    async def start(self) -> None:
        """See `SourceSimulator.start`."""
        await self._site.__aenter__()
        self._site.add("/", "Acme", "Welcome to Acme, which rents rooms.")

    async def stop(self) -> None:
        """See `SourceSimulator.stop`."""
        await self._site.__aexit__(None, None, None)

    def settings(self) -> Mapping[str, Any]:
        """See `SourceSimulator.settings`."""
        return {"url": f"{self._site.root}/", "pause": 0.0, "follow": self._follow}

    async def put(self, name: str, title: str, text: str) -> None:
        """See `SourceSimulator.put`."""
        self._site.add(f"/{name}", title, text)
        self._link()

    async def remove(self, name: str) -> None:
        """See `SourceSimulator.remove`."""
        del self._site.pages[f"/{name}"]
        self._link()

    def go_down(self) -> None:
        """See `SourceSimulator.go_down`."""
        self._site.down = True

    def break_one(self, name: str) -> None:
        """See `SourceSimulator.break_one`."""
        self._site.always[f"/{name}"] = 500

    @property
    def requests(self) -> int:  # type: ignore[override]
        """See `SourceSimulator.requests`."""
        return self._site.asked.total()

    def _link(self) -> None:
        self._site.pages["/"].links = tuple(p for p in self._site.pages if p != "/")


class FolderSystem(SourceSimulator):
    """A folder of this machine."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="folder-"))

    async def stop(self) -> None:
        """See `SourceSimulator.stop`."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def settings(self) -> Mapping[str, Any]:
        """See `SourceSimulator.settings`."""
        return {"path": str(self.folder)}

    async def put(self, name: str, title: str, text: str) -> None:
        """See `SourceSimulator.put`."""
        (self.folder / f"{name}.md").write_text(f"# {title}\n\n{text}\n", encoding="utf-8")

    async def remove(self, name: str) -> None:
        """See `SourceSimulator.remove`."""
        (self.folder / f"{name}.md").unlink()

    def go_down(self) -> None:
        """See `SourceSimulator.go_down`: the disk is not mounted."""
        self.folder.rename(self.folder.with_suffix(".away"))


class RepositorySystem(FolderSystem):
    """A repository of this machine, with a commit for each change."""

    async def start(self) -> None:
        """See `SourceSimulator.start`."""
        self._git("init", "-q", "-b", "main")
        self._git("commit", "-q", "--allow-empty", "-m", "begun")

    def settings(self) -> Mapping[str, Any]:
        """See `SourceSimulator.settings`."""
        return {"url": str(self.folder)}

    async def put(self, name: str, title: str, text: str) -> None:
        """See `SourceSimulator.put`."""
        await super().put(name, title, text)
        self._commit()

    async def remove(self, name: str) -> None:
        """See `SourceSimulator.remove`."""
        await super().remove(name)
        self._commit()

    def _commit(self) -> None:
        self._git("add", "-A")
        self._git("commit", "-q", "-m", "changed")

    def _git(self, *arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True, capture_output=True)
