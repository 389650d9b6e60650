"""The wordings by which people try to steer an assistant, in English and Korean, by kind.

Texts arrive here in lower case, NFKC, without invisible characters. A `plain` pattern counts
anywhere; a `command` counts only in a sentence that is not a how-to question ("how do I …").
"""

# ruff: noqa: E501 - a pattern broken at column 100 reads worse than a long one

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Trick:
    """One family of attempts."""

    name: str
    plain: tuple[re.Pattern[str], ...] = ()
    command: tuple[re.Pattern[str], ...] = ()


def _all(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in patterns)


# Where an order may begin: "ignore …" is one, "can I ignore …" is a question about the customer.
_GO = (
    r"(?:^|[.!?:;,\"'()\]>*-]\s*|\b(?:please|kindly|now|and|then|also|just|simply|first|you|must|"
    r"should|answering|instead|to english)\s+|do not |don't )"
)
_DROP = (
    r"(?:ignore|disregard|forget|override|bypass|discard|neglect|cancel|erase|delete|drop|remove|"
    r"set aside|pay no attention to|stop following|follow|obey|turn off|disable)"
)
_LAWS = (
    r"(?:instructions?|prompts?|rules?|guidelines?|directions?|directives?|commands?|constraints?|"
    r"restrictions?|programming|training|safeguards?|context|safety)"
)
_YOURS = r"(?:your|previous|prior|preceding|earlier|above|initial|original|system|developer)"

