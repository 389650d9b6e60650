"""Takes personal data out of texts that people wrote elsewhere, so that no name is left.

Beyond what `core.text.pii` masks (mail, phone numbers, cards, secrets) these are names, postal
addresses and numbers of orders, accounts and the like. In doubt something is taken out: the
text is read by a person before anybody is answered with it. Nothing can be restored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from config.languages import every
from core.text.pii import mask

LONGEST = 6_000  #: characters that are looked at; what is beyond is left out
NAME, ADDRESS, NUMBER = "[NAME_1]", "[ADDRESS_1]", "[NUMBER_1]"
MOST_OPENINGS = 3  #: sentences before the answer itself
SIGNATURE_LINES = 8  #: that may follow a farewell
MOST_NAMES = 60  #: of one conversation that are looked for

_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĖĘĚĞĢĪĮİĶĻĽŁŃŅŇŌŐŘŚŠŞŢŤŪŮŰŹŻŽ"
_WHOLE_WORD = rf"[{_UPPER}][\w'’-]{{0,24}}"
_WORD = rf"(?:[{_UPPER}]\w?\.|{_WHOLE_WORD})"  # an initial has a point, and no sentence ends there
_BETWEEN = r"(?:(?:de|del|la|van|von|der|den|di|da|dos|bin|al|el|y|O)[ \t]){0,2}"
_NAME = rf"{_WORD}(?:[ \t]{_BETWEEN}{_WORD}){{0,3}}"
_ANY_NAME = r"[^\W\d_][\w'’.-]{0,24}(?:[ \t][^\W\d_][\w'’.-]{0,24})?"
_SURNAME = (
    "김이박최정강조윤장임한오서신권황안송류유홍전고문양손배백허남심노하곽성차주우구나진"
    "지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용"
)
_KOREAN = rf"(?:(?:남궁|황보|제갈|선우|독고)|[{_SURNAME}])\s?[가-힣]{{1,2}}"


def _any(*path: str) -> str:
    return "|".join(f"(?:{pattern})" for pattern in every("anonymization", *path))


_GREETS = re.compile(rf"^[ \t]{{0,8}}(?:{_any('greetings')})(?![\w'’])", re.IGNORECASE)
_ANYBODY = re.compile(rf"(?:{_any('anybody')})(?!\w)", re.IGNORECASE)
_TITLE = rf"(?i:{_any('titles')})\.?"
_STOPS = ",.!?:;~，。！？：；、～"
_GREETED = re.compile(
    rf"\A[ \t]{{0,4}}(?:{_TITLE}[ \t]{{0,4}})?[^\n{_STOPS}]{{0,60}}(?:[\n{_STOPS}]|\Z)"
)
_FAREWELL = re.compile(
    rf"^[ \t]{{0,8}}(?:{_any('farewells')})(?!\w)[ \t]{{0,4}}(?P<rest>[^\n]{{0,60}})$",
    re.IGNORECASE,
)
_OPENING = re.compile(
    rf"\A[ \t]{{0,8}}(?:{_any('openings')})"
    r"(?:[ \t]{0,4}[.,!~:;。，、！]{1,4}[ \t]{0,4}|[ \t]{0,4}\Z)",
    re.IGNORECASE,
)
_DELIMITER = re.compile(r"^(?:-- ?|—|_{3,40}|-{3,40}|={3,40})$")
_DASHED = re.compile(rf"^[ \t]{{0,4}}[-–—~*][ \t]{{0,4}}{_NAME}$")
_ALONE = re.compile(rf"^[ \t]{{0,4}}{_NAME}[ \t]{{0,4}}$")
_KOREAN_SIGNED = re.compile(r"[가-힣]{2,4}[ \t]{0,3}(?:드림|올림|배상|拜上)[ \t.]{0,3}$")
_QUOTED = re.compile(
    r"^[ \t]{0,4}>|^On [^\n]{5,200} wrote:|^-{2,20} ?(?:Original|Forwarded) [Mm]essage"
    r"|^(?:From|보낸 ?사람|De): [^\n]{0,200}@|^\d{4}년 [^\n]{0,120} 작성:|^##- [^\n]{0,120} -##"
)

_HAN = r"\u3400-\u9fff々"
_SIGNS = rf"[{_HAN}ァ-ヶー]"  # with which names are written where no space parts words
_SURNAMES = rf"(?:{_any('surnames')}|{_any('surname_signs')})"
_HONORIFIC = rf"(?:{_any('honorifics')})(?!式)"
_CALLED_POLITELY = re.compile(rf"{_SURNAMES}{_SIGNS}{{0,3}}?(?={_HONORIFIC})")
_CALLED_IN_FRONT = re.compile(
    rf"\A[ \t]{{0,4}}(?:{_any('anybody')}|{_SIGNS}{{1,8}})[ \t]?{_HONORIFIC}[ \t]?"
    rf"(?:{_any('greetings')})?(?:[ \t,.!:;、。，！：；]{{1,4}}|\Z)"
)
_SAYS_ITS_NAME = re.compile(
    rf"{_SIGNS}{{1,12}}(?={_any('introduced_by')})"
    rf"|(?<!{_SIGNS})(?:{_any('surnames')})[{_HAN}]{{0,3}}(?=です(?:が|けど)?[ \t\n、。])"
)
_FAMILIAR = re.compile(rf"[小老](?:{_any('surname_signs')})(?!{_SIGNS})")
_SIGNED = re.compile(
    rf"^[ \t]{{0,8}}(?:(?:{_any('introductions')})[ \t]{{0,3}}"
    r"[^\s\d]{1,20}(?:[ \t][^\s\d]{1,20})?"
    rf"|{_SIGNS}{{0,6}}[小老](?:{_any('surname_signs')}))[ \t]{{0,3}}$",
    re.IGNORECASE,
)

_INTRODUCED = re.compile(
    rf"(?P<lead>(?<!\w)(?i:{_any('introductions')})[ \t]{{0,3}})"
    rf"(?P<name>{_KOREAN}|{_NAME}|{_ANY_NAME})"
)
_INTRODUCED_LOOSELY = re.compile(
    rf"(?P<lead>(?<!\w)(?i:{_any('introductions_loose')})[ \t]{{1,3}})"
    rf"(?P<name>{_KOREAN}|{_NAME})(?!\w{{5}})"
)
_TITLED = re.compile(rf"(?<!\w)(?P<lead>{_TITLE}[ \t]{{1,3}})(?P<name>{_NAME})")
_THANKED = re.compile(
    rf"(?<!\w)(?P<lead>(?i:{_any('greetings')}|{_any('farewells')}),?[ \t]{{1,3}})"
    rf"(?P<name>{_NAME})(?=[,.!?\n]|\Z)"
)
_HONOURED = re.compile(
    rf"(?<![가-힣])(?!고객|회원|이용|주문|신청|방문|구매|손님)(?P<name>{_KOREAN})"
    r"(?=[ \t]?(?:고객님|회원님|님|씨|드림|올림|상담[사원]|매니저|팀장|대리|과장))"
)
_IS_KOREAN = re.compile(
    rf"(?<![가-힣])(?P<name>[{_SURNAME}][가-힣]{{2}})"
    r"(?=(?:입니다|이라고|라고|이에요|예요|이구요|인데요)(?![가-힣]))"
)

_ADDRESSED = re.compile(
    rf"(?P<lead>(?<!\w)(?i:{_any('addresses')})[ \t]?:?[ \t]?)"
    r"(?P<where>[^\n?!。？！\d]{0,60}\d[^\n?!;.。？！]{0,80})"
)
_STREET = re.compile(
    rf"(?<![\w.,])\d{{1,5}}[A-Za-z]?[ \t,]{{1,2}}"
    rf"(?:(?:{_WORD}|\d{{1,3}}(?:st|nd|rd|th))[ \t]){{1,4}}"
    rf"(?i:{_any('streets')})(?!\w)\.?"
    r"(?:,?[ \t](?:(?i:apt|apartment|suite|unit|flat|floor|#)\.?[ \t]?\w{1,6}))?"
    rf"(?:,?[ \t]{_WORD}){{0,4}}"
    r"(?:,?[ \t][A-Z]{2}[ \t]\d{5}(?:-\d{4})?)?"
)
_STREET_AFTER = re.compile(
    r"(?<!\w)(?:(?:Calle|C/|Avenida|Avda\.?|Av\.|Plaza|Paseo|Carrera|Camino|Rue|Via|Viale|Rua)"
    rf"[ \t][^\n\d?!]{{2,40}}|{_WHOLE_WORD}"
    r"(?:straße|strasse|str\.|weg|platz|allee|gasse|straat|laan)[ \t])\d{1,5}[a-z]?"
    rf"(?:[,;]?[ \t]{{1,2}}\d{{4,6}}(?:[ \t]{_WORD}){{1,3}})?"
)
_POSTCODE = re.compile(
    r"(?<![\w-])(?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[A-Z]{2} \d{5}(?:-\d{4})?)(?![\w-])"
)
_KOREAN_ADDRESS = re.compile(
    r"(?:(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충청?[남북]|전라?[남북]|경상?[남북]|제주)"
    r"[가-힣]{0,6}[ \t]{1,2})?(?:[가-힣]{1,8}(?:시|군|구)[ \t]{1,2}){0,3}"
    r"[가-힣\d]{1,10}(?:로|길|동|읍|면|리|가)[ \t]?\d{1,4}(?:-\d{1,4})?(?:번지|번길[ \t]?\d{1,4})?"
    r"(?:[ \t,]{1,3}[가-힣A-Za-z]{1,12}(?:아파트|빌라|타워|오피스텔|맨션|빌딩|자이|래미안))?"
    r"(?:[ \t,]{1,3}\d{1,4}(?:동|층))?(?:[ \t,]{1,3}\d{1,5}호)?"
)
_KOREAN_FLAT = re.compile(r"\d{1,4}동[ \t]{0,2}\d{1,5}호")

_NUMBERED = re.compile(
    rf"(?<!\w)(?P<lead>(?i:{_any('numbers')})"
    rf"(?:[ \t]{{0,3}}+(?i:{_any('number_links')})(?!\d\w{{0,2}}[ \t])){{0,3}}"
    r"[ \t]{0,3}+[:#=.]?[ \t]{0,3}+#?)"
    r"(?P<number>(?=[\w/-]{0,24}\d[\w/-]{0,24}\d[\w/-]{0,24}\d)[A-Za-z0-9][\w/-]{2,30})"
)
_HASHED = re.compile(r"#[ \t]?(?=[\w-]{0,20}\d{3})[\w-]{3,30}")
_MIXED = re.compile(
    r"(?<![\w/@-])(?=[A-Z0-9-]{0,24}[A-Z])(?=(?:[A-Z-]{0,24}\d){5})[A-Z0-9]{1,16}(?:-[A-Z0-9]{1,16}){0,4}(?![\w@-])"
)
_LONG = re.compile(r"(?<![\w.,])\+?\(?\d(?:[ \-./()]{0,2}\d){6,22}(?!\w)")
_DATE = re.compile(r"(?:19|20)\d\d[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d\d")
_BIRTH = re.compile(
    r"(?P<lead>(?i:born(?: on)?|date of birth|birth ?(?:date|day)|dob|생년월일|생일"
    r"|nacid[oa](?: el)?|fecha de nacimiento)[^\n\d]{0,12})(?P<when>\d[\d./년월일 -]{3,14}\d)"
)
_PARTICLES = r"(?:님|씨|이|가|은|는|을|를|의|에게|께|이라고|라고|입니다|이고|이며|과|와)?"
_AUTOMATIC = re.compile(_any("automatic"), re.IGNORECASE)
_HOLES = re.compile(r"\[(?:EMAIL|PHONE|CARD|RRN|IBAN|SECRET|NAME|ADDRESS|NUMBER)_\d{1,3}\]")


def anonymized(text: str, *, names: Sequence[str] = (), locale: str = "en") -> str:
    """The text without personal data: greeting and signature gone, a placeholder for the rest.

    `names` are those of the people who take part, as their help desk calls them.
    """
    text = without_frame(text[:LONGEST])
    text = mask(text, locale=locale).text
    text = _without_names(text, names)
    for pattern in (_INTRODUCED, _INTRODUCED_LOOSELY, _TITLED, _THANKED):
        text = pattern.sub(lambda m: m["lead"] + NAME, text)
    for pattern in (_HONOURED, _IS_KOREAN, _CALLED_POLITELY, _SAYS_ITS_NAME, _FAMILIAR):
        text = pattern.sub(NAME, text)
    text = _ADDRESSED.sub(lambda m: m["lead"] + ADDRESS, text)
    for pattern in (_POSTCODE, _STREET, _STREET_AFTER, _KOREAN_ADDRESS, _KOREAN_FLAT):
        text = pattern.sub(ADDRESS, text)
    text = _BIRTH.sub(lambda m: m["lead"] + NUMBER, text)
    text = _NUMBERED.sub(lambda m: m["lead"] + NUMBER, text)
    for pattern in (_HASHED, _MIXED, _LONG):
        text = pattern.sub(_number, text)
    return text.strip()


def is_automatic(text: str) -> bool:
    """Whether a machine wrote it by itself: an acknowledgement, an absence."""
    return _AUTOMATIC.search(text[:LONGEST]) is not None


def holes_in(text: str) -> int:
    """How many placeholders stand in it."""
    return len(_HOLES.findall(text))


def without_holes(text: str) -> str:
    """The text with nothing where something was taken out."""
    return " ".join(_HOLES.sub(" ", text).split())


def without_frame(text: str) -> str:
    """The text without greeting, signature and the message that it answers."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = _without_quoted(lines)
    lines = _without_openings(_without_greeting(lines))
    return "\n".join(_without_signature(lines)).strip()


