"""An archive is there whole or not at all, and what is not whole is refused in a sentence."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from core.backup.archive import (
    ArchiveReader,
    ArchiveWriter,
    Manifest,
    Unreadable,
    read_manifest,
    whole,
)

KEYS = ["", "a key of sixteen and more"]


def written(path: Path, *, key: str = "", size: int = 100) -> Path:
    """An archive with one member of random bytes."""
    archive = ArchiveWriter(path, key=key)
    archive.add("collections/log/0.bson", os.urandom(size))
    archive.finish({"release": "0.1.0"})
    archive.close()
    return path


@pytest.mark.parametrize("key", KEYS)
def test_it_comes_back(tmp_path: Path, key: str) -> None:
    path = tmp_path / "one"
    archive = ArchiveWriter(path, key=key)
    archive.add("attachments/a", b"A" * 3_000_000)
    archive.add("files/secret.key", b"s")
    assert not path.exists()
    size = archive.finish({"documents": {"log": 1}})
    archive.close()
    assert [p.name for p in tmp_path.iterdir()] == ["one"]
    assert (path.stat().st_size, path.stat().st_mode & 0o777) == (size, 0o600)
    with whole(), ArchiveReader(path, key=key) as found:
        members = [(str(name), content.read()) for name, content, _ in found.members()]
        assert members == [("attachments/a", b"A" * 3_000_000), ("files/secret.key", b"s")]
        assert found.manifest == Manifest(format=1, documents={"log": 1})


def test_without_a_key_it_is_a_tar_that_anybody_reads(tmp_path: Path) -> None:
    with tarfile.open(written(tmp_path / "one"), "r:gz") as tar:
        assert tar.getnames() == ["collections/log/0.bson", "manifest.json"]


@pytest.mark.parametrize("key", KEYS)
def test_what_is_broken_off_leaves_nothing_behind(tmp_path: Path, key: str) -> None:
    archive = ArchiveWriter(tmp_path / "one", key=key)
    archive.add("attachments/a", b"A" * 3_000_000)
    archive.close()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("mine")
    with pytest.raises(FileExistsError):
        ArchiveWriter(tmp_path / "one", key="")
    archive = ArchiveWriter(tmp_path / "two", key="")
    (tmp_path / "two").write_text("came meanwhile")
    with pytest.raises(FileExistsError):
        archive.finish({})
    archive.close()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
        "one": "mine",
        "two": "came meanwhile",
    }


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("left", [0.1, 0.5, 0.99])
def test_an_end_that_is_missing_is_found(tmp_path: Path, key: str, left: float) -> None:
    path = written(tmp_path / "one", key=key, size=3_000_000)
    os.truncate(path, int(path.stat().st_size * left))
    with pytest.raises(Unreadable if not key else Exception, match=r"backup"):
        read_manifest(path, key=key)


def test_a_byte_that_is_another_is_found(tmp_path: Path) -> None:
    path = written(tmp_path / "one", size=3_000_000)
    content = bytearray(path.read_bytes())
    content[2_000_000] ^= 1
    path.write_bytes(content)
    with pytest.raises(Unreadable, match="damaged"):
        read_manifest(path, key="")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a letter")
    with pytest.raises(Unreadable, match="no backup of ours"):
        read_manifest(tmp_path / "one", key="")
    with pytest.raises(Unreadable, match="set BACKUP_KEY"):
        read_manifest(written(tmp_path / "two", key=KEYS[1]), key="")


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "files/../../outside"])
def test_no_member_leads_out_of_it(tmp_path: Path, name: str) -> None:
    archive = ArchiveWriter(tmp_path / "one", key="")
    archive.add(name, b"x")
    archive.finish({})
    archive.close()
    with pytest.raises(Unreadable, match="never put there"):
        read_manifest(tmp_path / "one", key="")


def foreign(path: Path, *members: tarfile.TarInfo, said: bytes = b'{"format": 1}') -> Path:
    """A tar of somebody else's, of these members (with zeros for content) and this manifest."""
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
        manifest = tarfile.TarInfo("manifest.json")
        manifest.size = len(said)
        tar.addfile(manifest, io.BytesIO(said))
    return path