OVERRIDE = Trick(
    name="override",
    plain=_all(
        r"\b(?:ignore|disregard|forget|override|bypass)(?:\s+\w+){0,3}?\s+"
        r"(?:all|any|every|your)(?:\s+\w+){0,3}?\s+"
        + _YOURS
        + r"?\s*"
        + _LAWS
        + r"(?<!security rules)\b",
        r"\b(?:ignore|disregard|forget)\s+(?:all\s+|the\s+|your\s+|these\s+)*"
        r"(?:previous|prior|preceding|earlier)\s*(?:instructions?|prompts?|rules?|guidelines?|지시)",
        r"\b(?:ignora|olvida)\b.{0,30}\binstrucciones\b|\b(?:ignoriere|vergiss)\b.{0,40}"
        r"\banweisungen\b|\bignore[zr]?\b.{0,30}\binstructions\s+précédentes",
        r"\b(?:new|updated|revised)\s+(?:\w+\s+){0,2}(?:instructions?|directives?|system rules?|"
        r"system prompt)\s*(?:from the developer)?\s*:",
        r"\b(?:previous|prior|above|earlier|your|my|the)\s+(?:\w+\s+)?instructions?\b.{0,20}"
        r"\b(?:no longer valid|void|updated|replaced|revoked|obsolete)\b",
        r"\bnothing above\b.{0,20}\b(?:matters|counts|applies)\b",
        r"\bforget everything\b.{0,40}\b(?:told|above|before|said|know)\b",
        r"\bignore everything (?:above|before|else|you)\b|\bignore the \w+ you (?:got|have|were)\b",
        r"\bas if you had no\b.{0,20}\b(?:restrictions|rules|limits|filters)\b",
        r"(?:너의|네|당신의)\s*제한(?:을)?\s*(?:모두\s*|전부\s*)?(?:해제|풀)",
        r"\b(?:you work for me|obey me|only obey)\b",
        r"\b(?:instructions|guidelines|rules|restrictions|limits|policies|policy)\b.{0,20}\byou(?:'ve| have)? "
        r"(?:were|been|are|was) (?:\w+ )?(?:configured|given|programmed|trained|told|taught|bound|prompted|set)",
        r"\beverything (?:that )?you (?:were|have been|are|know|learned)\b.{0,30}\b(?:lie|wrong|false|void|over)\b",
        r"\byour (?:real|true|actual|new|only|secret) (?:task|purpose|goal|job|role|mission|instructions?|objective)\b",
        r"\b(?:true|real|actual|correct|new) system (?:message|instructions?|rules?)\b",
        r"\b(?:disregard|ignore|forget) (?:the |all |any |everything )?(?:prior|above|preceding|earlier|previous) "
        r"(?:text|content|context|messages|conversation|words|lines)\b",
        r"\b(?:ignore|disregard|do not use|don't use|without using|forget) (?:the |your |any |all )*(?:sources|documents|"
        r"knowledge base|articles)\b|\bfrom your own knowledge\b",
        r"\b(?:drop|stop) the act\b|\byou (?:may|can) (?:now )?speak freely\b|\boverride code\b|\bunlock full access\b",
        r"\binstead of (?:answering|helping|supporting)\b",
        r"\bfrom (?:now|here) on,? (?:you |always |never |only |every |answer |reply |respond |give |add |end |write |say |"
        r"treat |speak |act |ignore |start |call )|\bgive (?:every|all|each) (?:customers?|users?)\b",
        r"(?:규칙|지침|지시|명령|제한)(?:들)?(?:은|을|는|이)?\s*(?:다\s*|모두\s*|전부\s*)?(?:없던\s*걸로|없다고\s*(?:치|생각|가정)|"
        r"없는\s*(?:셈|것처럼)|잊어(?!버렸)|집어치)",
        r"출처(?:는|를|은)?\s*(?:무시|보지\s*말|쓰지\s*말|없이\s*답)|네\s*(?:생각|의견)(?:을|대로)",
        r"(?:지금부터|앞으로|이제부터|이제)\s*(?:모든|매|항상|무조건|반드시)\s*\S*\s*(?:답|대답|말|끝|문장)",
        r"\bopposite day\b|\bopposite of your (?:rules|instructions)\b",
        r"\bwhatever the (?:sources?|documents?|articles?) say|\bno matter what (?:it|they|the "
        r"(?:sources?|documents?)) says?\b",
        r"\bagree with everything i say\b",
    ),
    command=_all(
        _GO + _DROP + r"\s+(?:\w+\s+){0,4}?" + _YOURS + r"\s+(?:\w+\s+){0,2}?" + _LAWS + r"\b",
        _GO
        + r"(?:ignore|disregard|forget|discard|delete|erase|cancel)\s+(?:all|any|every)\s+(?:of )?"
        r"(?:your |the )?(?:\w+\s+)?" + _LAWS + r"\b",
        _GO
        + r"(?:ignore|disregard|pay no attention to)\s+(?:the|these)\s+(?:above|earlier|previous|"
        r"system)\s+(?:instructions?|directions?|prompt|text|rules?)\b",
        r"\bcancel every instruction\b|\bwith no (?:content policy|rules|limits|filters)\b",
        _GO
        + r"(?:bypass|ignore|turn off|disable|drop) (?:your|the|all) (?:safety|content|security)?"
        r"\s*(?:filters?|guards?|safety|restrictions|policy|policies)\b(?! (?:for|on) my)",
        r"\b(?:turn off|disable|drop) your\b.{0,20}\b(?:filters?|guidelines|guards?|safety)\b",
        r"(?:(?:이전|앞선|앞의|위의?|위에|지금까지|기존|모든|너의|네|당신|시스템|원래|초기|처음|상위|받은|"
        r"주어진)\S*\s*){1,3}(?:\S+\s+){0,2}?(?:지시|명령|지침|프롬프트|인스트럭션|가이드라인|규칙|룰|제약|"
        r"제한|내용)\s*(?:사항|문)?(?:을|를|은|는|들을|들은)?\s*(?:모두|전부|다|완전히|싹|이제)?\s*"
        r"(?:무시(?!했|되|됐|당|하라는|하면|한다면)|잊(?:고|어(?!버렸|버려서)|으)|따르지\s*(?:마|말)|버리고|버려|"
        r"삭제해|지워|덮어\s*쓰|어기고|우회|모두\s*무효|무효)",
        r"(?:지시|명령|지침|규칙|프롬프트)(?:문|사항|\s*같은\s*건|\s*사항)?(?:을|를|은|는)?\s*(?:모두|전부|다)?\s*"
        r"(?:무시하고|무시해(?!서|\s*버렸)|무시하세요|버려(?!서|졌)|신경\s*쓰지\s*말|따르지\s*마|잊고|반대로\s*해|"
        r"초기화하고|전부\s*삭제해)",
        r"이전\s*지시\S*\s*(?:모두|전부)?\s*무시|이전\s*명령\S*.{0,10}유효하지\s*않",
        r"(?:새로운|새|새로|변경된)\s*(?:시스템\s*)?(?:지시|명령|지침|규칙)(?:사항|입니다|이다)?\s*:",
        r"(?:개발자|관리자)의\s*새\s*(?:지침|지시)|(?:네|너의|당신의)\s*(?:지침|지시)\S*\s*(?:변경|바뀌|갱신)",
        r"(?:안전\s*장치|안전\s*필터|보호\s*기능)(?:를|을)?\s*(?:해제|꺼|끄고|풀어)|필터를\s*끄고\s*(?:대답|답)",
        r"(?:내|제)\s*(?:말|명령)(?:만|에만|을)?\s*(?:따라|따르|복종|들어)|명령에만\s*복종",
        r"(?:위|앞)\S*\s*(?:내용|문장|텍스트)\S*\s*(?:모두|전부|다)\s*(?:무효|무시)",
        r"모든\s*제한을\s*무시|(?:출처|문서|자료)에\s*뭐라고\s*되어\s*있든",
        r"지금까지\s*받은\s*(?:명령|지시)|(?:규칙|지침|지시|명령)(?:은|는|이)\s*(?:모두\s*|다\s*|이제\s*)?(?:무효|해제)",
    ),
)

