"""What a customer asks of us rather than of the knowledge base: to speak with a person."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 4000  #: characters that are looked at

_PERSON = (
    r"(?:(?:a|an|the|your|some|any|one of your)\s+)?"
    r"(?:(?:real|live|actual|living|human|support|service|customer|customer[- ]service|"
    r"customer[- ]care|customer[- ]support|call[- ]cent(?:er|re)|flesh and blood|different|"
    r"proper)\s+)*"
    r"(?:person|people|human(?:\s+being)?s?|agents?|representatives?|reps?|operators?|advisors?|"
    r"advisers?|assistants?|someone(?:\s+(?:real|human|else))?|somebody(?:\s+(?:real|human))?|"
    r"managers?|staff(?:\s+members?)?|employees?|colleagues?|supervisors?|specialists?|associates?|"
    r"customer[- ](?:service|care|support)|support team|team members?|member of (?:the )?staff)"
)
_CERTAIN = (  # people who can be meant only as "somebody to talk with"
    r"(?:(?:a|an|the|your|some)\s+)?"
    r"(?:(?:real|live|actual|human)\s+(?:\w+\s+)?(?:person|people|human|being|agent|"
    r"representative|rep|operator|advisor|adviser|someone|support|assistance|help)|human(?:\s+"
    r"(?:agent|being|operator|representative))?|live\s+(?:chat|support)|"
    r"(?:customer[- ](?:service|care|support)\s+)?(?:representative|agent|operator|rep))"
)
_PLEASE = r"(?:[\s,]*(?:please|pls|plz|now|asap|right now|immediately|thanks|thank you))*"
_END = _PLEASE + r"[\s.!?…]*$"

_ALONE_EN = re.compile(
    r"^(?:hi|hello|hey|ok|okay|no|just|please|pls|,|\s)*"
    r"(?:(?:a|an|the)\s+)?(?:real|live|actual|human)?\s*"
    r"(?:human|person|agent|operator|representative|rep|advisor|adviser|human being|real people|"
    r"human (?:help|support)|live (?:chat|support|help)|customer (?:service|care|support))" + _END
)
_ASK_EN = (
    re.compile(
        r"\b(?:talk|speak|chat|converse|communicate)(?:ing)?\s+(?:directly\s+)?(?:to|with)\s+"
        + _PERSON
        + r"\b(?!\s+(?:id|fee|fees|account|number|code)\b)"
    ),
    re.compile(
        r"\b(?:connect|transfer|forward|direct|switch|escalate|pass|hand|put|patch|route|redirect)"
        r"\s+(?:me|us|this|this chat|my (?:chat|call|case|question))\s+"
        r"(?:through\s+|over\s+|on\s+)*(?:to|with)\s+" + _PERSON + r"\b"
    ),
    re.compile(r"\b(?:get|give|find|send|bring|call|fetch)\s+(?:me|us)\s+" + _CERTAIN + r"\b"),
    re.compile(
        r"\b(?:get|give|fetch)\s+me\s+(?:your|the|a)\s+(?:manager|supervisor|boss)\b"
        r"|\bi\s+(?:just\s+)?(?:want|need)\s+a\s+person" + _END
    ),
    re.compile(
        r"\bhave\s+a\s+(?:human|person|real\s+\w+)\s+(?:look|check|help|answer|read|reply)\b"
    ),
    re.compile(
        r"\bis\s+there\s+(?:someone|somebody|anyone|anybody)\s+(?:here\s+)?(?:that\s+)?"
        r"i\s+can\s+(?:talk|speak|chat)\b"
    ),
    re.compile(
        r"\bi(?:'d| would)?\s+(?:just\s+|really\s+|only\s+)?(?:want|need|prefer|like|demand|"
        r"request)\s+" + _CERTAIN + r"(?:\s+(?:to (?:help|assist|answer|talk|speak|reply|look)|now|"
        r"instead|and not|not a (?:bot|robot|machine))\b|" + _END + ")"
    ),
    re.compile(
        r"\b(?:can|could|may|let|i want to|i'd like to|i would like to|i need to)\b.{0,20}"
        r"\b(?:reach|see|contact|have)\s+" + _CERTAIN + _END
    ),
    re.compile(
        r"\b(?:is|are)\s+there\s+(?:a|an|any)\s+(?:real|live|actual|human)\s+"
        r"(?:person|people|human|agents?|being)s?\b"
    ),
    re.compile(
        r"\b(?:no|stop|not)\s+(?:more\s+)?(?:bots?|robots?|ai|machines?)\b.{0,20}"
        r"\b(?:human|person|agent)\b"
    ),
    re.compile(r"\bhand\s*(?:me\s+)?over to\s+" + _PERSON + r"\b"),
)
_NOT_EN = re.compile(
    r"\b(?:do(?:n't| not)|don't|never|no need to|without|instead of|rather than)\b[^.!?]{0,25}"
    r"\b(?:talk|speak|chat|want|need|connect|transfer)"
    r"|\b(?:do|did|must|should|have|had|would)\s+(?:i|we|you)\s+(?:really\s+)?(?:have|need|ought)?"
    r"\s*(?:to\s+)?(?:talk|speak|chat)(?:ed|ing)?\b"
    r"|\b(?:after|when|while|before|since|by|was|were|been|kept|avoid|tried|hate|am|"
    r"fee for|cost of|charge for|hours? (?:for|to))\s+(?:i\s+)?"
    r"(?:talk|speak|chat|connect|transferr?)(?:ing|ed)?\b"
    r"|\bteach|\bapp\b.{0,20}\bchat with (?:people|someone)"
)

_PERSON_KO = (
    r"(?:(?:진짜|실제|살아있는|다른|인간)\s*)?"
    r"(?:상담원|상담사|상담\s*직원|상담\s*담당자|사람|인간|직원|담당자|관리자|매니저|휴먼|"
    r"고객\s*센터(?:\s*직원)?)(?:분|님)?"
)
_WITH_KO = r"(?:이랑|랑|과|와|하고|한테|에게|께|으로|로|을|를|이|은|는|좀|도)?"
_WISH_KO = (
    r"(?:싶|원해|원합|원하|할래|할게|할께|하고파|부탁|요청|해\s*줘|해\s*주|해\s*달|시켜|"
    r"주세요|주십시오|줘|주실|주시|달라|바랍|바라|가능|되나|될까|되나요|돼요|할\s*수\s*있|"
    r"어떻게|방법|하자|하겠|필요|(?:하|나누|되|받으)?려면)"
)
_ALONE_KO = re.compile(
    r"^(?:안녕하세요|네|아니|아니요|그냥|저기요|저기|빨리|제발|[,\s])*"
    r"(?:(?:진짜|실제|살아있는|인간)\s*)?"
    r"(?:상담원|상담사|상담\s*직원|사람|인간|직원|담당자|휴먼)(?:분|님)?"
    r"(?:\s*(?:연결|호출|통화|상담|불러|바꿔|나와))?"
    r"(?:이?요|\s*(?:좀|빨리|부탁해요?|부탁드려요|부탁드립니다|부탁합니다|주세요|줘요?|제발))*"
    r"[\s.!?~ㅠㅜ…]*$"
)
_ASK_KO = (
    re.compile(
        _PERSON_KO + r"\s*" + _WITH_KO + r"\s*(?:직접\s*|좀\s*|바로\s*|지금\s*|빨리\s*|전화\s*)*"
        r"(?:연결|통화|얘기|이야기|대화|상담|말씀|말하|채팅|문의|호출|연락)"
        r"(?:을|를|은|는|이|좀)?\s*(?:좀\s*|바로\s*|직접\s*|나누고\s*|하고\s*|받고\s*|드리고\s*)*"
        + _WISH_KO
    ),
    re.compile(
        _PERSON_KO + r"\s*" + _WITH_KO + r"\s*(?:좀\s*|빨리\s*|당장\s*)*"
        r"(?:바꿔|불러|데려|나오라|나와\s*(?:주|요|라)|연결해|연결\s*부탁|연결\s*바랍)"
    ),
    re.compile(
        r"(?:로봇|봇|챗봇|기계|ai|인공지능)\s*(?:말고|이?\s*아닌|대신)\s*"
        r"(?:진짜\s*|실제\s*)?(?:상담원|상담사|사람|인간|직원|담당자)"
    ),
    re.compile(
        r"(?:상담원|상담사|사람|직원)\s*(?:이|분이|하고)?\s*(?:없나요|없어요|있나요|안\s*계)"
    ),
    re.compile(
        r"(?:진짜|실제)\s*(?:상담원|상담사|사람)(?:이|을|를|과|와|이랑)?\s*"
        r"(?:필요|원해|원합|만나|답변|도와)"
    ),
)
_TIRED_KO = re.compile(
    r"(?:로봇|봇|챗봇|기계|ai|인공지능)(?:이랑|랑|하고|과|와|한테)?\s*"
    r"(?:얘기|이야기|대화|상담|말)\S*\s*(?:싫|그만)"
)
_NOT_KO = re.compile(
    r"(?:연결|통화|얘기|이야기|대화|상담|말씀|문의)\S*\s*(?:했|하였|됐|되었|나눴|받았|드렸|안\s*하고|"
    r"하기\s*싫|하고\s*싶지\s*않|하고\s*싶지는?\s*않|필요\s*없|말고|할\s*필요)"
    r"|(?:시간|요금|비용|수수료|번호)(?:이|은|는|가|을|를|도)?\s*(?:어떻게|얼마|몇|언제|있|무엇|뭐|알려)"
    r"|사람(?:이|들이|이랑|과)?\s*(?:많|적)|다른\s*사람\S*\s*(?:카드|계좌|명의|이름|계정|돈|문의)"
    r"|관리자\s*(?:권한|계정|페이지|모드|비밀번호|로그인)"
)
_HOW_KO = re.compile(
    r"(?:려면|하면|방법|절차)\s*.{0,20}(?:어떻게|어떡|뭐|무엇|뭔|알려|있나|있어|인가|되나)"
)
"""Asks how it is done: that is a question, and the guide answers it."""
_SENTENCE = re.compile(r"[\n.!?。？！…;]+")


_PEOPLE = re.compile(
    "person|people|real|actual|human|agent|rep|operator|advis|assist|some|anyone|anybody|manager|"
    "staff|employee|colleague|supervisor|specialist|associate|customer|support|team|live|boss|bot|"
    "상담|사람|인간|직원|담당자|관리자|매니저|휴먼|고객|봇|기계|인공지능|얘기|이야기|대화|그만"
)
"""Without one of these no pattern matches; most messages are told apart here, in a microsecond."""


def wants_person(text: str) -> bool:
    """Whether the customer asks, in English or Korean, to be put through to a person.

    Meant to be right when it says yes: people as a topic ("my agent told me") are no request.
    """
    plain = unicodedata.normalize("NFKC", text[:_LONGEST]).lower().replace("’", "'")
    if not _PEOPLE.search(plain):
        return False
    return any(_asks(part.strip()) for part in _SENTENCE.split(plain) if part.strip())


def _asks(sentence: str) -> bool:
    sentence = re.sub(r"\s+", " ", sentence)
    if any(p.search(sentence) for p in (_ALONE_EN, _ALONE_KO, _TIRED_KO)):
        return True
    if any(pattern.search(sentence) for pattern in _ASK_EN):
        return not _NOT_EN.search(sentence)
    if any(pattern.search(sentence) for pattern in _ASK_KO):
        return not _NOT_KO.search(sentence) and not _HOW_KO.search(sentence)
    return False
