"""A document's own words about itself: its language, its audience, its dates.

Front matter, columns of a table and keys of a record use the same words for it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from core.rag.domain.reading_outcome import Warned

PUBLIC = frozenset(
    """
    all any anyone everyone everybody public customer customers client clients user users end-user
    end-users enduser endusers visitor visitors consumer consumers buyer buyers guest guests
    external shopper shoppers reader readers general world kunden clientes
    고객 전체 모두 공개 일반 全員 公開 公开
    """.split()  # noqa: SIM905
)
"""The audiences that every customer belongs to. Whoever writes for another one, as for their
staff, does not mean customers to read it."""
_TRUE = frozenset({"true", "yes", "y", "on", "1", "예", "ja", "oui", "sí"})
_FALSE = frozenset({"false", "no", "n", "off", "0", "아니오", "nein", "non", "", "none", "null"})
_UNPUBLISHED = frozenset(
    """
    draft unpublished archived private hidden pending inactive disabled internal deleted expired
    retired trash review in-review in_review wip future entwurf brouillon borrador
    초안 비공개 下書き 草稿
    """.split()  # noqa: SIM905
)
_NAMES = {
    "id": ("id", "uid", "article_id"),
    "title": ("title", "name", "headline"),
    "topic": ("topic", "category", "categories", "section"),
    "lang": ("lang", "language", "locale", "hl"),
    "url": ("url", "canonical", "canonical_url", "canonicalurl", "permalink", "link", "source_url",
            "html_url", "web_url"),
    "from": ("valid_from", "validfrom", "publish_date", "publishdate", "publish_on", "publish_at",
             "published_from", "effective", "effective_from", "effective_date", "start_date",
             "startdate", "embargo", "available_from", "gültig_ab",
              "gültig_von", "valable_du", "válido_desde",
             "게시일", "게시_시작일", "시작일", "公開日"),
    "until": ("valid_until", "validuntil", "valid_to", "validto", "valid_through", "validthrough",
              "expires", "expire", "expires_on", "expires_at", "expiry", "expiry_date",
              "expirydate", "expiration", "expiration_date", "expirationdate", "unpublish_on",
              "unpublish_date", "end_date", "enddate", "available_until", "gültig_bis",
              "ablaufdatum", "läuft_ab", "valable_jusqu'au",
              "válido_hasta", "만료일", "유효기간", "게시_종료일", "종료일", "有効期限"),
    "audience": ("audience", "audiences", "visibility"),
    "questions": ("questions", "asked", "also_asked", "alternatives", "faq_questions"),
}  # fmt: skip
LANGUAGES = Path(__file__).with_name("languages.toml")
MONTHS = 12
_DAY_FIRST = re.compile(
    r"(\d{1,2})([./-])\s?(\d{1,2})\2\s?(\d{4})(?:[, ]{1,2}(\d{1,2}):(\d{2})(?::\d{2})?)?"
)
_CODE = re.compile(r"([a-z]{2,3})(?:[-_][A-Za-z0-9]{2,8})*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The metadata of a document; what it does not say is empty."""

    id: str = ""
    title: str = ""
    topic: str = ""
    locale: str = ""
    url: str = ""
    withheld: str = ""  #: why no customer may read it; "" where everybody may
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    questions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=(), compare=False)


def about(raw: Mapping[str, Any]) -> About:
    """What these keys and values say; keys in any case, with spaces, dashes or underscores."""
    values = {_key(name): value for name, value in raw.items()}
    warnings: list[str] = []

    def told(name: str) -> Any:
        return next((values[n] for n in _NAMES[name] if values.get(n) not in (None, "")), None)

    def day(name: str, *, end: bool) -> datetime | None:
        value = told(name)
        found = _moment(value, end=end)
        if value is not None and found is None:
            warnings.append(f"{value!r} is no date that is understood")
        return found

    withheld = _withheld(values, told("audience"))
    since, until = day("from", end=False), day("until", end=True)
    if warnings and not withheld:
        # Whoever gave a date did not mean "always"; a person looks at it first.
        withheld = "its dates are not understood"
    return About(
        id=_text(told("id")),
        title=_text(told("title")),
        topic=_text(_first(told("topic"))),
        locale=language(_text(_first(told("lang")))),
        url=_text(told("url")),
        withheld=withheld,
        valid_from=since,
        valid_until=until,
        questions=_several(told("questions")),
        warnings=tuple(warnings),
    )