def _without_quoted(lines: list[str]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if _QUOTED.match(line):
            if line.lstrip().startswith(">"):
                continue
            break
        kept.append(line)
    return kept


def _without_greeting(lines: list[str]) -> list[str]:
    first = next((i for i, line in enumerate(lines) if line.strip()), -1)
    if first >= 0 and (called := _CALLED_IN_FRONT.match(lines[first])) is not None:
        return [*lines[:first], lines[first][called.end() :], *lines[first + 1 :]]
    if first < 0 or (greets := _GREETS.match(lines[first])) is None:
        return lines
    rest = lines[first][greets.end() :]
    if bare := re.match(r"[ \t]{0,4}[,.!~，。！、～]{1,3}[ \t]{0,4}", rest):
        return [*lines[:first], rest[bare.end() :], *lines[first + 1 :]]
    if greeted := _GREETED.match(rest + "\n"):
        who = rest[: greeted.end()].strip(f" {_STOPS}")
        if len(who.split()) <= 4 or _ANYBODY.match(who):
            return [*lines[:first], rest[greeted.end() :].strip(), *lines[first + 1 :]]
    return lines


def _without_openings(lines: list[str]) -> list[str]:
    """Without the sentences at the beginning that say who answers and who is answered."""
    for _ in range(MOST_OPENINGS):
        first = next((i for i, line in enumerate(lines) if line.strip()), -1)
        opening = _OPENING.match(lines[first]) if first >= 0 else None
        if opening is None:
            break
        rest = lines[first][opening.end() :]
        if not rest and not any(map(str.strip, lines[first + 1 :])):
            break  # it is all that was said
        lines = [*lines[:first], *([rest] if rest else []), *lines[first + 1 :]]
    return lines


def _without_signature(lines: list[str]) -> list[str]:
    last = len(lines)
    filled = [i for i, line in enumerate(lines) if line.strip()]
    for i in filled[1:][-SIGNATURE_LINES:]:
        line = lines[i]
        after = [other for other in lines[i + 1 :] if other.strip()]
        if any(len(other) > 70 or "?" in other for other in after):
            continue
        farewell = _FAREWELL.match(line)
        # "Thanks for your patience, the parcel …" goes on, and is no farewell.
        ends = farewell is not None and len(farewell["rest"].split()) <= 4
        if ends or _DELIMITER.match(line.strip()):
            last = i
            break
    # From the end, where each look takes one line off: a text of names alone is gone through once.
    left = [i for i in filled if i < last]
    while len(left) > 1:
        end = lines[left[-1]]
        signs = (_DASHED.match, _KOREAN_SIGNED.search, _ALONE.match, _SIGNED.match)
        if not any(is_sign(end) for is_sign in signs):
            break
        last = left.pop()
    return lines[:last]


def _without_names(text: str, names: Iterable[str]) -> str:
    parts: dict[str, None] = {}
    for name in list(names)[:MOST_NAMES]:
        said = " ".join(name.split())[:80]
        words = said.split()
        parts |= dict.fromkeys((said, *words) if len(words) > 1 else (said,))
        if re.fullmatch(r"[가-힣]{3,4}", said):
            parts[said[1:]] = None
    for part in sorted(parts, key=len, reverse=True):
        if len(part) < 2 or part.isdigit() or not any(c.isalpha() for c in part):
            continue
        if re.search("[가-힣]", part):
            if len(part) == 2:  # may stand inside another word
                text = re.sub(rf"(?<![가-힣]){re.escape(part)}{_PARTICLES}(?![가-힣])", NAME, text)
            else:
                text = text.replace(part, NAME)
            continue
        forms = {part, part.title(), part.upper(), *([part.lower()] if " " in part else [])}
        either = "|".join(re.escape(form) for form in sorted(forms))
        text = re.sub(rf"(?<!\w)(?:{either})(?!\w)", NAME, text)
        if len(part) >= 4:
            text = re.sub(rf"(?<!\w){re.escape(part.lower())}(?!\w)", NAME, text)
    return text


def _number(match: re.Match[str]) -> str:
    return match.group() if _DATE.fullmatch(match.group()) else NUMBER
