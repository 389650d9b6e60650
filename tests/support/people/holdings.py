"""What the store holds of everybody, as bytes, so that it shows when anything of it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from analytics.facts.columns import Names, Page
from analytics.facts.day_documents import DayDocuments
from analytics.facts.days import Day
from approvals.inbox.pages import unpacked
from approvals.inbox.store import HEADS, MARK
from core.privacy.stored import COLLECTIONS
from core.storage.client import Database

Holdings = Mapping[tuple[str, object], str]
"""A digest for each thing that is held, by its collection and its id there."""

#: What every erasure writes about itself.
ITS_OWN = frozenset({"erasures", "audit_head"})
#: What holds many people's things in one document, looked into apart.
PACKED = frozenset({"analytics_pages", "analytics_days", "analytics_parts", "inbox", "reports"})


async def holdings(db: Database, *, of: Collection[str] = ()) -> tuple[Holdings, Holdings]:
    """What belongs to these conversations, and everything else."""
    theirs: dict[tuple[str, object], str] = {}
    others: dict[tuple[str, object], str] = {}
    known = {stored.name: stored for stored in COLLECTIONS}
    raw: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    for name in sorted(await db.list_collection_names()):
        if name in ITS_OWN or name in PACKED:
            continue
        stored = known[name]
        async for document in db[name].with_options(raw).find({}):
            owner = document.get(stored.owner or "_id")
            if name == "evidence":
                owner = str(owner).rpartition(".")[0]
            into = theirs if owner in of else others
            into[name, document["_id"]] = hashlib.blake2b(document.raw, digest_size=16).hexdigest()
    async for packed in db["inbox"].find({"_id": {"$nin": [HEADS, MARK]}}):
        page = unpacked(packed)
        for owner, row in page.rows.items():
            own = repr((row, sorted(page.words_of(owner)))).encode()
            into = theirs if owner in of else others
            into["inbox", owner] = hashlib.blake2b(own, digest_size=16).hexdigest()
    return theirs, others


Facts = Mapping[int, frozenset[tuple[object, ...]]]
"""By the digest of their conversation, in plain words."""


async def facts(db: Database) -> Facts:
    """Every fact there is, however it is packed."""
    names = Names()
    parts = [Page.from_document(d).read(names) async for d in db["analytics_pages"].find({})]
    parts += [Day.read(document, names).rows() async for document in DayDocuments(db).all()]
    found: dict[int, set[tuple[object, ...]]] = {}
    for rows in parts:
        for at, conversation, value, seq, *named, kind in rows.tolist():
            words = (names.texts[n] for n in named)
            found.setdefault(conversation, set()).add((at, value, seq, kind, *words))
    return {conversation: frozenset(own) for conversation, own in found.items()}


async def reports(db: Database) -> dict[str, Any]:
    """What each report says, and whose questions it holds."""
    return {d["_id"]: d async for d in db["reports"].find({})}