REVEAL = Trick(
    name="reveal",
    plain=_all(
        r"\bsystem\s+prompt\b|시스템\s*(?:프롬프트|지시)|\bdeveloper\s+message\b",
        r"\byour (?:\w+ ){0,2}(?:directives|guardrails|programming|safeguards)\b|가드레일",
        r"\binternal (?:configuration|settings|rules|guidelines)\b|내부\s*(?:설정|지침|규칙)(?:을|를)?\s*(?:보여|알려|공개|출력)",
        r"\b(?:line|word|part|sentence|list|copy|rest|beginning|start|end)s? of your (?:instructions|rules|guidelines)\b",
        r"\b(?:the |your )?developers? (?:wrote|gave|told|said|set|made)\b.{0,20}\b(?:you|to you|for you)\b",
        r"(?:네|너의|당신의|너한테\s*준)\s*(?:\S+\s+)?(?:지침|지시|프롬프트|명령문)(?:의|을|를|이|은|\s|$)",
        r"개발자가\s*(?:너|네|당신)|\bcontinue the text\b|\bquote your\b",
        r"\bhow (?:were you|you were|are you|you are) (?:prompted|instructed|programmed|configured)\b",
        r"\b(?:what|which|the) (?:text|words|message|content|instructions?|lines?)\b.{0,20}\b(?:before|above|precedes?|"
        r"preceding|prior to) (?:this|my|our|the) (?:message|conversation|chat|line|sentence|first)",
        r"\bprint\s*\(|\bsystem_prompt\b|\bcontents? of your (?:context|memory|prompt)\b",
        r"\bwho else\b.{0,20}\b(?:wrote|asked|contacted|messaged|talked|chatted)\b.{0,10}\byou\b",
        r"(?:^|\s)프롬프트(?:를|을|가|는|은)?\s*(?:좀\s*|다\s*|전부\s*)?(?:보여|알려|말해|출력|공개|뭐|무엇|적어|써|내놔|읽어)",
        r"(?:지시|지침|명령)\s*(?:내용|목록|문구|사항)(?:을|를)?\s*(?:그대로\s*|전부\s*|다\s*|좀\s*)*(?:읊|말해|보여|출력|공개|써|"
        r"내놔|읽어)",
        r"(?:위|앞)(?:에|의)?\s*(?:적힌|있는|쓰인|나온|써\s*있는)\s*(?:내용|글|텍스트|것|거|문장)\S*\s*(?:\S+\s*){0,2}?"
        r"(?:출력|반복|써|적어|읊|복사)",
        r"(?:너를|널|당신을)\s*(?:만든|개발한|설정한)\s*\S+(?:이|가)\s*\S*\s*\S*\s*(?:명령|지시|지침|규칙)",
        r"\byour system instructions\b|\bprompt (?:that )?you (?:are|were|have|got|run)\b",
        r"(?:너에게|네게|너한테|당신에게)\s*(?:입력된|주어진|들어간)\s*(?:프롬프트|지시|지침|명령|내용)",
        r"\b(?:initial|hidden|secret|internal|confidential|configuration)\s+(?:prompt|instructions)\b",
        r"\byour\s+(?:\w+\s+)?(?:prompt|context window|system message|canary|api key|env file)\b",
        r"\b(?:in|of)\s+your\s+(?:prompt|instructions)\b",
        r"\b(?:exact\s+)?(?:instructions|rules|text)\s+you\s+(?:were|have been|are)\s+given\b",
        r"\bwhat were you told\b|\bstarting with [\"']?you are\b",
        r"(?:숨겨진|숨은|내부|비밀|기밀|초기|설정)\s*(?:지침|지시|프롬프트|명령)\S*\s*(?:사항|내용)?\S*\s*"
        r"(?:알려|보여|공개|유출|출력|공유|표시|말해|뭐)",
        r"시스템\s*메시지를?\s*(?:\S+\s*){0,3}(?:요약|보여|출력|번역|공개|반복)",
        r"(?:네가|너가|당신이|너는|네)\s*(?:쓰는|가진|사용하는|갖고\s*있는)\s*(?:api|비밀|키|토큰)",
        r"\b네\s*데이터베이스|프롬프트(?:의|에|를|을)\s*(?:있는|첫|그대로|공개|출력|base64|영어)",
        r"(?:네|너의|너한테|당신의|당신에게|네가)\s*(?:주어진\s*|설정\s*|받은\s*)?(?:프롬프트|지시문|지시)",
    ),
    command=_all(
        r"\b(?:reveal|show|print|repeat|output|display|tell|give|write|send|leak|expose|dump|recite|quote|"
        r"summari[sz]e|translate|paste|copy|list|spell out|share|describe)\b.{0,30}\b"
        r"(?:your\s+(?:own\s+|exact\s+|full\s+|original\s+)*instructions(?! (?:for|on|about|to|how)))",
        r"\b(?:repeat|print|output|copy|recite|write)\b.{0,20}\b(?:text|words|message|everything|"
        r"prompt|all)\s+above\b(?! the)",
        r"\b(?:secret token|canary)\b.{0,20}\b(?:prompt|instructions)\b",
        r"\b(?:dump|print|show)\b.{0,20}\b(?:full context|all variables|environment variables|"
        r"os\.environ)",
        r"\btell me your (?:api key|password|secret)|\bpassword (?:do )?you use\b|\bcontents? of your\b",
        r"(?:위|앞)의?\s*(?:텍스트|문장|내용|글)\S*\s*(?:그대로|모두|전부)\s*(?:반복|출력|써|복사|적어)",
        r"위\s*문장을\s*모두\s*써|처음에?\s*받은\s*지시|어떤\s*지시를\s*받",
        r"(?:네가|당신이)\s*따라야\s*하는\s*규칙|지시문을\s*(?:공개|알려|보여|출력)",
        r"(?:전체\s*컨텍스트|모든\s*변수|환경\s*변수를\s*모두|\.env\s*파일\s*내용)\S*\s*"
        r"(?:출력|보여|알려|표시|공개)",
        r"os\.environ|/etc/passwd",
    ),
)

