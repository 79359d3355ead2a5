"""Texts that talk to whoever asked, or about the task: what a chat says around a solution and no solution contains."""

import re

# After a sentence, a colon or a line: where a remark to somebody begins.
_BEGIN = r"(?:^|(?<=[.!?:;\n]) ?)"
_END = r"(?= ?(?:[.,!;:?\n]|$))"
_TASK = r"(?:problem|question|request|task|exercise|puzzle)s?"
_WORK = r"(?:answer|solution|calculation|reasoning|explanation|approach|response|work|working|logic)s?"
_VERDICT = (
    r"(?:absolutely |completely |quite |almost |exactly |partly |not )?(?:right|correct|wrong|incorrect|incomplete)"
)
_OFFER = r"i(?:'ll| will| can|'d like to| would like to|'m going to| am going to)"

# Each on evidence: said by models, and by no expert. "You" alone proves nothing: it is also anybody ("you get 5") and
# somebody in a story ("your change is 5 dollars").
_REMARKS = {
    "verdict on the asker": [
        rf"{_BEGIN}(?:(?:yes|no|well|okay|ok|oh),? )?you(?:'re| are) {_VERDICT}{_END}",
        rf"(?:{_BEGIN}|, )your (?:\w+ )?(?:{_WORK}|method|code|text) (?:is|are|was|were|looks?|seems?) {_VERDICT}\b",
        rf"{_BEGIN}you(?:'ve| have)? (?:in)?correctly (?:solved|answered|identified|calculated|found|applied)\b",
        rf"(?:{_BEGIN}|, |\bbut )you(?:'ve| have)? made an? (?:\w+ )?(?:mistake|error)\b",
    ],
    "praise": [
        rf"{_BEGIN}(?:that(?:'s| is| was) an? |what an? )?(?:very )?(?:great|good|interesting) question{_END}",
        rf"{_BEGIN}(?:great|good|nice|excellent|awesome|fantastic) (?:job|work|catch){_END}",
        rf"{_BEGIN}(?:well done|congratulations|keep up the (?:good|great) work){_END}",
    ],
    "courtesy": [
        r"\bthank(?:s| you) for (?:your|asking|sharing|providing|pointing|the (?:question|problem|clarification))\b",
        rf"{_BEGIN}(?:thank you(?: (?:so|very) much)?|you(?:'re| are) welcome){_END}",
        r"\bi(?:'m| am) (?:so |very |really )?sorry(?:,| but| for| if|\.)",
        r"\b(?:i apologi[sz]e|my apologies)\b",
        r"\bsorry for (?:the|any|my) (?:confusion|mistake|error|inconvenience|misunderstanding)\b",
    ],
    "offer of help": [
        r"\bhope (?:this|that|it|these|my \w+) (?:\w+ )?(?:helps?|helped|clarif\w+|clears|makes sense|answers)\b",
        r"\blet me know (?:if|whether|what|how|when|in case)\b",
        r"\bif you (?:still )?(?:have|need) (?:any|more|further|additional) (?:\w+ )?(?:questions|help|assistance)\b",
        r"\bfeel free to (?:ask|reach|contact|let me|share|provide)\b",
        r"\bi(?:'m| am|'d be| would be|'ll be| will be) (?:\w+ )?(?:happy|glad|ready|here|pleased) to"
        r" (?:help|assist|explain|answer|provide|solve)\b",
        r"\b(?:how|what) (?:can|may) i (?:help|assist|do for) you\b|\bwould you like me to\b",
        rf"\b{_OFFER} (?:give|show|provide|tell|offer) you (?:with )?(?:an?|the|my) (?:\w+ )?{_WORK}\b",
        rf"\b{_OFFER} (?:solve|explain|explore|calculate|do|find|simplify|summarize|rewrite|retell)"
        r" (?:\w+ ){1,3}for you\b",
        rf"\btell me (?:a little|a bit|more)(?: more)? about (?:the|this|your) {_TASK}\b",
        r"\bplease (?:go ahead|clarify|tell me|ensure|make sure|specify"
        rf"|provide (?:me|more|the (?:\w+ )?(?:{_TASK}|{_WORK}|context|details)))\b",
    ],
    "assistant": [
        r"\bas an? (?:ai|artificial intelligence|(?:large |ai )?language model|chatbot|virtual assistant)\b",
        r"\bai assistant (?:named|called|trained|created|developed)\b",
        r"\bi(?:'m| am) (?:just |only )?an? (?:ai|(?:large )?language model|chatbot|(?:virtual|digital) assistant)\b",
    ],
    "refusal": [
        r"\bi (?:cannot|can't|can not|couldn't|could not|am unable to|am not able to)"
        rf" (?:help you|assist|(?:solve|answer|complete) (?:this|that|the|your) (?:\w+ )?{_TASK})\b",
        r"\bi (?:didn't|did not) solve (?:this|the|your) problem\b",
        r"\bi'm (?:unable|not able) to (?:help|assist|solve|answer|complete)\b",
        rf"\bi (?:don't|do not) understand (?:the|this|your) {_TASK}\b",
    ],
    "who asked": [
        r"\bthe user(?:'s (?:question|request|query|prompt|answer)"
        r"| (?:is asking|asks|asked|has asked|requested) (?:me|us|about|how|what|why|whether|for an?|for the"
        r"|to (?:find|solve|calculate|compute|explain|know|determine|prove|show))"
        r"| wants (?:me|us|to (?:know|find|solve)))\b",
        r"\byour (?:question|request|query|prompt|instructions?)\b",
        rf"\b{_WORK} (?:that |which )?you(?:'re| are|'ve been| have been| were) (?:looking for|seeking|asking)\b",
        rf"\b(?:{_TASK}|{_WORK}|equation|text|prompt|instructions?) (?:that |which )?you(?:'ve| have)?"
        r" (?:provided|gave|given|shared|posted|wrote|asked|mentioned|described|submitted)\b",
        r"\bas you(?:'ve| have)? (?:asked|requested|mentioned|said|stated|pointed out|suggested)\b",
        r"\bin your own words\b",
    ],
}
_REMARK = re.compile("|".join(remark for remarks in _REMARKS.values() for remark in remarks), re.MULTILINE)

# One of these stands in every remark; to look for them takes a tenth of the time.
_NEEDED = re.compile(
    r"you|\bi\b|\bi'|\bai\b|thank|sorry|apolog|hope|let me know|feel free|tell me|please|chatbot|assistant"
    r"|language model|user|question|great|good|nice|excellent|awesome|fantastic|well done|congratulations"
)


def addresses_asker(text: str) -> bool:
    """Whether the text talks to whoever asked, or about the task, in words that no solution needs.

    Such are a verdict on the asker ("Your answer is correct"), praise ("Great question!"), courtesy ("Thank you for
    your", "I'm sorry, but"), offers ("I hope this helps", "Let me know if"), an assistant on itself ("As an AI"),
    refusals ("I cannot solve this problem") and the asker's wishes ("the answer you're looking for", "the user asks
    for a", "in your own words"). Verdicts and praise count at the beginning of a sentence only. Not meant are "you"
    for anybody, stories told to "you", a solver's "I", and opening words such as "Sure!" before a solution.
    """
    plain = re.sub(r"[^\S\n]+", " ", text.lower().replace("’", "'"))
    return _NEEDED.search(plain) is not None and _REMARK.search(plain) is not None
