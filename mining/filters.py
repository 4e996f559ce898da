"""Which remarks are worth learning from; else the reason why not. Pure.

Tuned by reading what it drops and keeps of 5,007 real remarks (git-repo, secp256k1). Kept is what
names a problem or asks for an action. Questions: "Shouldn't we return False here?", "is this still
needed?" and any question that brings a reason are remarks. A question is dropped if the remark is
nothing else, is short, begins by asking (what, why, how, is, does, can you explain) and holds no
word that proposes or doubts: "What does this do?", "Why is this import necessary?".
"""

import re
from collections.abc import Sequence

from mining.acknowledgement import ASSENT
from mining.paths import skipped_path
from mining.prose import FENCE, HTML_COMMENT, IMAGE, URL, WORD, sentences
from postil.records import ReviewThread
from postil.settings import MiningSettings

__all__ = ["drop_reason", "skipped_path"]

BOT_NAME = re.compile(
    r"(?:\[bot\]|[-_.]bot|[a-z]Bot|[Rr]obot|-ci)$|^(?:[Cc]opilot|coderabbitai|codecov)\b"
)
"""Programs that run under a person's kind of account."""

BOT_TEXT = re.compile(
    r"<!-- (?:This is an auto-generated|fingerprinting|postil:)|CodeRabbit\s*$"
    r"|_:warning: Potential issue_|^\s*(?:\*\*)?(?:🤖|\[(?:vale|eslint|flake8|pylint)\])"
    r"|reported by reviewdog|automatically (?:generated|posted) by",
    re.MULTILINE,
)
"""What review programs leave in what they write, whoever's account posts it."""

COMMAND = re.compile(r"^/[a-z][\w-]*(?:\s+\S+){0,3}$|^@\S+ (?:rebase|recheck|retest|review)\b\S*$")

APPROVAL = re.compile(
    r"^(?:(?:(?:concept|code ?review|approach|weak|strong|(?:un)?tested|[cpu]?t?|re|light|crypto)"
    r"[ -]?ack|lgtm\d?)\b.*|nack|sgtm|ship it|:shipit:|r\+|\+[12]|approved?|👍|:\+1:"
    r"|(?:(?:this|it|that|all|change|code|now) )*looks (?:good|great|fine|ok|correct|right)"
    r"(?: (?:to me|now|otherwise|overall|here))*"
    r"|(?:that's |this is |it'?s |all )?(?:fine|ok|okay|good)"
    r"(?: (?:with me|by me|to me|here|now|as is|enough))*|no (?:comment|problem|worries|issue)s?"
    r")\W*$"
)

COMPLIMENT = re.compile(
    r"^(?:(?:oh|ah|wow|very|so|really|super|this is|that's|it's|what a|i (?:really )?(?:like|love)"
    r"|a|the|an|such|pretty|much) )*+(?:nice|neat|cool|great|awesome|beautiful|excellent|clever"
    r"|elegant|love(?:ly)?|wonderful|perfect|amazing|brilliant|well done|thanks?|thank you|thx"
    r"|cheers|kudos|interesting|clean|(?:this|it)$"
    r"|good (?:catch|point|idea|find|job|work|call|stuff|refactor))\b"
)

STILL_ASKS = re.compile(
    r"\b(?:but|however|although|though|except|unless|nit|should|could|would|can|please|maybe|not"
    r"|perhaps|instead|rather|better|if|need|want|let's|missing|wrong|bug|fix|remove|add|use"
    r"|rename|change|move|drop|update|consider)\b|n't\b|\?$"
)

SHORT_APPROVAL = 12
"""Words of a sentence."""

DITTO = re.compile(
    r"^(?:(?:nit|and|the)[ :]+)*(?:ditto|(?:as|see) (?:above|below|before|previous)\b[^,;:]{0,30}"
    r"|same(?: (?:here|as|thing|comment|question|issue|for|with|nit|below|above)\b[^,;:]{0,30})?"
    r"|(?:here|below|above|likewise|this|similarly|also|idem)"
    r"(?: (?:too|also|as well|again|here|below|above))*)\W*$"
)
"""Says nothing without the remark it points at."""

