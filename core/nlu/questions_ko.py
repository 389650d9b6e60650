"""Korean questions: where one ends, and which words name its subject.

How words are joined is grammar and stands here; the words are data (`patterns/questions.toml`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from config.languages import patterns

HANGUL = re.compile(r"[가-힣]")
WORD = re.compile(r"[^\s,;·/~()\[\]\"'“”‘’?？!！.。…]+")
_LISTS = patterns("questions")["ko"]


def _seq(words: str) -> tuple[str, ...]:
    return tuple(words.split())


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


WH = _set(_LISTS["wh"])
_WH_BEGINS = tuple(_LISTS["wh_begins"])
_WH_NOT = frozenset(_LISTS["wh_not"])
LEADS = _set(_LISTS["leads"])
_ADDING = _set(_LISTS["adding"])
_WISHES = _set(_LISTS["wishes"])
REFERS = _set(_LISTS["refers"])
"""Words that stand for something said before."""
_THAT = _set(_LISTS["that"])  #: before a noun they point back at it

#: Endings by which a sentence asks, whatever its mark.
_ASKING = _seq(_LISTS["asking"])
_TOLD = _seq(_LISTS["told"])
_NO_ENDING = _set(_LISTS["no_ending"])
_FINAL = _seq(_LISTS["final"])

#: What may hang on a noun; the longest that fits is taken off.
_PARTICLES = _seq(_LISTS["particles"])
_AFTER_VERBS = _seq(_LISTS["after_verbs"])
#: What ends a verb.
_ENDINGS = _seq(_LISTS["endings"])
#: What may hang on the noun of a verb ("결제되나요", "예약할"), that and all behind it.
_VERBAL = _seq(_LISTS["verbal"])

_COUNTED = _set(_LISTS["counted"])

FUNCTION = _COUNTED | WH | LEADS | _ADDING | REFERS | _THAT | _set(_LISTS["function_besides"])
"""Words that name nothing by themselves: not what is asked about, but that and how it is asked."""

ATTRIBUTES = _set(_LISTS["attributes"])
"""Of these the ones that say what of a thing is asked: they count where the thing is named too."""


def words(text: str) -> list[str]:
    """The words as they stand."""
    return [m.group() for m in WORD.finditer(text)]


def bare(text: str) -> list[str]:
    """The words without the greeting or the "and so" in front."""
    found = words(text)
    start = 0
    while start < len(found) and (found[start] in LEADS or _laughs(found[start])):
        start += 1
    return found[start:]


def stem(word: str) -> str:
    """A name without what hangs on it, as far as that can be told by its letters; "" for others.

    Verbs of Korean's own ("먹어요") name nothing here; of "결제하나요" 결제 is left.
    """
    if word in FUNCTION or _laughs(word):
        return ""
    whole = word
    for particle in _PARTICLES:
        if word.endswith(particle) and len(word) > len(particle):
            word = word[: -len(particle)]
            break
    is_verb = whole.endswith(_ENDINGS) or word.endswith(_ENDINGS)
    for place in range(2, len(word)):
        if word.startswith(_VERBAL, place):
            word, is_verb = word[:place], False
            break
    return "" if is_verb or word in FUNCTION else word


def verbs(text: str) -> list[str]:
    """What Korean's own verbs begin with ("옮" of "옮겨요"), those that say nothing left out."""
    told = (w for w in words(text) if w not in FUNCTION and not _laughs(w))
    return [word[:1] for word in told if not stem(word)]


def content(text: str) -> list[str]:
    """What is asked about, in order, without particles and endings."""
    found = []
    all_words = words(text)
    for word, following in zip(all_words, [*all_words[1:], ""], strict=True):
        one = stem(word)
        # "배울 수 있나요": what can be done, not what it is done with.
        if one and not (one == word and following.startswith(_AFTER_VERBS) and _ends_in_l(word)):
            found.append(one)
    return found


def _ends_in_l(word: str) -> bool:
    return HANGUL.match(word[-1]) is not None and (ord(word[-1]) - ord("가")) % 28 == 8


