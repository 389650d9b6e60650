"""A backup holds everything but what means something to running processes, and nobody erased."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from bson import decode_all, encode

from core.attachments.blobs import FileBlobs, Spool
from core.backup.archive import ArchiveReader, ArchiveWriter, Unreadable, whole
from core.backup.dump import Dump
from core.backup.load import (
    LONGEST_PART,
    Loaded,
    behind,
    load,
    refuse_unless_empty,
    refuse_unless_unused,
)
from core.errors import BadInput, SetupError, StoreUnavailable
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

Mongo = Callable[[], Database]


def commit(conversation: str, number: int, *, events: int = 1) -> dict[str, object]:
    """A stored commit, as far as a backup looks at it."""
    return {
        "_id": f"{conversation}/{number}", "c": conversation, "n": number, "events": [{}] * events,
    }  # fmt: skip


async def content(text: bytes, folder: Path) -> str:
    """A content that is kept in this folder; its digest."""
    writer = await Spool(folder / "incoming").writer(limit=1000)
    await writer.write(text)
    spooled = await writer.finish()
    await FileBlobs(folder).add(spooled)
    return spooled.digest


def dump_of(db: Database, folder: Path, **more: Callable[[], Awaitable[object]]) -> Dump:
    """A dump of this database; files lie in this folder."""
    return Dump(
        db,
        data_dir=folder,
        blobs=Meddled(folder / "attachments", **more),
        clock=ManualClock(),
        left_out=["sessions"],
        pause=0.0,
    )


class Meddled(FileBlobs):
    """Contents beside which something happens each time that they are listed."""

    def __init__(
        self, folder: Path, meanwhile: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        super().__init__(folder)
        self._meanwhile = meanwhile

    async def digests(self, *, older_than: float) -> list[str]:
        """As always, after what happens."""
        if self._meanwhile is not None:
            await self._meanwhile()
        return await super().digests(older_than=older_than)


async def restored(path: Path, db: Database, folder: Path) -> Loaded:
    """The archive, put into this database and folder."""
    return await load(
        path, key="", db=db, data_dir=folder, progress=lambda _: None,
        blobs=FileBlobs(folder / "attachments"), spool=Spool(folder / "attachments" / "incoming"),
    )  # fmt: skip


async def test_what_is_restored_is_what_was_backed_up(mongo: Mongo, tmp_path: Path) -> None:
    here, there = mongo(), mongo()
    old, new = tmp_path / "old", tmp_path / "new"
    digest = await content(b"a picture", old / "attachments")
    (old / "secret.key").write_text("secret\n")
    (old / "plugins" / "mine" / "__pycache__").mkdir(parents=True)
    (old / "plugins" / "mine" / "manifest.toml").write_text("id = 'mine'\n")
    (old / "plugins" / "mine" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (old / "plugins" / "link").symlink_to("/etc")
    await here["articles"].insert_many([{"_id": n, "text": "x" * 3000} for n in range(2000)])
    await here["sessions"].insert_one({"_id": "somebody's"})
    await here["log"].insert_many([commit("a", 1), commit("a", 2, events=3), commit("b", 1)])

    made = await dump_of(here, old).write(tmp_path / "one", key="")
    loaded = await restored(tmp_path / "one", there, new)

    assert made.documents == {"articles": 2000, "log": 3}
    assert loaded.documents == {"articles": 2000, "log": 3}
    assert loaded.heads == {"a": 4, "b": 1}
    for name in ("articles", "log"):
        same = [await db[name].find({}).sort("_id", 1).to_list() for db in (here, there)]
        assert same[0] == same[1]
    files = {str(p.relative_to(new)): p.read_bytes() for p in new.rglob("*") if p.is_file()}
    assert files == {
        f"attachments/{digest[:2]}/{digest}": b"a picture",
        "plugins/mine/manifest.toml": b"id = 'mine'\n",
        "secret.key": b"secret\n",
    }
    assert (new / "secret.key").stat().st_mode & 0o777 == 0o600


async def test_what_is_appended_meanwhile_is_in_it_with_its_files(
    mongo: Mongo, tmp_path: Path
) -> None:
    db, said = mongo(), iter(range(1, 100))
    await db["articles"].insert_one({"_id": "one"})

    async def write() -> None:
        n = next(said)
        await content(f"file {n}".encode(), tmp_path / "attachments")
        await db["log"].insert_one(commit("a", n))
        await db["articles"].insert_one({"_id": f"later {n}"})

    made = await dump_of(db, tmp_path, meanwhile=write).write(tmp_path / "one", key="")
    assert _documents(tmp_path / "one", "log") == ["a/1"]
    assert _documents(tmp_path / "one", "articles") == ["one"]
    assert (made.attachments, made.missing) == (2, 0)


async def test_whoever_is_erased_meanwhile_is_not_in_it(mongo: Mongo, tmp_path: Path) -> None:
    db = mongo()
    await db["log"].insert_many([commit("theirs", 1), commit("other", 1)])
    times = iter(range(100))

    async def erase_once() -> None:
        if next(times) == 0:
            await db["log"].delete_one({"_id": "theirs/1"})
            await db["erasures"].insert_one({"_id": "e1"})

    await dump_of(db, tmp_path, meanwhile=erase_once).write(tmp_path / "one", key="")
    assert _documents(tmp_path / "one", "log") == ["other/1"]
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["one"]


async def test_erasures_without_end_leave_no_backup(mongo: Mongo, tmp_path: Path) -> None:
    db, numbers = mongo(), iter(range(100))

    async def erase() -> None:
        await db["erasures"].insert_one({"_id": next(numbers)})

    with pytest.raises(StoreUnavailable, match=r"begun 3 times .*erased"):
        await dump_of(db, tmp_path, meanwhile=erase).write(tmp_path / "one", key="")
    assert list(tmp_path.iterdir()) == []


async def test_where_it_cannot_be_written_is_said(mongo: Mongo, tmp_path: Path) -> None:
    dump = dump_of(mongo(), tmp_path)
    (tmp_path / "one").write_text("mine")
    with pytest.raises(BadInput, match="is there already"):
        await dump.write(tmp_path / "one", key="")
    with pytest.raises(BadInput, match="cannot be written: No such file"):
        await dump.write(tmp_path / "nowhere" / "one", key="")
    assert (tmp_path / "one").read_text() == "mine"


async def test_only_an_empty_place_is_filled(mongo: Mongo, tmp_path: Path) -> None:
    refuse_unless_empty(tmp_path / "nowhere")
    refuse_unless_empty(tmp_path)
    (tmp_path / "lost+found").mkdir()
    refuse_unless_empty(tmp_path)
    (tmp_path / "store").mkdir()
    with pytest.raises(SetupError, match=r"is not empty \(store is there\).*--data-dir"):
        refuse_unless_empty(tmp_path)
    db = mongo()
    await db.create_collection("articles")
    await refuse_unless_unused(db)
    await db["log"].insert_one({"_id": 1})
    with pytest.raises(SetupError, match=r"is not empty \(log holds something\).*MONGODB_URI"):
        await refuse_unless_unused(db)


@pytest.mark.parametrize(
    "packed", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x04\0\0\0", b"\x7f\0\0\0\0", b"\1"]
)
async def test_documents_of_no_length_end_in_words(
    mongo: Mongo, tmp_path: Path, packed: bytes
) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        await _loaded(mongo(), tmp_path, "collections/log/0.bson", packed)


@pytest.mark.parametrize("name", ["system.users", "system.js", "$cmd", "admin.users"])
async def test_nothing_is_put_into_what_is_the_databases_own(
    mongo: Mongo, tmp_path: Path, name: str
) -> None:
    with pytest.raises(Unreadable, match="never put there"):
        await _loaded(mongo(), tmp_path, f"collections/{name}/0.bson", encode({"_id": 1}))


@pytest.mark.parametrize(
    "name",
    [
        "files/lock", "files/store/WiredTiger.wt", "files/mongodb/a", "files/attachments/a",
        "files/secret.key2", "files/.env", "files", "other/a", "collections/users", "attachments",
        "collections/users/a/0.bson", "collections/Users/0.bson", "attachments/a/b", "secret.key",
    ],
)  # fmt: skip
async def test_only_our_own_files_are_written(mongo: Mongo, tmp_path: Path, name: str) -> None:
    with pytest.raises(Unreadable, match="never put there"):
        await _loaded(mongo(), tmp_path, name, b"x")
    assert not [path for path in (tmp_path / "there").rglob("*") if path.is_file()]


@pytest.mark.parametrize("rest", ["a" * 5_000, "secret.key/a", "channels/" + "a/" * 3_000 + "b"])
async def test_a_file_that_has_no_place_ends_in_words(
    mongo: Mongo, tmp_path: Path, rest: str
) -> None:
    archive = ArchiveWriter(tmp_path / "one", key="")
    archive.add("files/secret.key", b"x")
    archive.add(f"files/channels/{rest}" if "key" not in rest else f"files/{rest}", b"x")
    archive.finish({"documents": {}})
    archive.close()
    with pytest.raises(BadInput, match="cannot be restored"):
        await restored(tmp_path / "one", mongo(), tmp_path / "there")


GOOD = {"_id": "a/1", "c": "a", "n": 1, "events": [{}]}


@pytest.mark.parametrize(
    "commit",
    [
        {"c": "a", "n": 1, "events": []}, {"_id": 1}, {**GOOD, "n": "1"}, {**GOOD, "n": None},
        {**GOOD, "events": 5}, {**GOOD, "last": "a"}, {**GOOD, "last": {"$gt": 0}},
        {**GOOD, "n": float("inf")}, {**GOOD, "n": float("nan")},
    ],
)  # fmt: skip
async def test_commits_of_no_conversation_end_in_words(
    mongo: Mongo, tmp_path: Path, commit: dict[str, object]
) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        await _loaded(mongo(), tmp_path, "collections/log/0.bson", encode(commit))


@pytest.mark.parametrize(
    "packed",
    [
        b"\x0c\0\0\0\x10_id\0\1\0", b"\x0d\0\0\0\x02_id\0\xff\xff\xff\x7f",
        b"\x06\0\0\0\x10\0", b"\x0c\0\0\0\x99_id\0ab\0", b"\x05\0\0\0\1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["log", "users"])
async def test_documents_that_are_none_end_in_words(
    mongo: Mongo, tmp_path: Path, name: str, packed: bytes
) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        await _loaded(mongo(), tmp_path, f"collections/{name}/0.bson", packed)


async def test_a_part_that_outgrows_itself_is_not_unpacked(mongo: Mongo, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        await _loaded(mongo(), tmp_path, "collections/users/0.bson", bytes(LONGEST_PART + 1))


async def _loaded(db: Database, folder: Path, name: str, packed: bytes) -> Loaded:
    archive = ArchiveWriter(folder / "one", key="")
    archive.add(name, packed)
    archive.finish({"documents": {}})
    archive.close()
    return await restored(folder / "one", db, folder / "there")


def test_what_goes_on_is_what_the_log_knows_more_of() -> None:
    heads = {"new": 3, "behind": 9, "done": 4}
    assert behind({"behind": 7, "done": 4, "gone": 1}, heads) == {"new": 3, "behind": 9}


def _documents(path: Path, collection: str) -> list[str]:
    found: list[str] = []
    with whole(), ArchiveReader(path, key="") as archive:
        for name, stream, _ in archive.members():
            if name.parts[:2] == ("collections", collection):
                found += [document["_id"] for document in decode_all(stream.read())]
    return found