def language(name: str) -> str:
    """The two or three letters of a language ("ko-KR", "Korean", "ko_KR"); "" for none."""
    bare = name.strip().strip("\"'").lower()
    called = _called()
    if bare in called:
        return called[bare]
    found = _CODE.fullmatch(bare)
    return called.get(found[1], found[1]) if found else ""


@cache
def codes() -> frozenset[str]:
    """The codes of the languages that are known by name."""
    return frozenset(_called().values())


@cache
def _called() -> Mapping[str, str]:
    """Codes of languages by what they are called."""
    raw = tomllib.loads(LANGUAGES.read_text(encoding="utf-8"))
    return {name: code for code, names in raw.items() for name in names.split()}


def warned(said: About, row: int = 0) -> list[Warned]:
    """What a person should know of it."""
    found = [Warned(what=what, row=row) for what in said.warnings]
    if said.withheld:
        found.append(Warned(what=f"not for customers: {said.withheld}", row=row))
    return found


def _withheld(values: Mapping[str, Any], audience: Any) -> str:
    if _is_true(values.get("draft")):
        return "draft"
    for name in (
        "noindex",
        "robotsnoindex",
        "no_index",
        "unlisted",
        "hidden",
        "private",
        "archived",
    ):
        if _is_true(values.get(name)):
            return name.replace("_", "")
    if values.get("index") is False:
        return "noindex"
    for name in ("published", "publish", "public", "active", "enabled", "is_published"):
        if name in values and _is_false(values[name]) and values[name] not in (None, ""):
            return f"{name}: {values[name]}".lower()
    robots = str(values.get("robots") or "").lower()
    if re.search(r"\b(?:noindex|none)\b", robots):
        return "noindex"
    status = _text(_first(values.get("status") or values.get("state"))).lower()
    if status in _UNPUBLISHED:
        return f"status: {status}"
    audiences = {one.strip().lower() for one in _several(audience)}
    if audiences and not audiences & PUBLIC:
        return "audience: " + ", ".join(sorted(audiences))
    return ""


def _key(name: object) -> str:
    return re.sub(r"[\s\-]+", "_", str(name).strip().lower())


def _text(value: Any) -> str:
    if value is False:
        return "no"  # what YAML makes of the code for Norwegian
    return " ".join(str(value).split()) if isinstance(value, str | int | float | date) else ""


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _several(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = re.split(r"[\n|]|;\s|,\s*(?=\w+\s*(?:,|$))", value)
    if not isinstance(value, list):
        return ()
    return tuple(said for one in value if (said := _text(one)))


def _is_true(value: Any) -> bool:
    return value is True or str(value).strip().lower() in _TRUE


def _is_false(value: Any) -> bool:
    return value is False or str(value).strip().lower() in _FALSE


def _day_of(written: re.Match[str]) -> datetime | date | None:
    """A day whose year stands last. Raises ValueError for one that no calendar has.

    Between points the day comes first everywhere; between strokes it depends on the country, and
    is known only where one of both numbers is no month.
    """
    one, sign, other, year = int(written[1]), written[2], int(written[3]), int(written[4])
    if sign == "/" and one <= MONTHS and other <= MONTHS and one != other:
        return None
    day, month = (other, one) if other > MONTHS else (one, other)
    if written[5] is None:
        return date(year, month, day)
    return datetime(year, month, day, int(written[5]), int(written[6]), tzinfo=UTC)


def _moment(value: Any, *, end: bool) -> datetime | None:
    """A moment; of a date alone the first one, or with `end` the last one of that day, in UTC."""
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if isinstance(value, str):
        text = value.strip().strip("\"'").rstrip(".")
        found = re.fullmatch(r"(\d{4})[./년-]\s*(\d{1,2})[./월-]\s*(\d{1,2})일?", text)
        try:
            if (other := _DAY_FIRST.fullmatch(text)) is not None:
                return _moment(_day_of(other), end=end)
            if found is None:
                return _moment(datetime.fromisoformat(text), end=end)
            value = date(*map(int, found.groups()))
        except ValueError:
            return None
    if isinstance(value, date):
        started = datetime.combine(value, time(), UTC)
        return started + timedelta(days=1, seconds=-1) if end else started
    return None
