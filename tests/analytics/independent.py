"""The measures counted a second time, in pandas, from the events themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from core.domain.events import Commit
from core.domain.serialization import to_plain

DECISIONS = ("approve", "edit", "reject", "take_over")


def frame(commits: Sequence[Commit]) -> Any:
    """One row an event, with what went before it in its conversation."""
    rows: list[dict[str, Any]] = []
    ordered = sorted(commits, key=lambda c: (c.conversation_id, c.base))
    for commit in ordered:
        for n, event in enumerate(commit.events):
            plain = to_plain(event)
            plain |= {"c": commit.conversation_id, "seq": commit.base + n, "at": commit.at}
            rows.append(plain)
    table: Any = pd.DataFrame(rows)
    starts = table[table.kind == "started"].set_index("c")
    table["channel"] = table.c.map(starts.address.map(lambda a: a["channel"]))
    table["language"] = table.c.map(starts.locale.fillna("en"))
    requests = table[table.kind == "review_requested"].set_index("draft_id")
    topics = requests.draft.map(lambda d: d["topic"])
    texts = requests.draft.map(lambda d: d["text"])
    audits = {i for i, r in requests.reasons.items() if "audit" in r}
    table["own_topic"] = [
        d["topic"] if isinstance(d, dict) else topics.get(i, "") if isinstance(i, str) else ""
        for d, i in zip(table.draft, table.draft_id, strict=True)
    ]
    table.loc[(table.kind == "sent") & (table.author == "system"), "own_topic"] = ""
    table["agent"] = table["by"].fillna("")
    table.loc[(table.kind == "sent") & (table.author == "system"), "agent"] = ""
    is_answer = (table.kind == "sent") & (table.author != "system")
    table["answer"] = is_answer
    reviewed = table.draft_id.notna() & is_answer
    table["how"] = np.select(
        [reviewed, is_answer & (table.author == "agent"), is_answer],
        ["reviewed", "person", "alone"],
        "",
    )
    table["draft_text"] = table.draft_id.map(lambda i: texts.get(i, ""))
    table["audit"] = table.draft_id.isin(audits)
    table["opened"] = table["at"].where(table.kind.isin(["started", "reopened"]))
    table["opened"] = table.groupby("c").opened.ffill()
    asked = table["at"].where(table.kind == "received")
    table["first_asked"] = asked.groupby(table.c).transform("min")
    answers_before = table.groupby("c").answer.cumsum() - table.answer
    table["is_first"] = table.answer & (answers_before == 0)
    waits = []
    for _, own in table.groupby("c", sort=False):
        waiting: dict[int, Any] = {}
        for row in own.itertuples():
            meant: list[Any] = row.answers if isinstance(row.answers, list) else list(waiting)
            asked_at = [waiting[n] for n in meant if n in waiting] if row.answer else []
            waits.append((row.at - min(asked_at)).total_seconds() if asked_at else 0.0)
            if row.kind == "received":
                waiting[row.seq] = row.at
            elif row.answer:
                waiting = {n: at for n, at in waiting.items() if n not in meant}
            elif row.kind == "resolved":
                waiting = {}
    table["waited"] = waits
    lacks = []
    for _, own in table.groupby("c", sort=False):
        counted: set[Any] = set()
        for row in own.itertuples():
            why = set(row.reasons) if row.kind == "review_requested" else set()
            poor = bool({"nothing_found", "no_source", "low_confidence"} & why)
            named = set(row.answers) if isinstance(row.answers, list) else counted
            lacks.append(poor and not counted & named)
            declined = row.kind == "sent" and isinstance(row.draft_id, str) and bool(row.draft_id)
            if row.answer or declined:
                counted = counted - named
            elif row.kind in ("taken_over", "resolved"):
                counted = set()
            if lacks[-1]:
                counted = counted | named
    table["lacks"] = lacks
    table["last_how"] = table.how.where(table.answer).groupby(table.c).ffill().fillna("")
    return table


def chosen(
    table: Any,
    start: datetime,
    end: datetime,
    *,
    channel: str = "",
    agent: str = "",
    topic: str = "",
) -> Any:
    """The events of a period that a filter keeps."""
    part = table[(table["at"] >= start) & (table["at"] < end)]
    if channel:
        part = part[part.channel == channel]
    for column, wanted in (("agent", agent), ("own_topic", topic)):
        if wanted:
            about = set(part[part[column] == wanted].c)
            part = part[(part[column] == wanted) | ((part[column] == "") & part.c.isin(about))]
    return part


def nearest_rank(values: Any) -> dict[str, float | None]:
    """Percentiles as numpy's inverted cumulative distribution gives them."""
    if values.empty:
        return {"p50": None, "p90": None, "p95": None}
    found = np.quantile(values, [0.5, 0.9, 0.95], method="inverted_cdf")
    return dict(zip(("p50", "p90", "p95"), map(float, found), strict=True))


