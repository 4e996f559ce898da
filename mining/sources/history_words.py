"""What a commit's message says of a review: does it answer one, whose, in which words. Pure."""

import re

APPLIED = re.compile(
    r"^(?:apply|commit|accept|incorporate)?\s*(?:\S+ )?suggest(?:ion|ed change)s?"
    r"(?: from (?:code review|@[\w-]+)| suggestions)?\W*$",
    re.IGNORECASE,
)
"""The subjects that GitHub and GitLab give a commit that applies suggestions, and kin."""

UPDATED = re.compile(r"^Update [\w./-]+\.\w+$")
"""GitHub's subject for one applied suggestion, and for an edit in the browser."""

ANSWERED = re.compile(
    r"\b(?:address|incorporat|respond)\w*\b[^\n]{0,40}"
    r"\b(?:review(?:er)?s?|feedback|comments?|nits?|suggestions?|remarks?)\b"
    r"|\b(?:appl|fix|implement|handl|resolv)\w*\b[^\n]{0,40}"
    r"\b(?:review|feedback|suggestions?|nits)\b"
    r"|\b(?:per|from|after|following|for|according to)\s+(?:code |PR )?review\b"
    r"|^(?:(?:more|code|PR) )*review(?: comments?| feedback| fixes| changes)?\W*$"
    r"|\b(?:PR|review) feedback\b",
    re.IGNORECASE,
)
GENERIC = re.compile(
    r"^[^\w@#]*+(?:(?:second|first|third|another|final|initial|more|some|further|all|the|my|of|round"
    r"|last|few|other|minor|small|remaining|various|additional|couple|and|to|in|a|from|for|per|as|by"
    r"|on|code|pr|pull|request|review(?:er)?s?|feedback|comments?|nits?|suggestions?|remarks?"
    r"|changes?|fix(?:es|up)?|address(?:ed|es|ing)?|incorporat(?:e|ed|es|ing)|appl(?:y|ied|ies|ying)"
    r"|respond(?:ed|ing)?|implement(?:ed|ing)?|handl(?:e|ed|ing)|resolv(?:e|ed|ing)|update[ds]?"
    r"|cleanups?|requested|suggested|s|@[\w-]++|#\d++)(?!\w)[^\w@#]*+)*+$",
    re.IGNORECASE,
)
"""A subject in which nothing is said but that review was answered.

Possessive throughout: a hostile one costs no time.
"""

LEAD = re.compile(
    r"^(?:fixup!\s*|(?:address|apply|incorporate)\w*\s+(?:\w+\s+){0,3}?(?:code |PR )?"
    r"(?:review|feedback|comments?|suggestions?)\w*(?:\s+(?:comments?|feedback))?\s*[:,-]\s*)",
    re.IGNORECASE,
)
COAUTHOR = re.compile(
    r"^co-authored-by:[ \t]{0,9}([^<\n]{1,200}?)[ \t]{0,9}<[^>\n]{0,200}>",
    re.MULTILINE | re.IGNORECASE,
)
"""The bounds keep a hostile message from costing time."""
NAMED = re.compile(r"suggestions? from @([\w-]+)", re.IGNORECASE)


def answers_review(message: str) -> bool:
    """Whether a commit's message says that it answers review."""
    subject = message.partition("\n")[0].strip()
    if subject.startswith(("Merge ", "Revert ")):
        return False
    return applies_suggestion(message) or bool(ANSWERED.search(subject))


def applies_suggestion(message: str) -> bool:
    """Whether it applies suggestions that somebody made in the browser."""
    subject = message.partition("\n")[0].strip()
    if APPLIED.match(subject):
        return bool(reviewers(message))
    return bool(UPDATED.match(subject)) and bool(COAUTHOR.search(message))


def reviewers(message: str) -> tuple[str, ...]:
    """Who made the suggestions: the co-authors, or the account that the subject names."""
    named = [match[1] for match in COAUTHOR.finditer(message)]
    named += [match[1] for match in NAMED.finditer(message.partition("\n")[0])]
    return tuple(dict.fromkeys(named))


def words_of(message: str) -> str:
    """What a message says beyond "answers review"; "" for nothing."""
    subject = LEAD.sub("", message.partition("\n")[0].strip())
    if APPLIED.match(subject) or UPDATED.match(subject) or GENERIC.match(subject):
        return ""
    return subject