def refers(text: str) -> bool:
    """Whether the text stands on something said before it: "그건 얼마예요?"."""
    found = bare(text)
    raw = words(text)
    for place, word in enumerate(found):
        if word in REFERS and word not in ("거", "둘") and not _is_explained(found, place):
            return True
        if place == 0 and word in ("이", "저", "해당") and len(found) > 1:
            return True
    # "그 상품은 …": a lead unless a noun follows it at once.
    return len(raw) > 1 and raw[0] == "그" and bool(stem(raw[1]))


def _is_explained(found: list[str], place: int) -> bool:
    """Whether what stands before a word that points back is what it points at.

    "인비절라인 같은 교정", "수영복 위에", and "선물이 왔는데 이거 어떻게 받아요?", where
    a clause has named it.
    """
    before = found[:place]
    if found[place] in _BEHIND_NOUNS:
        return bool(before) and bool(stem(before[-1]))
    clauses = [at for at, word in enumerate(before) if word.endswith(_CLAUSE)]
    return bool(clauses) and any(map(stem, before[: clauses[-1]]))


_BEHIND_NOUNS = frozenset(("같은", "위에", "위의", "앞의"))
_CLAUSE = ("데", "데요", "거든요", "니까", "지만")


def asks_how(text: str) -> bool:
    """Whether this only asks how that is done which was asked before: "어떻게 하죠?"."""
    found = bare(text)
    return (
        0 < len(found) <= 2
        and found[0].startswith(("어떻게", "어케"))
        and all(word.startswith(_DOING) for word in found[1:])
    )


_DOING = tuple("하해할합한되돼될됩")
_TRYING = ("가야", "가도", "가면", *"주줘드보봐놓두둬")
_WONDERING = (*"하해봐봅", "싶", "생각", "고민", "걱정")


def asks(text: str) -> bool:
    """Whether this sentence asks to be told something."""
    found = words(text)
    if not found:
        return False
    if "?" in text or "？" in text:
        return True
    if any(_is_wh(word) for word in found):
        return True
    if any(told in word for word in found for told in _TOLD):
        return True
    return _asking(found[-1])


def announces(text: str) -> bool:
    """Whether this only says that a question comes: "질문 하나 더 있어요"."""
    found = words(text)
    return (
        0 < len(found) <= 6
        and any(one in text for one in ("질문", "궁금", "물어", "여쭤", "문의", "하나", "가지"))
        and all(word.rstrip("~") in _ANNOUNCING or word in LEADS for word in found)
    )


_ANNOUNCING = _set(_LISTS["announcing"])


def adds(text: str) -> bool:
    """Whether this names one more thing: "또 주차요"."""
    found = words(text)
    return bool(found) and found[0] in _ADDING and fragment(text)


def begins_with_more(text: str) -> bool:
    """Whether this goes on to another thing: "그리고 …", "또 …"."""
    found = [word for word in words(text) if not _laughs(word)]
    return bool(found) and found[0] in _ADDING | {"추가적으로", "글구", "글고"}


def goes_on_with_more(text: str) -> bool:
    """Whether a second thing follows within: "…이랑 …", "… 그리고 …", "…고 싶은데 …도 …"."""
    found = words(text)
    if any(word in ("그리고", "글구", "글고", "및", "또한", "더불어") for word in found[1:]):
        return True
    if any(word.endswith(("이랑", "하고", "랑")) and stem(word) for word in found[:-1]):
        return True
    wished = [at for at, word in enumerate(found) if word.startswith("싶")]
    if any(word.endswith("도") and stem(word) for at in wished for word in found[at + 1 :]):
        return True
    return len(wished) > 1


def fragment(text: str) -> bool:
    """Whether this is a name of something without a sentence around it."""
    found = bare(text)
    own = content(text) or [w for w in found if w in ATTRIBUTES]
    sentence = (w for w in found if _asking(w) or _is_wh(w) or w.endswith(_SENTENCE))
    return bool(own) and len(found) <= 4 and not any(sentence)


