"""Judges a diff: what goes into the knowledge by itself, and what waits for a person. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from plugins.sources.model import ChangeKind, Reason, Row, Verdict

FEW = 3  #: changes that are never large, however few documents there are
FEW_NEW = 10  #: new documents that are never many, however few there are: a section is written
MANY_ALIKE = 3  #: documents that came to say the same, from which on nobody has meant it


def judge(
    rows: Sequence[Row],
    *,
    share: float,
    settled: bool = False,
    contradictions: Mapping[str, Sequence[str]] | None = None,
) -> Verdict:
    """What becomes of the changes in these rows, which are all of a source.

    `share` of the documents in the knowledge (0 to 1) may change, go or come by themselves;
    `settled` says that the source has been taken in whole before, so that what comes now is new in
    it and no rest of a first sync that was broken off; `contradictions` are the reasons of those
    that say otherwise than is known, by address.
    """
    changes = [row for row in rows if row.change is not None]
    standing = sum(bool(row.applied) for row in rows)
    touched = [row for row in changes if row.applied]
    left = sum(bool(row.found) for row in rows)
    if standing and not left and touched:
        return _all_wait(changes, f"{Reason.EMPTIED}")
    if len(touched) > max(FEW, share * standing):
        removed = sum(row.change is ChangeKind.REMOVED for row in touched)
        said = f"{removed} removed, {len(touched) - removed} changed, of {standing}"
        return _all_wait(changes, f"{Reason.LARGE}: {said}")
    waits: dict[str, list[str]] = {}
    grown = _grown(rows, changes) if settled and standing else []
    if len(grown) > max(FEW_NEW, share * standing):
        said = f"{Reason.GREW}: {len(grown)} added, to {standing}"
        waits.update((row.address, [said]) for row in grown)
    for address, alike in _alike(changes, standing).items():
        waits.setdefault(address, []).append(f"{Reason.ALIKE}: {alike}")
    for address, found in (contradictions or {}).items():
        waits.setdefault(address, []).extend(f"{Reason.CONTRADICTS}: {one}" for one in found)
    return Verdict(goes=[row for row in changes if row.address not in waits], waits=waits)


def moves_in(rows: Sequence[Row]) -> Mapping[str, str]:
    """New documents by the gone one that said the very same; where there is one, and no more."""
    gone: dict[str, list[str]] = {}
    for row in rows:
        if row.change is ChangeKind.REMOVED and row.wordings:
            gone.setdefault(row.wordings, []).append(row.address)
    new = Counter(row.wordings for row in rows if row.change is ChangeKind.ADDED)
    return {
        row.address: gone[row.wordings][0]
        for row in rows
        if row.change is ChangeKind.ADDED
        if new[row.wordings] == len(gone.get(row.wordings, ())) == 1
    }


def _all_wait(changes: Sequence[Row], reason: str) -> Verdict:
    return Verdict(waits={row.address: [reason] for row in changes})


def _grown(rows: Sequence[Row], changes: Sequence[Row]) -> Sequence[Row]:
    """What is new in the source; what has only moved in it is not."""
    moved = moves_in(rows)
    return [r for r in changes if r.change is ChangeKind.ADDED and r.address not in moved]


def _alike(changes: Sequence[Row], standing: int) -> Mapping[str, int]:
    """Documents that say the same as many others that came with them, with how many these are."""
    if not standing:
        return {}  # what an admin has just added is as it is
    said = Counter(row.wordings for row in changes if row.found and row.wordings)
    return {
        row.address: said[row.wordings]
        for row in changes
        if row.found and said[row.wordings] >= MANY_ALIKE
    }
