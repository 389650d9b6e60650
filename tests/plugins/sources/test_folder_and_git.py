"""Folders and repositories as sources, over the real knowledge base and the real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from core.errors import BadInput
from plugins.sources.service import SourceChoice
from tests.plugins.sources.desk import ADMIN, SourceDesk

pytestmark = [pytest.mark.apart, pytest.mark.long]

PARKING = "# Parking\n\nCars stand behind the house, free of charge."
SAUNA = "# Sauna\n\nThe sauna is hot from five in the afternoon."


def fill(folder: Path) -> None:
    """A folder with two articles, and with what is none."""
    (folder / "faq").mkdir(parents=True, exist_ok=True)
    (folder / "faq" / "parking.md").write_text(PARKING)
    (folder / "sauna.md").write_text(SAUNA)
    (folder / ".hidden.md").write_text("# Hidden\n\nNobody's business.")
    (folder / "logo.png").write_bytes(b"\x89PNG")


async def test_a_folder_is_followed(desk: SourceDesk, tmp_path: Path) -> None:
    folder, outside = tmp_path / "docs", tmp_path / "outside.md"
    fill(folder)
    outside.write_text("# Secret\n\nThe code of the safe is 4711.")
    (folder / "link.md").symlink_to(outside)
    source = await desk.add("folder", {"path": str(folder)})
    assert source.state.error == ""
    assert await desk.titles() == {"Parking", "Sauna"}
    (folder / "sauna.md").write_text(SAUNA.replace("five", "six"))
    (folder / "faq" / "parking.md").rename(folder / "parking.md")
    source = await desk.sync(source.id)
    assert source.state.counts.unread == 0
    assert "six" in await desk.best("When is the sauna hot?")
    assert await desk.titles() == {"Parking", "Sauna"}
    folder.rename(tmp_path / "away")
    source = await desk.sync(source.id)
    assert "There is no folder" in source.state.error
    assert await desk.titles() == {"Parking", "Sauna"}


async def test_an_admin_reads_no_folder_of_the_machine(desk: SourceDesk, tmp_path: Path) -> None:
    fill(tmp_path / "docs")
    source = await desk.add("folder", {"path": str(tmp_path / "docs")}, user=ADMIN)
    assert "operator" in source.state.error
    assert await desk.titles() == set()
    # What the operator has named ceases to count when somebody else names another.
    (tmp_path / "other").mkdir()
    source = await desk.add("folder", {"path": str(tmp_path / "docs")})
    choice = SourceChoice(settings={"path": str(tmp_path / "other")})
    await desk.service.change(ADMIN, source.id, choice)
    source = await desk.sync(source.id)
    assert "operator" in source.state.error


def git(folder: Path, *arguments: str) -> None:
    """Run git as an author does."""
    settings = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True)


async def test_a_repository_is_followed(desk: SourceDesk, tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    fill(folder)
    (folder / "passwd.md").symlink_to("/etc/passwd")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    settings = {"url": str(folder), "page_url": "https://docs.acme.example/"}
    source = await desk.add("git", settings)
    assert source.state.error == ""
    assert await desk.titles() == {"Parking", "Sauna"}
    urls = {s.article.url for s in await desk.knowledge.list()}
    assert urls == {
        "https://docs.acme.example/faq/parking.md",
        "https://docs.acme.example/sauna.md",
    }
    (folder / "sauna.md").write_text(SAUNA.replace("five", "six"))
    git(folder, "commit", "-q", "-a", "--amend", "-m", "rewritten")
    source = await desk.sync(source.id)
    assert (source.state.counts.read, source.state.counts.unchanged) == (1, 1)
    assert "six" in await desk.best("When is the sauna hot?")
    # A fetch that was killed leaves what the next one cannot use.
    own = desk.folder / source.id / "own" / "repository.git"
    (own / "shallow.lock").write_text("")
    (folder / "sauna.md").write_text(SAUNA.replace("five", "seven"))
    git(folder, "commit", "-q", "-a", "-m", "two")
    source = await desk.sync(source.id)
    assert source.state.error == ""
    assert "seven" in await desk.best("When is the sauna hot?")


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "ext::sh -c 'touch /tmp/owned'"},
        {"url": "--upload-pack=touch /tmp/owned"},
        {"url": "file:///etc"},
        {"url": "ssh://acme.example/x"},
        {"url": "https://me:secret@acme.example/x"},
        {"url": "https://acme.example/x", "branch": "--upload-pack=x"},
        {"url": "https://acme.example/x", "branch": "a..b"},
    ],
)
async def test_what_would_run_something_is_refused(
    desk: SourceDesk, settings: dict[str, str]
) -> None:
    with pytest.raises(BadInput):
        await desk.service.add(ADMIN, "git", SourceChoice(settings=settings))


async def test_git_asks_nobody_in_the_private_network(desk: SourceDesk) -> None:
    source = await desk.add("git", {"url": "http://127.0.0.1:9/x.git"}, user=ADMIN)
    assert "private network" in source.state.error
    source = await desk.add("git", {"url": "/etc"}, user=ADMIN)
    assert "operator" in source.state.error