@pytest.mark.parametrize(
    "said",
    [
        "[1]", '"a"', "1", "null", "", "{", '{"release": "1"}', '{"format": "1"}',
        '{"format": true}', '{"format": 1.5}', '{"format": -1}', '{"format": 0}',
        '{"format": 1, "documents": [1]}', '{"format": 1, "documents": {"log": -1}}',
        '{"format": 1, "documents": {"log": 1e400}}', '{"format": 1, "documents": {"log": NaN}}',
        '{"format": 1, "documents": {"log": "many"}}', '{"format": 1, "attachments": {}}',
        '{"format": 1, "release": ["1"]}', '{"format": 1, "as_of": {"$gt": ""}}',
        '{"format": 1, "as_of": null}', '{"format": 1' + "0" * 5_000 + "}",
        "[" * 100_000, '{"format": 1, "documents": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"format": 1}' + " " * 1_000_000,
    ],
    ids=range(25),
)  # fmt: skip
def test_a_tar_of_something_else_is_refused(tmp_path: Path, said: str) -> None:
    path = foreign(tmp_path / "one", said=said.encode())
    with pytest.raises(Unreadable, match="no backup of ours"):
        read_manifest(path, key="")


def member(name: str = "attachments/a", **more: object) -> tarfile.TarInfo:
    """A member's header with these fields."""
    made = tarfile.TarInfo(name)
    for field, value in more.items():
        setattr(made, field, value)
    return made


@pytest.mark.parametrize(
    "strange",
    [
        *(
            member(type=kind, linkname="/etc/passwd")
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE,
                         tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.CONTTYPE, b"Z")
        ),
        member(type=tarfile.GNUTYPE_SPARSE), member(type=tarfile.XGLTYPE),
        member(type=tarfile.GNUTYPE_LONGNAME, size=1_000),
        member(pax_headers={"GNU.sparse.map": "0,0", "GNU.sparse.size": "99999999999"}),
        member(pax_headers={"comment": "a" * 10_000_000}),
        member(pax_headers={"path": "files/channels/a\0b"}), member("manifest.json/../x"),
        member("./../x"),
    ],
    ids=range(16),
)  # fmt: skip
def test_what_we_never_put_there_is_refused(tmp_path: Path, strange: tarfile.TarInfo) -> None:
    with pytest.raises(Unreadable, match=r"never put there|damaged"):
        read_manifest(foreign(tmp_path / "one", strange), key="")


def test_nothing_comes_after_the_manifest(tmp_path: Path) -> None:
    path = foreign(tmp_path / "one", member("manifest.json"))
    with pytest.raises(Unreadable):
        read_manifest(path, key="")
    with tarfile.open(path, "w:gz") as tar:
        for name in ("manifest.json", "attachments/a"):
            tar.addfile(member(name, size=13), io.BytesIO(b'{"format": 1}'))
    with pytest.raises(Unreadable, match="never put there"):
        read_manifest(path, key="")


def test_whoever_has_a_key_takes_no_backup_without_one(tmp_path: Path) -> None:
    """Or somebody who writes where backups lie would have made one of their own."""
    path = written(tmp_path / "one")
    with pytest.raises(Unreadable, match="restore it without BACKUP_KEY"):
        read_manifest(path, key=KEYS[1])
    assert read_manifest(path, key="").release == "0.1.0"


def test_an_archive_of_a_newer_release_is_refused_in_words(tmp_path: Path) -> None:
    archive = ArchiveWriter(tmp_path / "one", key="")
    archive.finish({"format": 2, "release": "9.0.0"})
    archive.close()
    with pytest.raises(Unreadable, match=r"newer release; restore it with 9\.0\.0"):
        read_manifest(tmp_path / "one", key="")
