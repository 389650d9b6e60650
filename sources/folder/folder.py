"""The source `folder`: the files below a folder of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.sdk.source import (
    LARGEST_DOCUMENT,
    Document,
    Item,
    Known,
    SourceContext,
    SourcePlugin,
    SourceUnavailable,
    Unchanged,
    Unread,
)
from sources.folder.files import content_of, files_in


class FolderSettings(BaseModel):
    """The folder, and a selection of its files."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    path: str = Field(
        title="Folder",
        description="An absolute path of this machine; only one that the operator has named on "
        "the command line is read.",
        max_length=1000,
    )
    patterns: str = Field(
        "", title="Files", description="With commas: *.md, *.pdf. Empty: all.", max_length=1000
    )

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, value: str) -> str:
        if not Path(value).is_absolute():
            raise ValueError("this is no absolute path")
        return value


class Folder:
    """One look at a folder."""

    def __init__(self, settings: FolderSettings, context: SourceContext) -> None:
        self._folder = Path(settings.path)
        self._patterns = [p.strip() for p in settings.patterns.split(",") if p.strip()]
        self._context = context

    async def documents(self, known: Mapping[str, Known]) -> AsyncIterator[Item]:
        """See `core.sdk.source.Source.documents`."""
        folder = self._allowed()
        try:
            found = await asyncio.to_thread(lambda: list(files_in(folder, self._patterns)))
        except OSError as error:
            raise SourceUnavailable(f"{folder} cannot be read ({_said(error)}).") from error
        for below, path, state in found:
            modified = f"{state.st_mtime_ns} {state.st_size} {state.st_ctime_ns}"
            before = known.get(below)
            if before is not None and before.modified == modified:
                yield Unchanged(address=below)
                continue
            try:
                content = await asyncio.to_thread(content_of, path, LARGEST_DOCUMENT)
            except FileNotFoundError:
                continue  # it went while we looked
            except OSError as error:
                yield Unread(address=below, why=_said(error))
                continue
            yield Document(
                address=below,
                content=content,
                name=path.name,
                modified=modified,
            )

    async def check(self) -> str:
        """See `core.sdk.source.ChecksSource.check`."""
        folder = self._allowed()
        try:
            found = await asyncio.to_thread(lambda: list(files_in(folder, self._patterns)))
        except OSError as error:
            raise SourceUnavailable(f"{folder} cannot be read ({_said(error)}).") from error
        return f"{len(found)} files in {folder}."

    def _allowed(self) -> Path:
        if not self._context.may_read(self._folder):
            raise SourceUnavailable(
                f"{self._folder} is not one that the operator has named on the command line."
            )
        if not self._folder.is_dir():
            # A disk that is not mounted is no emptied folder.
            raise SourceUnavailable(f"There is no folder {self._folder}.")
        return self._folder


def _said(error: OSError) -> str:
    return error.strerror or str(error)


plugin = SourcePlugin(settings=FolderSettings, create=Folder)