def distance(a: str, b: str) -> float:
    """Levenshtein's, the slow and obvious way."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1] / max(len(a), len(b))


def measures(part: Any) -> dict[str, Any]:
    """What the summary should say."""
    decided = part[part.kind == "review_decided"]
    decisions = decided.decision.value_counts()
    edited = decided[decided.decision == "edit"]
    sent = part[part.answer]
    rated = part[part.kind == "rated"]
    alone_rated = rated[rated.last_how == "alone"]
    requested = part[part.kind == "review_requested"]
    drafts = part[part.draft.map(lambda d: isinstance(d, dict)).astype(bool)]
    judged = decided[decided.audit.astype(bool) & (decided.decision != "take_over")]
    resolved = part[part.kind == "resolved"]
    reasons = requested.reasons.explode()
    right = int((judged.decision == "approve").sum())
    good_alone = int((alone_rated.score >= 4).sum())
    evidence = len(judged) + len(alone_rated)
    used: dict[str, int] = {}
    for citations in sent.citations.dropna():
        for title in {c["title"] for c in citations}:
            used[title] = used.get(title, 0) + 1
    asked = part[part.kind == "received"]
    failed = drafts.draft.map(
        lambda d: bool({"model_timeout", "model_failed", "model_cut"} & set(d.get("reasons", ())))
    )
    return {
        "conversations": asked.c.nunique(),
        "started": int((part.kind == "started").sum()),
        "messages": {
            "customer": len(asked),
            "answers": len(sent),
            "notices": int(((part.kind == "sent") & (part.author == "system")).sum()),
        },
        "alone": int((sent.how == "alone").sum()),
        "reviewed": int((sent.how == "reviewed").sum()),
        "person": int((sent.how == "person").sum()),
        "first_answer": nearest_rank(
            (sent[sent.is_first]["at"] - sent[sent.is_first].first_asked).dt.total_seconds()
        ),
        "answer": nearest_rank(sent.waited),
        "resolution": nearest_rank((resolved["at"] - resolved.opened).dt.total_seconds()),
        "approval": nearest_rank(decided.seconds),
        "requested": len(requested),
        "decisions": {
            k: int(decisions.get(k, 0)) for k in ("approve", "edit", "reject", "take_over")
        },
        "expired": int((part.kind == "review_escalated").sum()),
        "superseded": int((part.kind == "review_superseded").sum()),
        "edit_distance": float(
            np.mean([distance(r.draft_text, r.text) for r in edited.itertuples()])
        )
        if len(edited)
        else None,
        "rejected_by_reason": decided[decided.decision == "reject"].reason.value_counts().to_dict(),
        "reasons": reasons.value_counts().to_dict(),
        "precision": [
            len(judged),
            right,
            len(alone_rated),
            good_alone,
            (right + good_alone) / evidence if evidence else None,
        ],
        "resolved": len(resolved),
        "reopened": int((part.kind == "reopened").sum()),
        "handovers": int((part.kind == "taken_over").sum()),
        "ratings": [len(rated), float(rated.score.mean()) if len(rated) else None],
        "scores": {str(s): int((rated.score == s).sum()) for s in range(1, 6)},
        "used": used,
        "missing": int(part.lacks.sum()),
        "drafts": drafts.draft.map(lambda d: d["answerer"]).value_counts().to_dict(),
        "fallbacks": int(failed.sum()),
        "tokens_in": float(drafts.draft.map(lambda d: d["signals"]["tokens_in"]).sum()),
        "channels": asked.groupby("channel").c.nunique().to_dict(),
        "languages": asked.groupby("language").c.nunique().to_dict(),
        "topics": drafts.own_topic.value_counts().to_dict(),
    }


def said(found: dict[str, Any]) -> dict[str, Any]:
    """The same shape of what we answered."""
    approvals, precision = found["approvals"], found["precision"]

    def ranks(name: str) -> dict[str, float | None]:
        return {p: found[name][p] for p in ("p50", "p90", "p95")}

    return {
        "conversations": found["conversations"],
        "started": found["started"],
        "messages": found["messages"],
        **{how: found["answers"][how] for how in ("alone", "reviewed", "person")},
        "first_answer": ranks("first_answer_seconds"),
        "answer": ranks("answer_seconds"),
        "resolution": ranks("resolution_seconds"),
        "approval": ranks("approval_seconds"),
        "requested": approvals["requested"],
        "decisions": {
            "approve": approvals["approved"],
            "edit": approvals["edited"],
            "reject": approvals["rejected"],
            "take_over": approvals["taken_over"],
        },
        "expired": approvals["expired"],
        "superseded": approvals["superseded"],
        "edit_distance": approvals["edit_distance"],
        "rejected_by_reason": approvals["rejected_by_reason"],
        "reasons": approvals["reasons"],
        "precision": [
            precision[n] for n in ("audited", "audited_right", "rated", "rated_good", "estimate")
        ],
        "resolved": found["resolved"],
        "reopened": found["reopened"],
        "handovers": found["handovers"],
        "ratings": [found["ratings"]["count"], found["ratings"]["mean"]],
        "scores": found["ratings"]["scores"],
        "used": found["knowledge"]["used"],
        "missing": found["knowledge"]["missing"],
        "drafts": found["model"]["drafts"],
        "fallbacks": found["model"]["fallbacks"],
        "tokens_in": found["model"]["tokens_in"],
        "channels": found["channels"],
        "languages": found["languages"],
        "topics": found["topics"],
    }


__all__ = ["chosen", "frame", "measures", "said"]
