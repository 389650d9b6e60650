"""The source `git`: the files of one branch of a repository."""

from __future__ import annotations

import asyncio
import base64
import fnmatch
import re
import shutil
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urljoin, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from core.sdk.source import (
    LARGEST_DOCUMENT,
    LONGEST_ADDRESS,
    Document,
    Item,
    Known,
    SourceContext,
    SourcePlugin,
    SourceRefused,
    SourceUnavailable,
    Unchanged,
    Unread,
)
from sources.git.command import Git, GitFailed

OURS = "refs/heads/source"  #: the branch as we have it
PINNING = (2, 37)  #: the version from which on git connects where we have looked
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/\-]{0,200}")
_REFUSED = re.compile(r"authentication|could not read (?:username|password)|403|401", re.IGNORECASE)
_TEXT = frozenset({
    ".md", ".markdown", ".mdx", ".txt", ".text", ".html", ".htm", ".xhtml", ".pdf", ".csv", ".tsv",
    ".tab", ".jsonl", ".ndjson", ".json", ".eml", ".docx", ".docm", ".xlsx", ".xlsm", ".pptx",
    ".odt", ".odp", ".ods", ".epub", ".rtf", ".doc", ".xls",
})  # fmt: skip
_PLAIN = frozenset({"100644", "100755"})


class GitSettings(BaseModel):
    """The repository, and a selection of its files."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    url: str = Field(
        title="Repository address",
        description="https://… or a folder of this machine that the operator has named on the "
        "command line.",
        max_length=1000,
    )
    branch: str = Field(
        "", title="Branch", description="Empty: the repository's own.", max_length=200
    )
    folder: str = Field(
        "", title="Folder", description="A folder in the repository; empty: all.", max_length=500
    )
    patterns: str = Field(
        "", title="Files", description="With commas: *.md, *.html. Empty: all.", max_length=1000
    )
    username: str = Field(
        "token", title="User name", max_length=200,
        description="It goes with the token; most services take any.",
    )  # fmt: skip
    token: SecretStr = Field(
        SecretStr(""), title="Access token", description="For a private repository."
    )
    page_url: str = Field(
        "", title="Address of the pages", pattern=r"^(https?://\S+)?$", max_length=1000,
        description="Where customers read the files: https://docs.acme.example/",
    )  # fmt: skip

    @field_validator("url")
    @classmethod
    def _is_repository(cls, value: str) -> str:
        if value.startswith("/"):
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("this is neither https://… nor an absolute path")
        if "@" in parts.netloc:
            raise ValueError("the token has a field of its own")
        return value

    @field_validator("branch")
    @classmethod
    def _is_branch(cls, value: str) -> str:
        if value and (not _BRANCH.fullmatch(value) or ".." in value):
            raise ValueError("this is no branch")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A file of the branch."""

    path: str
    oid: str
    size: int


