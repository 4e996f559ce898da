"""Does a reply of a pull request's author acknowledge the remark? Words only. Pure.

Read off 4,032 real replies. Where the author acknowledged by these words, the lines were changed in
85 % (git-repo) and 79 % (secp256k1) of the threads; in the other answered ones in 51 % and 46 %.
"""

import re
from collections.abc import Sequence

from mining.prose import sentences

DOING = (
    r"added|addressed|adjusted|adopted|amended|applied|cherry-?picked|changed|clarified|cleaned up"
    r"|corrected|deleted|did(?: it| that| so)?|documented|done|dropped|expanded|extracted"
    r"|fix applied|fixed|folded|gone|implemented|improved|incorporated|inlined|made (?:it|this|that"
    r"|the change)|merged|moved|nuked|picked|pushed|put|refactored|reformulated|removed|renamed"
    r"|replaced|rephrased|resolved|reverted|reworded|reworked|rewrote|rewritten|simplified|split"
    r"|squashed|swapped|switched|taken|took|tweaked|updated|used(?! to\b)|wrapped"
)
"""What an author says who has done it, at the head of a sentence."""

GONE = r"done|fixed|gone|addressed|resolved|removed|dropped|updated"
"""What an author says of the code that was remarked on."""

FILLER = (
    r"(?:(?:(?:very |really |that's a )?(?:good|great|nice|fair|excellent) (?:catch|point|idea|call"
    r"|find|suggestion|spot|question|one|feedback)|thanks?(?: you)?(?: (?:so|very) much| a lot)?"
    r"|makes sense|you're right|you are right|i agree|i see|my bad|should be|ah+|oh+|aha|ok(?:ay)?"
    r"|no|nope|yes|yep|yup|yeah|sure|right|well|hm+|so|sorry|thx|ty|indeed|agreed?|true|correct"
    r"|oops|whoops|great|good|nice|very|totally|absolutely|and|also|now|just|both|all|then"
    r")\b[\s,:;!.]*)*+"
)
"""Small words that may stand before what counts. Possessive: a hostile reply costs no time."""

ADVERB = r"(?:(?:now|just|also|already|actually|instead|all|both|since|been)\s+){0,3}"
ITS = r"(?:it|this|that|they|these|those)(?:'s|'re| is| are| was| were| has| have)?"

DID = re.compile(
    rf"^{FILLER}(?:(?:(?:i|we)(?:'ve| have| had)?\s+)?{ADVERB}(?:{DOING})"
    rf"|{ITS}\s+{ADVERB}(?:{GONE})|{ITS}\s+(?:now|been|now been)\s+(?:{DOING})"
    r")(?![\w-])(?!\s+(?:on purpose|deliberately|intentionally|by d))"
)

WILL = re.compile(
    rf"^{FILLER}(?:(?:i|we)(?:'ll| will| am going to|'m going to)|will)(?:\s+(?:also|just))?\s+"
    r"(?:add|address|adjust|apply|change|clean|correct|delete|do|drop|fix|include|make|merge|move"
    r"|reformulate|remove|rename|replace|rephrase|reword|rework|rewrite|squash|switch|take care"
    r"|update|use)\b"
)

PRAISE = re.compile(
    r"\b(?:(?:good|great|nice|excellent|fair) (?:catch|point|idea|call|find|spot|suggestion|one)"
    r"|i(?: completely| totally| fully)? agree|you(?:'re| are)(?: absolutely| totally| completely)?"
    r" (?:right|correct)|my (?:bad|mistake)|makes (?:a lot of |more |total )?sense|fair enough"
    r"|sounds (?:good|great|like a good idea)|i like (?:it|this|that)"
    r"|that(?:'s| is| would be| looks)(?: much| way)? (?:better|nicer|cleaner))\b"
)
"""Agreement wherever it stands in an opening sentence."""

ASSENT = re.compile(
    r"^(?:ack|acknowledged|agreed?|correct|indeed|ok|okay|k|oops|right|sg|sgtm|lgtm|sure|thanks?"
    r"(?: you)?|thx|ty|true|understood|will do|whoops|wfm|yes|yeah|yep|yup|roger|noted|done"
    r"|concur)\b|^(?:\+1|:\+1:|👍)"
)
"""Words of assent; alone they also answer questions, so they count in short replies only."""

SHORT_REPLY = 6
"""Words."""

REFUSAL = re.compile(
    r"\b(?:won'?t (?:fix|do|change)|wont ?fix|disagree|out of scope|unrelated|nope|no need|can'?t"
    r"|by design|on purpose|intentional(?:ly)?|deliberate(?:ly)?|rather (?:not|keep|leave)"
    r"|(?:not|n't)(?: yet| been| be){0,2} (?:done|fixed|needed|necessary|addressed|applied|changed)"
    r"|(?:do not|don'?t|not) (?:think|see|believe|agree|want|sure|convinced)"
    r"|prefer (?:to (?:keep|leave|not)|not|the current)"
    r"|(?:keep|keeping|leave|leaving|left|kept) (?:it|this|that|them|the|as))\b|^no\b"
)

TURN = re.compile(r"\b(?:but|however|although|though|except|unless)\b")

OPENING = 2
"""Sentences in which agreement or refusal is looked for."""


def acknowledges(reply: str) -> bool:
    """Whether a reply says that the remark was heeded or is right.

    Quoted lines, code and link targets are not the author's words. It does if it begins with
    having done it or doing it ("Done", "Ah right, fixed", "I'll rename it"); else if no refusal
    ("won't fix", "not done", "I'd rather keep") stands in its first two sentences and it says
    further on that it is or will be done, or opens with agreement ("good catch", "you're right"),
    or is nothing but a short word of assent ("ack", "thanks", "sure"). A question never does.
    """
    return answer_of(reply) is True


def answer_of(reply: str) -> bool | None:
    """True: yes; False: no; None: the reply says neither."""
    told = [sentence for sentence in sentences(reply) if not sentence.endswith("?")]
    if not told:
        return None
    opening = told[:OPENING]
    if DID.match(opening[0]) or WILL.match(opening[0]):
        return True
    if any(REFUSAL.search(sentence) for sentence in opening):
        return False
    if any(DID.match(sentence) or WILL.match(sentence) for sentence in told):
        return True
    return True if _agrees(opening, told) else None


def _agrees(opening: Sequence[str], told: Sequence[str]) -> bool:
    turned = any(TURN.search(sentence) for sentence in opening)
    if not turned and any(PRAISE.search(sentence) for sentence in opening):
        return True
    words = sum(len(sentence.split()) for sentence in told)
    return words <= SHORT_REPLY and not turned and ASSENT.match(told[0]) is not None
