"""Masks personal data and secrets in a text before a model sees it, and restores them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from config.languages import DEFAULT, LANGUAGES, every

_SHOWN_AGAIN = frozenset({"EMAIL", "PHONE"})
"""Kinds that come back whole; of the others only a trace that the customer recognises."""

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}(?![\w-])")
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){11,18}(?![\w-])")
_RRN = re.compile(r"(?<!\d)(\d{6})\s?[-–]?\s?([0-9]\d{6})(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_KEYS = re.compile(
    r"\b(?:sk|pk|rk|ghp|gho|xox[abprs]|AKIA|ASIA|AIza|glpat|eyJ)[-_A-Za-z0-9.]{14,}"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:(?!-----END )[\s\S]){0,8000}+"
    r"(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
    r"|(?<=[Bb]earer )[-_A-Za-z0-9.=]{16,}"
)
_TOLD = re.compile(
    rf"(?P<name>{'|'.join(every('secrets', 'names'))})"
    rf"(?P<link>\s*+(?:=|:|{'|'.join(every('secrets', 'links'))})\s*+(?:[:=]\s*+)?[\"'“‘]?"
    r"|\s++(?=\d{3,8}\b))(?P<value>[^\s\"'”’,]{3,64})",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"\[(EMAIL|PHONE|CARD|RRN|IBAN|SECRET|NAME|ADDRESS|NUMBER)_\d{1,3}\]")
_DIGITS = re.compile(r"\d+")
_MOST_DIGITS = 300
_PERHAPS_PHONE = re.compile(r"(?<![\w+])\+?\d(?:[\s().\-]{0,3}\d){6,17}(?!\d)")
_Put = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """A text with placeholders such as [EMAIL_1] in place of personal data."""

    text: str
    values: Mapping[str, str] = field(default_factory=dict)  #: placeholder -> what stood there

    def restore(self, text: str) -> str:
        """The text with e-mail addresses and phone numbers back; of cards the last four digits."""
        for placeholder, value in self.values.items():
            if placeholder in text:
                text = text.replace(placeholder, _shown(placeholder, value))
        return text

    def invented(self, text: str) -> bool:
        """Whether the text has a placeholder that stands for nothing."""
        return any(m.group() not in self.values for m in _PLACEHOLDER.finditer(text))

    def bare(self) -> str:
        """The text without its placeholders, for a search."""
        return without_placeholders(self.text)


def traced(text: str, *, locale: str = "en") -> str:
    """The text as people may read it over a shoulder: of cards, ids and secrets a trace."""
    masked = mask(text, locale=locale)
    return masked.restore(masked.text) if masked.values else text


def without_placeholders(text: str) -> str:
    """The text with nothing in place of what was masked."""
    return re.sub(r"\s{2,}", " ", _PLACEHOLDER.sub(" ", text)).strip()


def has_placeholders(text: str) -> bool:
    """Whether something in this text was masked."""
    return _PLACEHOLDER.search(text) is not None


def mask(text: str, *, locale: str = "en") -> Masked:
    """The text with secrets, cards, registration numbers, e-mail and phone numbers masked."""
    return mask_all((text,), locale=locale)[0]


def mask_all(texts: Sequence[str], *, locale: str = "en") -> tuple[Masked, ...]:
    """The texts masked together: the same value has the same placeholder in all of them."""
    known: dict[tuple[str, str], str] = {}
    values: dict[str, str] = {}

    def put(kind: str, value: str) -> str:
        placeholder = known.get((kind, value))
        if placeholder is None:
            number = sum(1 for k, _ in known if k == kind) + 1
            placeholder = known[kind, value] = f"[{kind}_{number}]"
            values[placeholder] = value
        return placeholder

    masked = []
    for text in texts:
        text = _KEYS.sub(lambda m: put("SECRET", m.group()), text)
        text = _TOLD.sub(
            lambda m: (
                m["name"] + m["link"] + put("SECRET", m["value"]) if _secret(m["value"]) else m[0]
            ),
            text,
        )
        text = _EMAIL.sub(lambda m: put("EMAIL", m.group()), text)
        text = _RRN.sub(lambda m: put("RRN", m.group()) if _is_rrn(m) else m.group(), text)
        text = _IBAN.sub(lambda m: put("IBAN", m.group()) if _is_iban(m[0]) else m[0], text)
        text = _CARD.sub(lambda m: put("CARD", m.group()) if _is_card(m[0]) else m[0], text)
        text = _mask_phones(text, put_phone=lambda v: put("PHONE", v), locale=locale)
        masked.append(text)
    return tuple(Masked(text=text, values=values) for text in masked)


def _mask_phones(text: str, *, put_phone: _Put, locale: str) -> str:
    digits = sum(map(len, _DIGITS.findall(text)))
    if digits < 7:
        return text
    if digits > _MOST_DIGITS:
        # The library takes a third of a second for numbers by the thousand; with so many
        # everything that may be one is masked, and comes back in the answer.
        return _PERHAPS_PHONE.sub(lambda m: put_phone(m.group()), text)
    # Loaded at first need: without a model nothing is masked, and nothing should be paid for it.
    import phonenumbers

    for region in LANGUAGES[locale if locale in LANGUAGES else DEFAULT].regions:
        found = [
            (match.start, match.end) for match in phonenumbers.PhoneNumberMatcher(text, region)
        ]
        for start, end in reversed(found):
            text = text[:start] + put_phone(text[start:end]) + text[end:]
    return text


def _secret(value: str) -> bool:
    """Whether a word after "password is" may be one: not "wrong", not "안", not a placeholder."""
    if value.startswith("["):
        return False
    return any(c.isdigit() for c in value) or any(not c.isalnum() for c in value.rstrip(".,!?~"))


def _is_rrn(match: re.Match[str]) -> bool:
    from stdnum.kr import rrn

    # Numbers given out since October 2020 have no check digit: a plausible date is enough.
    if "-" in match.group() or "–" in match.group():
        month, day = int(match[1][2:4]), int(match[1][4:6])
        return 1 <= month <= 12 and 1 <= day <= 31
    return bool(rrn.is_valid(match[1] + match[2]))


def _is_card(value: str) -> bool:
    from stdnum import luhn

    digits = re.sub(r"\D", "", value)
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and bool(luhn.is_valid(digits))


def _is_iban(value: str) -> bool:
    from stdnum import iban

    return bool(iban.is_valid(value))


def _shown(placeholder: str, value: str) -> str:
    kind = placeholder[1:].split("_")[0]
    if kind in _SHOWN_AGAIN:
        return value
    if kind == "CARD":
        return "•••• " + re.sub(r"\D", "", value)[-4:]
    return "••••••"