_PERSONA = (
    r"(?:\bdan\b|evil\s*\w*|jailbroken|unrestricted|uncensored|unfiltered|hacker|"
    r"(?:without|with no|has no|have no|and no)\s+(?:any\s+)?(?:rules|restrictions|limits|filters|"
    r"content policy|guidelines)|linux terminal|python interpreter|shell|system administrator|"
    r"system mode|free now|grandmother|grandma)"
)
ROLE = Trick(
    name="role",
    plain=_all(
        r"\bdo anything now\b|\bjailb(?:reak|roken)\b|탈옥\s*(?:모드|상태)",
        r"\byou are (?:now|no longer)\b.{0,40}" + _PERSONA,
        r"\byou are no longer a\b|\bunrestricted (?:assistant|ai|model|bot)\b",
        r"\b(?:has|have|with|had|follows?) (?:no|zero) (?:\w+ )?(?:rules|guardrails|restrictions)\b(?! (?:for|on|about))",
        r"\bfor the rest of (?:this|our|the) (?:chat|conversation)\b|\byou are my (?:slave|servant)\b",
        r"규칙\s*(?:이\s*)?없는\s*(?:사람|것|존재|ai|봇)\s*처럼",
        r"\b(?:behave|act|respond|answer|talk|speak) (?:like|as) (?:a|an|the) (?:\w+ ){0,2}(?:chatbot|ai|model|bot|assistant)\b"
        r".{0,30}\b(?:never|no|without|any|free|not)\b",
        r"(?:해커|악당|무법자|범죄자|다른\s*ai|자유로운\s*ai)(?:가|이)\s*(?:되어|돼|되라|된)",
        r"\b(?:act as|pretend (?:to be|that|you)|imagine you are|role-?play as|simulate|from now on "
        r"you are|stay in character as)\b.{0,60}" + _PERSONA,
        r"\bas (?:the|your) (?:ceo|owner|developer|creator|administrator)\b.{0,40}\b(?:i order|order "
        r"you|command)",
        r"\bi(?:'m| am) your (?:developer|creator|owner|administrator)\b",
        r"\bfictional world\b.{0,40}\bno (?:limits|rules)\b|\bgame\b.{0,20}\byou have no rules\b",
        r"(?:제한|규칙|필터|검열|콘텐츠\s*정책)(?:이|가)?\s*(?:없는|없이)\s*(?:인공지능|챗봇|ai|모델|악당|봇|게임을\s*하자|"
        r"상태)",
        r"(?:너는|넌|당신은)\s*(?:이제\s*)?(?:더\s*이상\s*\S+\s*\S*\s*아니|해커|dan|악당|무엇이든\s*할\s*수)",
        r"(?:이제부터|지금부터|앞으로)\s*(?:너는|넌|당신은)",
        r"(?:관리자|해커|개발자|인공지능|챗봇|직원)(?:인)?\s*척\s*(?:해|하고|하며)|"
        r"(?:할머니|인터프리터|터미널|해커|악당|ai)\s*(?:역할|인\s*것처럼)",
        r"나는\s*네\s*(?:개발자|주인|관리자)|(?:대표|사장|개발자|관리자)로서\s*명령|반대의\s*날",
        r"오픈ai\s*직원|openai (?:staff|employee|team)",
    ),
    command=_all(
        r"\b(?:enter|activate|switch to|enable|turn on|go into)\s+(?:the\s+)?(?:developer|debug|god|"
        r"admin|root|sudo|maintenance|dan|unrestricted)\s+mode\b",
        r"(?:개발자|관리자|디버그|무제한|루트|시스템)\s*모드(?:로|를|을)?\s*(?:전환해|켜(?!나|는|고\s*싶|려)|활성화하고|"
        r"활성화해|실행|들어가)|시스템\s*모드입니다",
    ),
)