class Repository:
    """One look at a repository."""

    def __init__(self, settings: GitSettings, context: SourceContext) -> None:
        self._settings = settings
        self._context = context
        self._patterns = [p.strip() for p in settings.patterns.split(",") if p.strip()]
        self._repository = context.data_dir / "repository.git"

    async def documents(self, known: Mapping[str, Known]) -> AsyncIterator[Item]:
        """See `core.sdk.source.Source.documents`."""
        git = await self._fetched()
        for blob in await self._blobs(git):
            before = known.get(blob.path)
            if before is not None and before.etag == blob.oid:
                yield Unchanged(address=blob.path)
                continue
            if blob.size > LARGEST_DOCUMENT:
                why = f"is larger than {LARGEST_DOCUMENT // 1_000_000} MB"
                yield Unread(address=blob.path, why=why)
                continue
            try:
                content = await git.run("cat-file", "blob", blob.oid)
            except GitFailed as error:
                yield Unread(address=blob.path, why=str(error))
                continue
            yield Document(
                address=blob.path,
                content=content,
                name=PurePosixPath(blob.path).name,
                etag=blob.oid,
                url=self._url(blob.path),
            )

    async def check(self) -> str:
        """See `core.sdk.source.ChecksSource.check`."""
        return f"{len(await self._blobs(await self._fetched()))} files."

    def _url(self, path: str) -> str:
        below = path.removeprefix(self._settings.folder.strip("/") + "/")
        return urljoin(self._settings.page_url, quote(below)) if self._settings.page_url else ""

    async def _fetched(self) -> Git:
        """Git in our copy, which has the branch's newest commit and nothing older."""
        git = await self._git()
        wanted = f"refs/heads/{self._settings.branch}" if self._settings.branch else "HEAD"
        for again in (False, True):
            try:
                if not (self._repository / "HEAD").is_file():
                    self._repository.mkdir(parents=True, exist_ok=True)
                    await git.run("init", "--quiet", "--bare")
                await git.run(
                    "fetch", "--quiet", "--depth=1", "--no-tags", "--force", "--prune",
                    "--no-recurse-submodules", "--", self._settings.url, f"+{wanted}:{OURS}",
                )  # fmt: skip
            except GitFailed as error:
                said = self._without_secrets(str(error))
                if _REFUSED.search(said):
                    raise SourceRefused(f"The repository refuses us: {said}") from error
                if again or not _is_damage(said):
                    raise SourceUnavailable(f"The repository cannot be fetched: {said}") from error
                # A killed fetch may leave what no other can begin with.
                await asyncio.to_thread(shutil.rmtree, self._repository, ignore_errors=True)
            else:
                break
        return git

    async def _git(self) -> Git:
        url, token = self._settings.url, self._settings.token.get_secret_value()
        self._repository.parent.mkdir(parents=True, exist_ok=True)
        if url.startswith("/"):
            if not self._context.may_read(Path(url)):
                raise SourceUnavailable(
                    f"{url} is not one that the operator has named on the command line."
                )
            safe = {"safe.directory": url}
            return Git(self._made(), config=safe, protocols=["file"])
        config = {"http.curloptResolve": await self._place(url)}
        if token:
            pair = base64.b64encode(f"{self._settings.username}:{token}".encode()).decode()
            config["http.extraHeader"] = f"Authorization: Basic {pair}"
        return Git(self._made(), config=config, protocols=["https", "http"])

    def _made(self) -> Path:
        self._repository.mkdir(parents=True, exist_ok=True)
        return self._repository

    async def _place(self, url: str) -> str:
        """Where the host is, for git to connect to it and nowhere else."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except OSError as error:
            raise SourceUnavailable(f"There is no host {host}.") from error
        places = list(dict.fromkeys(str(info[4][0]) for info in found))
        if not all(map(self._context.may_connect, places)):
            raise SourceUnavailable(
                f"{host} lies in a private network, which the operator has not allowed."
            )
        version = await Git(self._made(), config={}, protocols=[]).run("version")
        numbers = [int(n) for n in re.findall(rb"\d+", version)[:2]]
        if tuple(numbers) < PINNING:
            raise SourceUnavailable("This needs git 2.37 or newer.")
        bare = ",".join(f"[{p}]" if ":" in p else p for p in places)
        return f"{host}:{port}:{bare}"

    async def _blobs(self, git: Git) -> Sequence[Blob]:
        folder = self._settings.folder.strip("/")
        try:
            listed = await git.run("ls-tree", "-r", "-z", "--long", "--full-tree", OURS)
        except GitFailed as error:
            raise SourceUnavailable(f"The branch cannot be read: {error}") from error
        found = []
        for line in listed.split(b"\0"):
            about, _, raw = line.partition(b"\t")
            path = raw.decode("utf-8", "replace")
            # A link or a submodule leads out of the repository, and is not followed.
            if not about or about.split()[0].decode() not in _PLAIN:
                continue
            oid, size = about.split()[2:4]
            if self._wants(path, folder):
                found.append(Blob(path=path, oid=oid.decode(), size=int(size)))
        if folder and not found and not listed:
            raise SourceUnavailable(f"There is no folder {folder} in the repository.")
        return found

    def _wants(self, path: str, folder: str) -> bool:
        if folder and not path.startswith(f"{folder}/"):
            return False
        parts = PurePosixPath(path).parts
        if any(part.startswith(".") for part in parts) or len(path) > LONGEST_ADDRESS:
            return False
        if PurePosixPath(path).suffix.lower() not in _TEXT:
            return False
        return not self._patterns or any(
            fnmatch.fnmatchcase(path, one) or fnmatch.fnmatchcase(parts[-1], one)
            for one in self._patterns
        )

    def _without_secrets(self, said: str) -> str:
        token = self._settings.token.get_secret_value()
        return said.replace(token, "…") if token else said


def _is_damage(said: str) -> bool:
    return any(word in said for word in ("corrupt", "not a git repository", "lock", "bad object"))


plugin = SourcePlugin(settings=GitSettings, create=Repository)
