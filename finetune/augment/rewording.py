"""The messages of remarks in other words, by an engine that is asked; the guard decides.

The engine is shown the message and nothing else: no code, no path, no suggestion. What comes back
is kept only where `fidelity` finds nothing missing. Pure but for the engine it is handed.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from finetune.augment.copies import NO_GRAMMAR, Batch, Way, copy_reworded
from finetune.augment.fidelity import why_unfaithful
from finetune.engines import Complete
from postil.answer import NO_COMMENT, Remark, clean_message, parse_answer, render_answer
from postil.errors import PayloadError
from postil.records import Pair
from postil.settings import AugmentSettings

MANNERS = (
    "in other words",
    "more briefly",
    "in plainer words",
    "with the sentence turned around",
    "as one colleague would say it to another",
    "in a different word order",
    "a little more exactly",
    "with other verbs",
)
"""One a copy: asked greedily, the same question would bring the same words."""

REWRITE = (
    "Rewrite this code review comment {manner}. Keep its meaning, and keep names, numbers and code"
    " exactly as they are. Answer with the new comment alone.\n\nComment: {message}\n\nNew comment:"
)
TRANSLATE = (
    "Translate this code review comment from {source} into {target}. Keep names, numbers and code"
    " exactly as they are. Answer with the translation alone.\n\n{source}: {message}\n\n{target}:"
)
HOME = "English"

LONGEST_WORDS = 80
MAX_TOKENS = 160
"""Of an answer; twice the words of a usual remark."""
AT_ONCE = 16

NO_PROSE = "several paragraphs or code"
TOO_MANY_WORDS = f"more than {LONGEST_WORDS} words"
SAID_BEFORE = "the words of another copy"
NOT_BACK = "not translated back"

QUOTED = re.compile(r"[\"“«]([^\"“”«»]+)[\"”»]")

Progress = Callable[[str, int, int], None]
Ask = Callable[[str, Sequence[str]], list[str]]
"""What is being done, and prompts; answers in their order."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a remark says, and the remark that says it; None: an answer of another domain."""

    text: str
    remark: Remark | None

    def response(self, text: str) -> str:
        """The whole answer with other words in it."""
        if self.remark is None:
            return text
        return render_answer(msgspec.structs.replace(self.remark, message=text))


def paraphrase(
    pairs: Sequence[Pair], settings: AugmentSettings, complete: Complete, progress: Progress
) -> Batch:
    """`settings.paraphrase` copies of each remark, each asked for in another manner."""
    ask = _asking(complete, progress)
    messages, refused = read_messages(pairs)
    rounds: list[list[str | None]] = []
    for manner in MANNERS[: settings.paraphrase]:
        prompts = [REWRITE.format(manner=manner, message=m.text) for m in messages if m]
        rounds.append([*ask(f"rewriting remarks {manner}", prompts)])
    return _keep(pairs, messages, rounds, "paraphrase", settings, refused)


def translate_back(
    pairs: Sequence[Pair], settings: AugmentSettings, complete: Complete, progress: Progress
) -> Batch:
    """`settings.back_translation` copies of each remark, through the languages in turn."""
    ask = _asking(complete, progress)
    messages, refused = read_messages(pairs)
    asked = [m.text for m in messages if m]
    rounds: list[list[str | None]] = []
    for number in range(settings.back_translation):
        there = settings.languages[number % len(settings.languages)]
        away = ask(f"translating remarks into {there}", _into(asked, HOME, there))
        back = ask(f"translating remarks from {there}", _into(away, there, HOME))
        rounds.append([None if b == a else b for a, b in zip(away, back, strict=True)])
    return _keep(pairs, messages, rounds, "back-translation", settings, refused)


def read_messages(pairs: Sequence[Pair]) -> tuple[list[Message | None], Counter[str]]:
    """What each pair says, None where there is nothing to reword; and why not, of remarks."""
    refused: Counter[str] = Counter()
    messages: list[Message | None] = []
    for pair in pairs:
        message, reason = None, None
        if pair.kind == "remark" and pair.response != NO_COMMENT:
            message = _read(pair)
            reason = _unfit(message.text) if message else NO_GRAMMAR
        if reason:
            refused[reason] += 1
        messages.append(None if reason else message)
    return messages, refused


def _read(pair: Pair) -> Message | None:
    """What a pair says; None where one of ours is outside the grammar."""
    try:
        remark = parse_answer(pair.response)
    except (PayloadError, msgspec.ValidationError):
        return None if pair.window else Message(text=pair.response, remark=None)
    return Message(text=remark.message if remark else pair.response, remark=remark)


def _unfit(text: str) -> str | None:
    if "\n\n" in text or "```" in text or text != clean_message(text):
        return NO_PROSE
    return TOO_MANY_WORDS if len(text.split()) > LONGEST_WORDS else None


def _into(texts: Sequence[str], source: str, target: str) -> list[str]:
    return [TRANSLATE.format(source=source, target=target, message=text) for text in texts]


def _asking(complete: Complete, progress: Progress) -> Ask:
    def ask(stage: str, prompts: Sequence[str]) -> list[str]:
        answers: list[str] = []
        for start in range(0, len(prompts), AT_ONCE):
            answers += complete(prompts[start : start + AT_ONCE], MAX_TOKENS)
            progress(stage, len(answers), len(prompts))
        return [tidy(answer) for answer in answers]

    return ask


def tidy(answer: str) -> str:
    """The first paragraph of what an engine said, without quotation marks around it."""
    text = clean_message(answer).partition("\n\n")[0].strip()
    inside = QUOTED.fullmatch(text)
    return inside.group(1).strip() if inside else text


def _keep(
    pairs: Sequence[Pair],
    messages: Sequence[Message | None],
    rounds: Sequence[Sequence[str | None]],
    way: Way,
    settings: AugmentSettings,
    refused: Counter[str],
) -> Batch:
    """Copies of what the guard lets through; `rounds` hold an answer for each message."""
    answers = iter(zip(*rounds, strict=True))
    made: list[list[Pair]] = []
    for pair, message in zip(pairs, messages, strict=True):
        made.append([])
        if message is None:
            continue
        said: set[str] = set()
        for text in next(answers):
            reason = _judge(message, text, said, settings)
            if text is None or reason is not None:
                refused[reason or NOT_BACK] += 1
                continue
            said.add(text)
            number = len(made[-1]) + 1
            made[-1].append(copy_reworded(pair, way, number, message.response(text)))
    return Batch(made=made, refused=refused)


def _judge(
    message: Message, text: str | None, said: set[str], settings: AugmentSettings
) -> str | None:
    """Why an answer may not stand for the message; None: it may. None came back untranslated."""
    if text is None:
        return NOT_BACK
    if text in said:
        return SAID_BEFORE
    return why_unfaithful(message.text, text, settings.least_alike, settings.most_alike)