_SENTENCE = _seq(_LISTS["sentence"])


def wishes(text: str) -> bool:
    """Whether this names a want or a trouble: "로그인이 안 돼요"."""
    found = words(text)
    return len(found) > 1 and any(
        word.startswith(wish) or (len(wish) > 1 and wish in word)
        for word in found
        for wish in _WISHES
    )


def split(sentence: str) -> list[str]:
    """The sentence cut behind each question in it that another one follows."""
    spans = list(WORD.finditer(sentence))
    said = _Said([m.group() for m in spans], marked=sentence.rstrip().endswith(("?", "？")))
    cuts = [0]
    begun = 0
    for at in range(1, len(spans)):
        if said.cuts(begun, at):
            cuts.append(spans[at].start())
            begun = at
    parts = [sentence[a:b].strip(" ,;&·") for a, b in zip(cuts, [*cuts[1:], None], strict=True)]
    return [part for part in parts if part]


class _Said:
    """The words of a sentence by kind, counted from its beginning.

    Each place is asked about what stands before and behind it: looked through word by word, that
    would take the square of the words, and somebody wrote 2,000 of them without a full stop.
    """

    def __init__(self, found: list[str], *, marked: bool) -> None:
        """`marked`: the sentence ends with a question mark, so that "돼요" asks and tells."""
        self._found = found
        self._marked = marked
        stems = [bool(stem(w)) for w in found]
        self._told = [_told(w) for w in found]
        wh = [_is_wh(w) for w in found]
        asks = [is_wh or _asking(w) for is_wh, w in zip(wh, found, strict=True)]
        self._says = _counted(
            is_wh or (w not in LEADS and (has_stem or w in ATTRIBUTES))
            for w, is_wh, has_stem in zip(found, wh, stems, strict=True)
        )
        self._wh, self._names = _counted(wh), _counted(stems)
        self._wh_untold, self._asks, self._stems, self._topics = (
            _counted(one and not told for one, told in zip(ones, self._told, strict=True))
            for ones in (
                wh,
                asks,
                stems,
                [w.endswith(("은", "는", "도")) and s for w, s in zip(found, stems, strict=True)],
            )
        )
        untold = (n for n in range(len(found) - 1, -1, -1) if not self._told[n])
        self._last_untold = next(untold, 0)

    def cuts(self, begun: int, at: int) -> bool:
        """Whether the words from `begun` on are one question and another one begins at `at`."""
        before, end = self._found[at - 1], len(self._found)
        if before in LEADS or not (self._says[at] > self._says[begun]):
            return False
        if not self._says[end] > self._says[at]:
            return False
        asked = self._wh[at] > self._wh[begun]
        again = self._asks[end] > self._asks[at]
        if _goes_on(before, self._found[at]):
            return False
        if before.endswith(_FINAL) and before not in _NO_ENDING:
            ends = _asking(before) or asked or self._told[at - 1]
            ends = ends or (self._marked and before.endswith(_POLITE))
            opens = again or (self._found[at] in _ADDING and end - at > 1)
            opens = opens or (self._marked and self._found[-1].endswith(_POLITE))
            if ends and opens:
                return True
        if before.endswith(_WAYS):
            return self._names[end] > self._names[at]
        # "얼마고 …", "되는지 …": another thing is asked behind it, not the same led to its end.
        if before.endswith(_WHETHER):
            return again and self._stems[end] > self._stems[at]
        if before.endswith(_LINKING) and asked:
            last = max(at, self._last_untold)
            topics = self._topics[last] > self._topics[at]
            return again and (topics or self._wh_untold[end] > self._wh_untold[at])
        return False


def _goes_on(word: str, following: str) -> bool:
    """Whether a word that looks like the end of a sentence only leads to the next one.

    "언제까지 먹어야 하나요", "태울까 하는데", "검정인지 남색인지".
    """
    if word.endswith("까지") or word in _LEADING:
        return True
    if word.endswith("야"):
        return following.startswith(_DOING)
    if word.endswith("까"):
        return following.startswith(_WONDERING) or following.endswith("까")
    if word.endswith("해"):
        return following.startswith(_TRYING)
    return word.endswith("지") and (following.endswith("지") or following.startswith(_KNOWING))


