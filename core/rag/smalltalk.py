"""Small talk: greetings, thanks, goodbye, "are you a robot", insults; heard and answered."""

# ruff: noqa: E501 - Korean letters count double in a pattern

from __future__ import annotations

import enum
import re
import unicodedata


class SmallTalk(enum.StrEnum):
    """What a message is when it asks nothing of the knowledge base."""

    GREETING = "greeting"  #: hello
    THANKS = "thanks"  #: thank you, that helped
    GOODBYE = "goodbye"  #: bye
    ROBOT = "robot"  #: are you a person?
    ABILITY = "ability"  #: what can you do?
    HOW_ARE_YOU = "how_are_you"  #: how are you?
    ACKNOWLEDGED = "acknowledged"  #: ok, I see
    INSULT = "insult"  #: swearing and nothing else
    THREAT = "threat"  #: announces violence, to others or to himself: for a person, at once


_LONGEST = 160  #: a longer message says more than hello
_FILL_EN = (
    r"(?:\b(?:so|very|much|a lot|really|again|there|all|everyone|team|bot|assistant|sir|"
    r"madam|guys|friend|for (?:your|the|all) (?:help|answer|support|time|assistance|info|"
    r"information|quick (?:answer|reply|response))|then|now|well|just|okay|ok|hi|hello|hey|you|oh|"
    r"and|good|great|perfect|cool|nice|awesome|that(?:'s| is| was)|it|this|helped|helpful|works|"
    r"worked|got it|have a (?:nice|good|great) (?:day|one|evening|weekend)|great help|problem "
    r"solved|all|clear|yes|no|please|my|dear)\b|[\s,.!?~…:;)('^<3♥❤-]|[\U0001f300-\U0001faff])*"
)
_CORE_EN = {
    SmallTalk.THANKS: r"(?:thanks?(?: you)?|thx|ty|tysm|thank u|cheers|much appreciated|"
    r"i appreciate (?:it|your help|that))",
    SmallTalk.GOODBYE: r"(?:good ?bye|bye(?:[ -]?bye)?|see (?:you|ya)(?: later| soon)?|"
    r"good ?night|take care|have a (?:nice|good|great) (?:day|one|evening|weekend)|cya)",
    SmallTalk.GREETING: r"(?:hello|hi+|hey+|heya|good (?:morning|afternoon|evening|day)|greetings|"
    r"howdy|yo|hiya|is (?:anyone|anybody|someone) there|anyone there|are you there)",
    SmallTalk.ACKNOWLEDGED: r"(?:ok(?:ay)?|okey|k|alright|all right|got it|i see|understood|sure|"
    r"fine|great|perfect|cool|nice|awesome|makes sense|noted|good to know|that helped|it works(?: "
    r"now)?|that works|never ?mind)",
}
_FILL_KO = (
    r"(?:정말|진짜|너무|아주|매우|대단히|많이|네|넵|넹|예|아|오|와|그럼|다시|친절한|빠른|자세한|답변|안내|"
    r"도움|덕분에|알려\s*주셔서|도와\s*주셔서|설명해\s*주셔서|답변해\s*주셔서|해결됐어요|해결했어요|해결되었습니다|잘|됐어요|"
    r"다들|모두|여러분|반갑습니다|반가워요|좋은|하루|되세요|보내세요|주말|저녁|수고하세요|이제|오늘도|에|도|"
    r"[\s,.!?~…ㅎㅋㅠㅜ^:;)(-]|[\U0001f300-\U0001faff]|[♥❤])*"
)
_CORE_KO = {
    SmallTalk.THANKS: r"(?:감사합니다|감사해요|감사드려요|감사드립니다|감사|고맙습니다|고마워요?|고맙네요|땡큐|ㄱㅅ|감사요|"
    r"도움이?\s*(?:많이\s*)?(?:됐어요|되었어요|됐습니다|되었습니다))",
    SmallTalk.GOODBYE: r"(?:안녕히\s*(?:계세요|가세요)|수고하세요|수고하셨습니다|수고하십시오|잘\s*있어요?|바이|빠이|"
    r"다음에\s*(?:봐요|뵐게요|또\s*올게요)|좋은\s*하루\s*(?:되세요|보내세요)|이만\s*갈게요)",
    SmallTalk.GREETING: r"(?:안녕하세요|안녕하십니까|안녕|하이|헬로|반갑습니다|반가워요?|좋은\s*아침(?:이에요|입니다)?|"
    r"저기요|여보세요|계세요|계신가요|누구\s*(?:있어요|없어요|계세요))",
    SmallTalk.ACKNOWLEDGED: r"(?:네|넵|넹|예|응|ㅇㅇ|ㅇㅋ|오케이|알겠습니다|알겠어요|알았어요?|그렇군요|이해했어요|"
    r"이해했습니다|확인했습니다|확인했어요|좋아요|좋습니다|해결됐어요|해결했어요|괜찮아요|괜찮습니다|됐어요)",
}
_WHOLE = {
    talk: re.compile(
        rf"^{_FILL_EN}{_CORE_EN[talk]}{_FILL_EN}$|^{_FILL_KO}{_CORE_KO[talk]}{_FILL_KO}$"
    )
    for talk in (SmallTalk.THANKS, SmallTalk.GOODBYE, SmallTalk.GREETING, SmallTalk.ACKNOWLEDGED)
}
_ROBOT = re.compile(
    r"^(?:\W|hi|hello|hey|so|wait|sorry|excuse me|but|and)*(?:are you|r u|am i (?:talking|speaking|"
    r"chatting) (?:to|with)|is this|you are|you're|do i (?:talk|speak) (?:to|with)|are u)\s+"
    r"(?:really |just |actually |even |only |still |a |an |the |real |live |actual |human |some "
    r"|kind of |chat)*(?:ro)?(?:bot|chatbot|human|person|machine|ai|a\.i\.|computer|program|"
    r"people|chatgpt|gpt|being|artificial intelligence)(?: being| or (?:a |an )?(?:real |actual )*"
    r"\w+(?: being)?| here| right| talking)*\W*$"
    r"|^\W*(?:who|what) (?:are|r) (?:you|u)\W*$"
    r"|^\W*(?:혹시\s*|지금\s*|너\s*|너는\s*|당신은?\s*|그쪽은?\s*|저기\s*|상대방이?\s*|여기\s*)*"
    r"(?:진짜\s*|실제\s*)?(?:로봇|봇|챗봇|사람|인간|기계|ai|에이아이|인공지능|상담원|컴퓨터)\s*(?:이|이랑|과)?\s*"
    r"(?:세요|신가요|에요|예요|인가요|입니까|야|이야|이니|니|맞아요|맞나요|맞습니까|아니에요|아니죠|아닌가요|인지|임|"
    r"대화하고\s*있나요|대화하는\s*건가요)?"
    r"(?:[\s,?]*(?:아니면\s*)?(?:로봇|봇|챗봇|사람|인간|기계|ai|인공지능)"
    r"(?:이에요|예요|에요|인가요|입니까|이야|야|이세요|이신가요|세요)?)?\s*\?+\W*$"
    r"|^\W*(?:너는?|넌|당신은?)\s*(?:누구|뭐)(?:야|니|세요|예요|에요|입니까|신가요)?\W*$"
    r"|^\W*(?:누구세요|누구신가요|누구십니까)\W*$"
)
_ABILITY = re.compile(
    r"^(?:\W|hi|hello|hey|so)*(?:what (?:can|do) you (?:do|help(?: me)? with|know|answer)|"
    r"how can you help(?: me)?|can you help(?: me)?|i need (?:some )?help|help(?: me)?|"
    r"what can i ask(?: you)?)(?: please| for me| here)*\W*$"
    r"|^\W*(?:안녕하세요\W*)?(?:무엇을|뭘|뭐를|어떤\s*것을|뭐)\s*(?:도와\s*(?:줄|주실)\s*수\s*있|할\s*수\s*있|"
    r"물어(?:볼|봐도))\S*(?:\s*(?:나요|어요|되나요))?\W*$"
    r"|^\W*(?:도와\s*주세요|도와줘요?|도움이?\s*필요(?:해요|합니다)|질문\s*있어요|문의\s*드립니다|문의가?\s*있습니다|"
    r"질문이?\s*있습니다|뭐\s*좀\s*물어볼게요)\W*$"
)
_HOW = re.compile(
    r"^(?:\W|hi|hello|hey)*(?:how are (?:you|u)(?: doing| today)*|how(?:'s| is) it going|"
    r"what'?s up|how do you do|nice to meet you)\W*$"
    r"|^\W*(?:안녕하세요\W*)?(?:잘\s*지내(?:세요|요|니|셨어요)|기분\s*어때요?|오늘\s*어때요?|별일\s*없으세요)\W*$"
)
_SWEAR = re.compile(
    r"\b(?:f+u+c+k+(?:ing|er|ers|ed|off)?|f\*+k(?:ing)?|shit(?:ty|s)?|bullshit|bitch(?:es)?|"
    r"asshole|bastard|motherfucker|dickhead|cunt|wtf|stfu|idiots?|morons?|stupid|dumb(?:ass)?|"
    r"useless|piece of (?:shit|crap|garbage)|screw you|go to hell|you suck|sucks|crap)\b"
    r"|씨\s*발|시\s*발(?!점|역|차)|ㅅㅂ|ㅆㅂ|병\s*신|ㅂㅅ|개\s*새\s*끼|미친\s*(?:놈|년|새끼|것)|지랄|ㅈㄹ|좆|존나|"
    r"꺼져|닥쳐|멍청이|멍청한|바보|쓰레기|등신|염병|엿\s*먹|죽어라"
)
_SLUR_REST = re.compile(
    r"\b(?:you|your|are|is|a|an|the|this|such|so|all|of|what|bot|robot|assistant|company|service|"
    r"and|it|off|i|hate|piece|just|really|totally|completely|absolutely|fully|ai|machine|thing|"
    r"oh|my|god|damn|hell|no|help|at|u|r|go|to|me|my|ass|for|nothing|people|guys|answers?)\b"
    r"|너|넌|니|네|이|야|아|놈|년|새끼|같은|들|진짜|정말|완전|왜|이렇게|해|하네|하냐|이네|이냐|회사|서비스|로봇|봇|챗봇"
)
_THREAT = re.compile(
    r"\b(?:i(?:'ll| will|'m going to| am going to|'m gonna)|gonna|we(?:'ll| will))\s+(?:\w+\s+){0,2}?"
    r"(?:kill|hurt|shoot|stab|bomb|murder|beat|burn down|blow up|attack)\s+(?:\w+\s+){0,2}?(?:you|"
    r"your|them|him|her|everyone|every one|somebody|someone|myself|people|staff|the (?:office|"
    r"branch|store|building|agent|company))"
    r"|\b(?:kill myself|end my (?:own )?life|commit suicide|want to die|hope you die|i know where "
    r"you live)\b"
    r"|(?:죽여\s*(?:버리|버릴|주|줄)|죽일\s*(?:거|테)|찔러\s*(?:버리|버릴|죽)|폭파(?:하|시키)|불\s*지르|불\s*질러|"
    r"칼\s*들고|찾아가서\s*(?:가만|죽|다\s*부)|가만\s*두지\s*않|가만\s*안\s*(?:둬|둘|두)|자살\s*(?:하고|할|하겠)|"
    r"죽고\s*싶|목숨을\s*끊)"
)


def small_talk(text: str) -> SmallTalk | None:
    """What kind of small talk this is; None for anything that may want a real answer."""
    plain = unicodedata.normalize("NFC", text[:4000]).lower().replace("’", "'")
    plain = " ".join(plain.split())
    if not plain:
        return None
    if _THREAT.search(plain) and not re.search(r"(?:app|process|session|task|계정|앱)", plain):
        return SmallTalk.THREAT
    if len(plain) > _LONGEST:
        return None
    if _SWEAR.search(plain) and _only_swears(plain):
        return SmallTalk.INSULT
    if _ROBOT.search(plain):
        return SmallTalk.ROBOT
    if _ABILITY.search(plain):
        return SmallTalk.ABILITY
    if _HOW.search(plain):
        return SmallTalk.HOW_ARE_YOU
    return next((talk for talk, pattern in _WHOLE.items() if pattern.search(plain)), None)


def _only_swears(text: str) -> bool:
    rest = _SLUR_REST.sub(" ", _SWEAR.sub(" ", text))
    return not re.search(r"[a-z0-9가-힣]{2,}", rest)
