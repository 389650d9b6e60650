"""English questions: where one begins, and which words name its subject.

The order of words is grammar and stands here; the words are data (`patterns/questions.toml`).
"""

from __future__ import annotations

import re

from config.languages import patterns

MOST_WORDS = 400  #: of a sentence that is looked at for a second question

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_LISTS = patterns("questions")["en"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


WH = _set(_LISTS["wh"])
_PREPOSITIONS = _set(_LISTS["prepositions"])
_PRONOUNS = _set(_LISTS["pronouns"])
_DETERMINERS = _set(_LISTS["determiners"])
_BE_DO = _set(_LISTS["be_do"])
_NOT = _set(_LISTS["not"])
AUXILIARIES = _BE_DO | _NOT | _set(_LISTS["auxiliaries_besides"])
_NO_SUBJECT = _set(_LISTS["no_subject"])
LEADS = _set(_LISTS["leads"])
_ADDING = _set(_LISTS["adding"])
_EMBEDS = _set(_LISTS["embeds"])
_ASKED_FOR = tuple(_LISTS["asked_for"])
_WANTED = _set(_LISTS["wanted"])

FUNCTION = (
    WH
    | _PREPOSITIONS
    | _PRONOUNS
    | _DETERMINERS
    | AUXILIARIES
    | LEADS
    | _ADDING
    | _set(_LISTS["function_besides"])
)
"""Words that name nothing by themselves: not what is asked about, but that and how it is asked."""

ATTRIBUTES = _set(_LISTS["attributes"])
"""Of these the ones that say what of a thing is asked: they count where the thing is named too."""

_DEGREES = _set(_LISTS["degrees"])
"""What may follow "how"; how much of something is asked names nothing."""

REFERS = _set(_LISTS["refers"])
"""Words that stand for something said before."""

_EXPLETIVE = _set(_LISTS["expletive"])


def words(text: str) -> list[str]:
    """The words in lower case, apostrophes straight."""
    return [m.group().lower().replace("’", "'") for m in WORD.finditer(text)]


def bare(text: str) -> list[str]:
    """The words without the greeting or the "and so" in front."""
    found = words(text)
    start = 0
    while start < len(found) and found[start] in LEADS:
        start += 1
    return found[start:]


def content(text: str) -> list[str]:
    """The words that name what is asked about, in order."""
    found = []
    before = ""
    for match in WORD.finditer(text):
        word = match.group().lower().replace("’", "'")
        degree = before == "how" and word in _DEGREES
        before = word
        if word in FUNCTION or degree:
            continue
        # "Plan M", but not the letters that stand for words.
        if len(word) > 1 or word.isdigit() or word in "bcdefghjlmqstvwxz":
            found.append(word.removesuffix("'s"))
    return found


def refers(text: str) -> bool:
    """Whether the text stands on something said before it: "can I return it?"."""
    found = words(text)
    named = asked_for = False
    for place, word in enumerate(found):
        if word in WH:
            # "How many people is that?": people is what is asked for, not what it is asked of.
            asked_for = True
        elif word in AUXILIARIES:
            asked_for = False
        if word in REFERS and _stands_for(found, place, named=named):
            return True
        if word not in FUNCTION and not asked_for:
            # What a text names itself its own pronouns may stand for.
            named = True
    return False


def _stands_for(found: list[str], place: int, *, named: bool) -> bool:
    word, rest = found[place], found[place + 1 :]
    before, following = found[place - 1] if place else "", rest[0] if rest else ""
    ends = not rest or following in AUXILIARIES | _PREPOSITIONS | _ALSO
    if word in ("one", "ones"):
        if following == "of" or (rest and before in _PREPOSITIONS):
            return False  # "one of those plastic cards", "on one charge"
        return ends or following in ATTRIBUTES
    if word in ("that", "those", "these", "this", "same"):
        # "That discount" names it; "that you ship" joins a clause; "is that free" asks of it.
        return (ends or before in AUXILIARIES) and not named
    if word in ("her", "his", "their", "its"):
        # "Its an emergency" is "it's".
        return not named and not (word == "its" and following in _DETERMINERS)
    if word == "it":
        if before in ("make", "made") or following == "to":
            return False  # "I can't make it tomorrow", "how expensive is it to …"
        after = [w for w in rest if w not in _ALSO]
        if after[:1] and after[0] in _EXPLETIVE and _JOINING.intersection(after):
            return False
    return not named or (word in ("it", "them", "they") and not rest and len(found) <= 6)


_ALSO = _set(_LISTS["also"])
_JOINING = _set(_LISTS["joining"])


def without_leads(text: str) -> str:
    """The question without what leads to it and trails it: "ok, can you tell me … btw"."""
    spans = list(WORD.finditer(text))
    found = [m.group().lower().replace("’", "'") for m in spans]
    start = 0
    while start < len(found) and found[start] in LEADS:
        start += 1
    for lead in _WRAPPERS:
        if found[start : start + len(lead)] == list(lead) and len(found) > start + len(lead) + 1:
            start += len(lead)
            break
    end = len(found)
    for trail in _TRAILS:
        if found[end - len(trail) :] == list(trail) and end - len(trail) > start:
            end -= len(trail)
            break
    if start >= end:
        return text
    if end < len(found):
        return text[spans[start].start() : spans[end - 1].end()]
    return text[spans[start].start() :] if start else text


_TRAILS = tuple(tuple(one.split()) for one in _LISTS["trails"])
_WRAPPERS = tuple(tuple(one.split()) for one in _LISTS["wrappers"])


def asks(text: str) -> bool:
    """Whether this sentence asks to be told something."""
    if "?" in text or "？" in text:
        return True
    found = bare(text)
    if found[:2] == ["if", "so"]:
        found = found[2:]
    elif found[:1] in (["if"], ["whether"]) and words(text)[0] in ("and", "also"):
        return True  # "…, and if I can pay by card": what went before wants to know
    if not found:
        return False
    if _begins(found, 0, first=True):
        return True
    said = words(text)
    together = f" {' '.join(said)} "
    if any(f" {phrase} " in together for phrase in _ASKED_FOR):
        return True
    # "Had a tooth pulled today, what am I allowed to eat".
    return any(
        wh in WH and verb in AUXILIARIES and subject in _PRONOUNS
        for wh, verb, subject in zip(said, said[1:], said[2:], strict=False)
    ) or any(_begins(part, 0) for part in map(words, text.split(",")[1:]) if part)


def asks_how(text: str) -> bool:
    """Whether this only asks how that is done which was asked before: "and how do I do that"."""
    found = bare(text)
    if found[:1] != ["how"]:
        return False
    does_that = found[1:2] and found[1] in AUXILIARIES and found[-1] in ("it", "that", "this")
    return len(found) == 1 or (bool(does_that) and len(found) <= 5)


def announces(text: str) -> bool:
    """Whether this only says that a question comes: "I have another question"."""
    found = words(text)
    return (
        0 < len(found) <= 9
        and any(word in ("question", "questions", "thing", "things", "ask") for word in found)
        and all(word in _ANNOUNCING or word in LEADS for word in found)
    )


_ANNOUNCING = _set(_LISTS["announcing"])


def adds(text: str) -> bool:
    """Whether this names one more thing: "also the opening hours"."""
    found = words(text)
    return bool(found) and found[0] in _ADDING and fragment(text)


def begins_with_more(text: str) -> bool:
    """Whether this goes on to another thing: "also …", "and …"."""
    found = [word for word in words(text) if word not in _COURTESIES]
    return bool(found) and found[0] in _ADDING - {"then"}


def goes_on_with_more(text: str) -> bool:
    """Whether a second clause follows within: "… and want …", "…, also my …"."""
    found = words(text)
    for at in range(2, len(found) - 1):
        if found[at] in ("also", "plus", "additionally") and at + 2 < len(found):
            return True
        if found[at] == "and" and any(word in _CLAUSES for word in found[at + 1 : at + 3]):
            return True
    # "My payment failed, is my basket gone?": the trouble may want an answer as well.
    told, _, rest = text.partition(",")
    if wishes(told) and any(word in AUXILIARIES | WH for word in words(rest)[:1]):
        return True
    return "&" in text and any(word in _CLAUSES for word in words(text.partition("&")[2])[:2])


_COURTESIES = _set(_LISTS["courtesies"])
_CLAUSES = (
    WH | AUXILIARIES
    | _set(_LISTS["clauses_besides"])
)  # fmt: skip
"""Words of which one stands near the head of a clause that wants something of its own."""


def fragment(text: str) -> bool:
    """Whether this is a name of something without a sentence around it."""
    found = bare(text)
    own = content(text) or [w for w in found if w in ATTRIBUTES]
    return (
        bool(own)
        and len(found) <= 7
        and not any(
            w in AUXILIARIES or w in WH or w in ("i", "i'm", "i've", "i'd", "we", "you", "my")
            for w in found
        )
    )


def wishes(text: str) -> bool:
    """Whether this names a want or a trouble: "I can't log in"."""
    found = words(text)
    return len(found) > 2 and any(word in _WANTED for word in found)


def _begins(found: list[str], at: int, *, first: bool = False) -> bool:
    """Whether a question of its own begins with this word."""
    word = found[at]
    rest = found[at + 1 :]
    following = rest[0] if rest else ""
    if word in WH:
        if word in ("when", "where", "who", "which") and not first:
            return following in AUXILIARIES or (not rest) or word in ("who", "which")
        if word in ("when", "where"):
            # "When I arrive, …" only says when.
            return following in AUXILIARIES or len(rest) <= 4
        return True
    if word in _PREPOSITIONS and following in WH:
        return True
    if word not in AUXILIARIES:
        return False
    if first:
        if word in _SUBJECT_NEXT and following not in _SUBJECT_NEXT[word]:
            return False
        return following not in ("not", "be") and bool(rest)
    if not rest or following in _NO_SUBJECT or following in AUXILIARIES:
        return False
    if word in ("have", "had"):
        return following in ("you", "u", "i", "we", "they")
    if word == "do":
        return following not in ("it", "that", "this", "something", "nothing") and len(rest) > 1
    if word == "has":
        return following in _PRONOUNS | _DETERMINERS
    return len(rest) > 1


_SUBJECT_NEXT = {
    **dict.fromkeys(_NOT, _PRONOUNS | _DETERMINERS),
    **dict.fromkeys(("have", "had", "am"), _PRONOUNS),
    **dict.fromkeys(("was", "were"), (_PRONOUNS | _DETERMINERS) - _set("a an any no")),
}
"""What such a word asks of stands beside it: "had a tooth pulled", "can't log in" ask nothing."""


def split(sentence: str) -> list[str]:
    """The sentence cut before each further question in it."""
    spans = list(WORD.finditer(sentence))
    found = [m.group().lower().replace("’", "'") for m in spans]
    if len(found) > MOST_WORDS:
        return [sentence]
    cuts = [0]
    begun = 0
    for at in range(1, len(found)):
        if at - begun < 2 or not _cuts(sentence, spans, found, begun, at):
            continue
        cuts.append(spans[at].start())
        begun = at
    parts = [sentence[a:b].strip(" ,;&-–") for a, b in zip(cuts, [*cuts[1:], None], strict=True)]
    return [part for part in parts if part]


def _cuts(sentence: str, spans: list[re.Match[str]], found: list[str], begun: int, at: int) -> bool:
    """Whether the words from `begun` on are one question and another one begins at `at`."""
    gap = sentence[spans[at - 1].end() : spans[at].start()]
    left = found[begun:at]
    word = found[at]
    if word in ("and", "also", "plus", "but", "then") or "&" in gap or ("/" in gap and " " in gap):
        start = at if "&" in gap else at + 1
        while start < len(found) and found[start] in (
            "also",
            "then",
            "so",
            "please",
            "if",
            "and",
            "plus",
        ):
            if found[start] == "if" and found[start + 1 : start + 2] != ["so"]:
                break
            start += 1
        if start >= len(found) or not _asked(left):
            return False
        if found[start] in ("whether", "if"):
            return any(w in _EMBEDS for w in left) and not _begins(left, 0, first=True)
        if _begins(found, start):
            return _says_something(left)
        rest = found[start:]
        return (
            "," in gap
            and 1 < len(rest) <= 5
            and fragment(" ".join(rest))
            and rest[0] in _DETERMINERS
        )
    if "," in gap or " - " in gap or " – " in gap:
        return _begins(found, at) and _asked(left) and _says_something(left) and word != "which"
    return _runs_on(found, begun, at) and _asked(left) and _says_something(left)


def _asked(left: list[str]) -> bool:
    return asks(" ".join(left))


def _says_something(left: list[str]) -> bool:
    """Whether the words before are a question already, not only its head: "when and where …"."""
    rest = [w for w in left if w not in LEADS]
    return len(rest) > 2 and (
        any(w not in FUNCTION or w in ATTRIBUTES for w in rest)
        or any(w in AUXILIARIES for w in rest)
    )


def _runs_on(found: list[str], begun: int, at: int) -> bool:
    """Whether a question begins here without any sign: "what time do you open how much is it"."""
    before, word = found[at - 1], found[at]
    following = found[at + 1] if at + 1 < len(found) else ""
    if before in _EMBEDS or before in FUNCTION - ATTRIBUTES - _set("it open there here"):
        return False
    if word == "how":
        return following in ("much", "many", "long", "far", "do", "can", "does", "often")
    if word in ("what", "where", "when", "why"):
        return following in _BE_DO or (word == "what" and following == "time")
    if word in ("do", "can", "is", "are", "does") and at + 2 < len(found):
        inverted = any(
            a in AUXILIARIES and b in _PRONOUNS | _DETERMINERS
            for a, b in zip(found[begun:at], found[begun + 1 : at], strict=False)
        )
        return inverted and following in ("you", "i", "we", "there")
    return False


_Named = tuple[tuple[str, ...], str]


def joined(question: str) -> list[tuple[_Named, _Named]]:
    """What stands on both sides of an "and", each with the question about it alone."""
    spans = list(WORD.finditer(question))
    found = [m.group().lower().replace("’", "'") for m in spans]
    pairs: list[tuple[_Named, _Named]] = []
    for at in range(1, len(found) - 1):
        if found[at] not in ("and", "plus") or found[at - 1] in AUXILIARIES:
            continue
        start = at - 1
        # "plan S", "the dog", "to Norway": what the "and" may stand for another one of.
        while start > 0 and _names(found[start - 1]) and _names(found[start]):
            start -= 1
        while start > 0 and found[start - 1] in _DETERMINERS | _PREPOSITIONS:
            start -= 1
        left, right = question[: spans[at].start()], question[spans[at].end() :]
        near = spans[max(0, at - _AROUND)].start(), spans[min(at + _AROUND, len(spans) - 1)].end()
        before = _said(question[near[0] : spans[at].start()])[-_SIDE:]
        behind = _said(question[spans[at].end() : near[1]])[:_SIDE]
        one = (tuple(before), left.strip())
        other = (tuple(behind), f"{question[: spans[start].start()]}{right.lstrip()}")
        pairs.append((one, other))
        if len(pairs) == MOST_PAIRS:
            break
    return pairs


_SIDE = 4  #: words on either side that have to be spoken of
_AROUND = 60  #: words on either side among which those are looked for
MOST_PAIRS = 8  #: of one question


def _said(text: str) -> list[str]:
    return content(text) or [w for w in words(text) if w in ATTRIBUTES]


def _names(word: str) -> bool:
    return word not in FUNCTION or word in ATTRIBUTES