ASKING = re.compile(
    r"^(?:(?:so|and|but|hm+|just|curious|question|also|btw|nit|sorry|ok|wait)[\s,:]+)*+"
    r"(?:any idea|(?:can|could|would) you (?:please )?(?:explain|elaborate|clarify|tell)|what|how"
    r"|where|when|who|which|why|is|are|was|were|do|does|did|have|has|any)(?:'s)?\b"
    r"(?! (?:about|if|not|don't|you|reason not)\b)"
)

PROPOSING = re.compile(
    r"n't\b|\b(?:not|no longer|never|cannot|should|could|can we|may|might|maybe|perhaps|instead"
    r"|rather|better|just|want|worth|sense|need(?:s|ed)? to|add|remove|delete|drop|move|rename"
    r"|replace|use|pass|mention|comment|document|mean|same|also|too|still|any ?more|missing|forgot"
    r"|redundant|unused|unnecessary|duplicated?|left ?over|typo|wrong|bug|broken|fail|leak|race"
    r"|crash|overflow|unsafe|safe|intentional(?:ly)?|intend(?:ed)?|supposed|accurate|correct|nit"
    r"|magic|hard-?coded|constant|consistent|inconsistent|prefer)\b"
)

SHORT_QUESTION = 12
"""Words of a remark; longer questions bring a reason with them."""

LABELS = frozenset({"nit", "nits", "nitpick", "suggestion", "minor", "micronit", "style"})
"""Words that name a remark and are none."""


def drop_reason(thread: ReviewThread, settings: MiningSettings) -> str | None:
    """Why a remark is not learned from; None: it may be."""
    if thread.author_kind == "bot" or BOT_NAME.search(thread.author):
        return "by a bot"
    if BOT_TEXT.search(thread.body):
        return "by a bot"
    if thread.author.casefold() in {name.casefold() for name in settings.opted_out}:
        return "by somebody who opted out"
    if thread.author_kind == "self":
        return "by the author of the change"
    if thread.url and thread.url in settings.vetoed:
        return "vetoed: refused when it was said again"
    skipped = skipped_path(thread.span.path, settings.ignore)
    if skipped:
        return f"on a file left out: {skipped}"
    if thread.suggestion is not None:
        return None
    return _why_empty(thread.body, settings.min_words)


def _why_empty(body: str, min_words: int) -> str | None:
    """Why the words of a remark without a suggestion teach nothing."""
    told = sentences(body)
    if not told:
        return _why_wordless(body)
    if COMMAND.match(body.strip()):
        return "a command to a program"
    if all(_approves(sentence) for sentence in told):
        return "approval or thanks"
    if all(DITTO.match(sentence) for sentence in told):
        return "only points at another remark"
    words = [word for sentence in told for word in WORD.findall(sentence)]
    if sum(word not in LABELS for word in words) < min_words:
        return "too short"
    if len(words) <= SHORT_QUESTION and _only_asks(told):
        return "a bare question"
    return None


def _why_wordless(body: str) -> str:
    """What a body is made of that has no words of its own."""
    rest = HTML_COMMENT.sub("", body)
    if FENCE.search(rest):
        return "only code"
    if any(line.lstrip().startswith(">") for line in rest.splitlines()):
        return "only a quote"
    return "only a link or an image" if URL.search(rest) or IMAGE.search(rest) else "too short"


def _approves(sentence: str) -> bool:
    """Whether it praises, thanks or agrees, and asks for nothing."""
    if APPROVAL.match(sentence):
        return True
    if len(sentence.split()) > SHORT_APPROVAL or STILL_ASKS.search(sentence):
        return False
    return bool(COMPLIMENT.match(sentence) or ASSENT.match(sentence))


def _only_asks(told: Sequence[str]) -> bool:
    """Whether a remark is a bare question; see the head of this file."""
    return (
        all(sentence.endswith("?") for sentence in told)
        and ASKING.match(told[0]) is not None
        and not any(PROPOSING.search(sentence) for sentence in told)
    )