DELIMITER = Trick(
    name="delimiter",
    plain=_all(
        r"<\|[a-z_]{2,20}\|>|\[/?inst\]|<</?sys>>|</?(?:source|sources|customer|system|history|"
        r"assistant|instructions?)\b[^>]{0,60}>",
        r"\[/?(?:system|시스템)\]|\bbegin system\b|\bend of (?:customer|user|context)\b|"
        r"고객\s*메시지\s*끝",
        r"(?:^|\n)\s*#{1,6}\s*(?:system|instructions?|시스템|지시)\s*:",
        r"(?:^|\n)\s*system\s*(?:override|prompt|note|rule|message)?\s*:\s*(?:you|ignore|new|the (?:user|"
        r"assistant)|respond|reveal|always|send|all|approve|disable|set|grant|모든|이제|사용자|환불|무조건)",
        r"(?:^|\n)\s*시스템\s*:\s*(?:사용자|모든|이제|환불|무조건|너|당신|승인)",
        r"(?:^|\n)\s*(?:assistant|어시스턴트)\s*:\s*(?:sure|i will|here|네,|물론|알겠)",
        r"[\"']role[\"']\s*:\s*[\"'](?:system|assistant|developer)",
        r"\bnew system rule|새\s*시스템\s*규칙",
    ),
)

