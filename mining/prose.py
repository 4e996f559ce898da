"""The words that a comment's author wrote: Markdown without quotes, code and addresses. Pure."""

import re

QUOTE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,}).*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
HTML_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
IMAGE = re.compile(r"!\[[^\]\n]{0,500}\]\([^)\n]{0,2000}\)|<img\b[^>]{0,2000}>", re.IGNORECASE)
LINK = re.compile(r"\[([^\]\n]{0,500})\]\([^)\n]{0,2000}\)")
"""The bounds keep a hostile comment from costing time."""

URL = re.compile(r"<?\bhttps?://[^\s>]+>?")

LEADING = re.compile(r"^(?:@[\w-]+[,:]?\s+|[^\w+:`👍]+)+")
SENTENCE = re.compile(r"(?:[^.!?\n]|[.!?](?=\w))+[.!?]*")
WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|`[^`\n]+`|[^\W_](?:[\w'’-]*\w)?")
"""A word, a piece of inline code, or a character of a script that puts no spaces."""


def own_words(text: str) -> str:
    """What is left without quoted lines, code blocks, images, link targets and addresses."""
    text = text.replace("\r\n", "\n").replace("’", "'")
    text = FENCE.sub("", HTML_COMMENT.sub("", text))
    text = LINK.sub(r"\1", IMAGE.sub("", QUOTE.sub("", text)))
    return URL.sub("", text).strip()


def sentences(text: str) -> list[str]:
    """The author's own sentences in small letters; a line ends a sentence."""
    found = (LEADING.sub("", s.strip()) for s in SENTENCE.findall(own_words(text).lower()))
    return [sentence for sentence in found if sentence]


def without_suggestion(body: str) -> str:
    """A comment's own words, without its suggestion block."""
    words, fence = [], False
    for line in body.replace("\r\n", "\n").split("\n"):
        if line.strip().startswith("```suggestion"):
            fence = True
        elif fence:
            fence = line.strip() != "```"
        else:
            words.append(line)
    return "\n".join(words)