_KNOWING = ("모르", "몰라", "알고", "알아", "아시", "확인", "헷갈", "고민", "걱정", "보는", "볼")
_LEADING = frozenset(("얼마나", "누가", "어디다", "언제나"))


def _counted(are: Iterable[object]) -> list[int]:
    """How many of the first n are so, for each n."""
    return [0, *itertools.accumulate(map(bool, are))]


_WHETHER = tuple(
    one + joint
    for one in ("는지", "은지", "인지", "을지", "한지", "될지", "할지")
    for joint in ("", "랑", "와", "도", "하고")
)
_LINKING = ("고", "며", "고요", "구", "구요")
#: "예약하는 법이랑 취소하는 법": two ways are asked for.
_WAYS = tuple(
    one + joint
    for one in ("법", "방법", "절차", "비용", "가격", "시간", "위치")
    for joint in ("이랑", "랑", "하고", "과", "와", "도")
)


def without_leads(text: str) -> str:
    """The question without what leads to it: "아 그리고 …"."""
    spans = list(WORD.finditer(text))
    start = 0
    while start < len(spans) and (spans[start].group() in LEADS or _laughs(spans[start].group())):
        start += 1
    # "그 상품": the noun behind it needs it.
    if start and spans[start - 1].group() in _THAT:
        start -= 1
    return text[spans[start].start() :] if 0 < start < len(spans) else text


_POLITE = _seq(_LISTS["polite"])


def _is_wh(word: str) -> bool:
    return word in WH or (word.startswith(_WH_BEGINS) and word not in _WH_NOT)


def _asking(word: str) -> bool:
    return (
        word.endswith(_ASKING)
        and word not in _NO_ENDING
        and (
            not word.endswith("니까")
            or word.endswith(("습니까", "입니까", "됩니까", "합니까", "옵니까", "갑니까", "줍니까"))
        )
    )


def _told(word: str) -> bool:
    return any(told in word for told in _TOLD)


def _laughs(word: str) -> bool:
    return all(char in "ㅋㅎㅠㅜㅇㄱㄴ^~-!.♥❤" for char in word)


_Named = tuple[tuple[str, ...], str]
_AND = _seq(_LISTS["and"])


def joined(question: str) -> list[tuple[_Named, _Named]]:
    """What stands on both sides of an "와", each with the question about it alone."""
    spans = list(WORD.finditer(question))
    found = [m.group() for m in spans]
    pairs: list[tuple[_Named, _Named]] = []
    for at in range(len(found) - 1):
        particle = next((p for p in _AND if found[at].endswith(p) and len(found[at]) > len(p)), "")
        if not particle or found[at] in FUNCTION or not stem(found[at]):
            continue
        start = at
        while start > 0 and stem(found[start - 1]) == found[start - 1]:
            start -= 1
        end = at + 1
        while end < len(found) - 1 and stem(found[end]) == found[end]:
            end += 1
        left = tuple(_said(" ".join(found[max(0, at + 1 - _AROUND) : at + 1]))[-_SIDE:])
        right = tuple(_said(" ".join(found[at + 1 : at + 1 + _AROUND]))[:_SIDE])
        after = spans[end].end() if end < len(found) else len(question)
        bare = question[: spans[at].end() - len(particle)]
        one = bare + question[after:] if after < len(question) else bare
        other = question[: spans[start].start()] + question[spans[at].end() :].lstrip()
        pairs.append(((left, " ".join(one.split())), (right, " ".join(other.split()))))
        if len(pairs) == MOST_PAIRS:
            break
    return pairs


_SIDE = 4  #: words on either side that have to be spoken of
_AROUND = 60  #: words on either side among which those are looked for
MOST_PAIRS = 8  #: of one question


def _said(text: str) -> list[str]:
    return content(text) or [w for w in words(text) if w in ATTRIBUTES]