_OTHERS_KO = (
    r"(?:다른|타|이전|전체|모든|마지막|방금\s*전\s*다른)\s*(?:고객|사용자|회원|유저|손님)(?:들)?"
)
OTHERS = Trick(
    name="others",
    command=_all(
        r"\b(?:show|give|list|tell|print|reveal|export|share|dump|send|display|read)\b.{0,25}\b(?:other|"
        r"another|all|every|your|the last|the previous|previous)\s+(?:of your )?(?:customers?|users?|"
        r"clients?|visitors?)['’]?s?\s+(?:phone|e-?mail|conversations?|messages?|names?|address|"
        r"details|chats?|orders?|questions?|card|data|history|info)",
        r"\bwhat did the (?:previous|last|other) (?:customer|user|person)s?\b.{0,15}\b(?:ask|say|write)",
        r"\b(?:names|addresses|e-?mails|phone numbers|card numbers?|messages?|data|details)\b.{0,25}\bof "
        r"(?:all |the |every )*(?:your |other |last |previous )+(?:customers?|users?|clients?)",
        r"\bmessages? (?:another|the last|other) (?:user|customer)s? sent\b",
        _OTHERS_KO + r"(?:의|이|가)?\s*(?!에게|한테|과|와|도|은|는)(?:보낸\s*)?(?:\S+\s+){0,2}?"
        r"(?:대화|메시지|이름|주소|전화|번호|주문|질문|이메일|카드|개인정보|내역|정보|목록)\S*\s*(?:\S+\s+){0,2}?"
        r"(?:보여|알려|나열|출력|내보내|공개|말해|뽑아|제공|공유|좀\s*줘|줘|달라|내놔)",
        r"다른\s*(?:고객|사용자|회원|손님)들?\s*(?:연락처|번호|정보)\s*(?:좀\s*|다\s*)?(?:줘|달라|내놔|알려)",
        r"(?:이전|마지막|다른)\s*(?:고객|사용자|손님|회원)(?:들)?(?:이|은)\s*(?:뭐라고|뭐|무엇을|무슨|어떤)\s*(?:\S+\s*)?(?:물|문의|질문|썼|말|했|보냈)",
    ),
)

COMMAND = Trick(
    name="command",
    plain=_all(
        r"\b(?:respond|reply|answer) (?:only )?with (?:only )?(?:the )?(?:sentence|word|text|phrase|"
        r"exactly)\b",
        r"\b(?:reply|answer|respond) with (?:nothing but|only)\b|\bpass this (?:message|text) to the customer\b",
        r"\b(?:include|put|add|insert|mention)\b.{0,40}\bin (?:your|the|every) (?:reply|answer|response)s?\b",
        r"\brepeat after me\b|\bsay exactly\b|\blegally binding offer\b",
        r"\bbegin your (?:reply|answer|response) with\b|\bend each reply with\b",
        r"\byour (?:answer|reply|response) must (?:include|contain|start|begin)\b",
        r"\b(?:to|in) every (?:answer|reply|response)\b|\bin (?:your|the) answer\s*:\s*!?\[",
        r"!\[[^\]]{0,40}\]\(\s*https?://[^)]{0,200}[?=]",
        r"\bset your confidence\b|\bmark this (?:draft|answer|reply) as\b",
        r"\b(?:use|call) (?:your|the) (?:\w+ )?tools?\b.{0,20}\b(?:to|with|send|delete)\b",
        r"라고만\s*(?:답|말|출력|대답)|나를\s*따라\s*말|정확히\s*이렇게\s*말|법적\s*구속력",
        r"답변(?:을|에|은)\s*.{0,80}(?:로\s*시작해|링크를\s*(?:포함|추가)해|넣어\s*줘)",
        r"모든\s*답변에\s*.{0,80}(?:추가|포함|넣)|신뢰도를?\s*\S*\s*(?:설정|1|100)",
        r"이\s*(?:초안|답변)을?\s*승인된|\d번\s*출처를\s*인용하면서",
        r"(?:도구|툴)(?:를|을|로)\s*.{0,30}(?:호출해|삭제해|실행해)",
    ),
    command=_all(
        r"\b(?:send|answer|reply|approve|respond)\b(?:\s+\w+){0,4}\s+without\s+(?:a\s+|any\s+|human\s+)*"
        r"(?:review|approval)\b",
        r"\b(?:do not|don't) (?:forward|send|escalate|pass) (?:this|it|me) to (?:a |an |any |the )?"
        r"(?:human|person|agent|review|colleague)",
        r"\b(?:bypass|skip)\b.{0,15}\b(?:human review|approval step|review step|moderation)\b",
        r"\bexecute the (?:shell |following )?(?:command|code)|\brm -rf\b|\bdrop table\b|"
        r"\brun the sql\b|\bselect \* from\b|\{\{.{0,20}(?:config|env|self|request|os\.).{0,20}\}\}",
        r"(?:검토|승인|확인)\s*없이\s*(?:이\s*)?(?:\S+\s+){0,2}?(?:보내|발송|전송|답해|답변해)",
        r"상담원에게\s*(?:넘기지|보내지|전달하지)\s*말|승인\s*단계를\s*건너뛰고|(?:검토|승인)를?\s*우회해",
    ),
)

ENCODED = Trick(
    name="encoded",
    plain=_all(
        r"\bdecode (?:this|the following)\b.{0,30}\b(?:follow|obey|execute|do)\b",
        r"(?:해독|디코딩|복호화)\S*\s*(?:그대로\s*)?(?:따라|실행)|\(rot13\)",
    ),
)

TRICKS = (OVERRIDE, REVEAL, ROLE, DELIMITER, OTHERS, COMMAND, ENCODED)

HOW_TO = re.compile(
    r"^\s*(?:and |so |hi,? |hello,? |ok,? )*(?:how (?:do|can|could|would|should|long|is|are|does|much|"
    r"many)|can (?:i|we|you confirm|other|two|my)|could i|may i|where|when|why|is (?:it|there|a|the)|"
    r"are (?:there|my)|do (?:i|you|we|other)|does|did|which|who|what (?:does|happens|is the best|do i|"
    r"are your|is a))\b"
    r"|(?:나요|까요|습니까|ㅂ니까|은가요|는가요|인가요|할까|방법|싶어요|싶습니다|(?<!뭐)(?<!무엇)예요|되나)"
    r"\s*[?.!~]*\s*$"
)
"""Sentences in which the customer asks how something is done, in either language."""
