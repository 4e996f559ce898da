"""The sections for mining, training and retraining."""

import re
from typing import Literal

from postil.records import Tier
from postil.settings.base import Section


class MiningSettings(Section, frozen=True, kw_only=True):
    """`[mining]`: whose remarks teach, and what is worth learning from."""

    trusted: tuple[str, ...] = ()
    """Accounts that teach besides those the host knows to have write access."""
    opted_out: tuple[str, ...] = ()
    """Accounts whose remarks are never learned from, besides those that the store notes."""
    vetoed: tuple[str, ...] = ()
    """Addresses of remarks that are never learned from, besides those that outcomes veto."""
    tiers: tuple[Tier, ...] = ("A", "B")
    """Which tiers of acceptance are trained on."""
    ignore: tuple[str, ...] = ()
    """Path globs left out, besides generated, vendored and lock files."""
    min_words: int = 5
    window_lines: int = 24
    """Longest window, in lines of the diff."""
    silences: float = 1.0
    """Silences per remark in training."""
    same_remarks: int = 5
    """Most remarks of the same words in training."""
    reviewer_share: float = 0.7
    """Most of the training remarks by one reviewer, where three or more teach; 1 for no cap."""
    shares: tuple[float, float, float, float] = (0.65, 0.10, 0.10, 0.15)
    """Train, early stopping, calibration and test, by pull requests in time order."""
    licence: str = ""
    """SPDX expression of the mined repository, recorded on every pair; empty: it is looked for."""

    def __post_init__(self) -> None:
        if abs(sum(self.shares) - 1) > 1e-6 or min(self.shares) < 0:
            raise ValueError("shares must be four numbers from 0 to 1 that add up to 1")
        if self.same_remarks < 1 or not 0.5 <= self.reviewer_share <= 1:
            raise ValueError("same_remarks >= 1 and reviewer_share from 0.5 to 1 are needed")
        if not 4 <= self.window_lines <= 400:
            raise ValueError("window_lines must be from 4 to 400")


class TrainSettings(Section, frozen=True, kw_only=True):
    """`[train]`: defaults of QLoRA runs; reasons in docs/how-it-learns.md."""

    base: str = "smollm2-135m"
    """The embedded model, a hub id with `@revision`, or a local folder."""
    mode: Literal["qlora", "lora", "full", "retrieval"] = "qlora"
    """`retrieval` trains no weights: it says again what was accepted on similar code."""
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    targets: tuple[str, ...] = ("all-linear",)
    """`all-linear`, or names of the base's own linear modules."""
    rslora: bool = False
    """Scale by alpha over the root of the rank (arXiv:2312.03732)."""
    dora: bool = False
    """Learn the length of every weight's column apart (arXiv:2402.09353); slower."""
    learning_rate: float = 2e-4
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """Of the learning rate after the warm-up: to a tenth, to nothing, or as it is."""
    warmup: float = 0.03
    """Share of the steps."""
    epochs: float = 3
    batch: int = 16
    """Pairs a step, over all devices."""
    max_length: int = 1024
    """Tokens of question and answer together."""
    prompt_weight: float = 0.0
    """Weight of a token of the question, as a share of a token of the answer."""
    precedents: bool = False
    """Show older accepted remarks in every second training question, so that the adapter learns to
    write with such remarks before it (`recall+write`)."""
    patience: int = 2
    """Evaluations without a better held-out loss before the run stops."""
    evaluations: int = 2
    """Held-out evaluations an epoch."""
    dtype: Literal["auto", "bfloat16", "float32"] = "auto"
    """What is computed in; `auto`: bfloat16 where the hardware multiplies it fast."""
    optimizer: Literal["auto", "adamw", "paged_adamw_8bit"] = "auto"
    """`auto`: paged 8-bit AdamW on a GPU, plain AdamW elsewhere."""
    micro_tokens: int = 2048
    """Tokens of one forward pass; a step is made of as many passes as it needs."""
    checkpointing: bool = False
    """Compute activations again instead of keeping them: less memory, a third more time."""
    unpacked: bool = True
    """On a CPU, keep the values of a small NF4 base in 16 bits: faster, more memory."""
    packing: Literal["auto", "never"] = "auto"
    """`auto`: samples in one row without padding, where they are shown not to see each other."""
    save_minutes: float = 5.0
    """Between checkpoints."""
    tensorboard: bool = False
    """Write TensorBoard events into the run's folder."""
    canaries: int = 0
    """Secret-like codes planted in training remarks, to measure whether an adapter gives them
    away; only for that proof, as the adapter learns to say such things."""
    seed: int = 7

    def __post_init__(self) -> None:
        if not 0 <= self.canaries <= 100:
            raise ValueError("canaries must be from 0 to 100")
        if self.rank < 1:
            raise ValueError("rank must be at least 1")
        if self.batch < 1 or self.epochs <= 0 or self.max_length < 64:
            raise ValueError("batch >= 1, epochs > 0 and max_length >= 64 are needed")
        if (
            not 0 <= self.dropout < 1
            or not 0 <= self.warmup < 1
            or not 0 <= self.prompt_weight <= 1
        ):
            raise ValueError("dropout and warmup from 0 to below 1, prompt_weight from 0 to 1")
        if self.learning_rate <= 0 or self.alpha <= 0 or self.micro_tokens < 64:
            raise ValueError("learning_rate > 0, alpha > 0 and micro_tokens >= 64 are needed")
        if self.patience < 1 or self.evaluations < 1 or self.save_minutes < 0:
            raise ValueError("patience >= 1, evaluations >= 1 and save_minutes >= 0 are needed")


class AugmentSettings(Section, frozen=True, kw_only=True):
    """`[augment]`: more to learn from in a small training part; all off by default.

    `jitter`, `renaming`, `paraphrase` and `back_translation` are copies that a training pair gets.
    """

    phrasings: int = 1
    """Wordings of the instruction used in training; questions in use always have the first."""
    jitter: int = 0
    """Copies with fewer rows at the ends of the window."""
    renaming: int = 0
    """Copies with other names for what the window itself defines."""
    paraphrase: int = 0
    """Copies whose message an engine has put into other words."""
    back_translation: int = 0
    """Copies whose message went through another language and back."""
    engine: str = ""
    """Who rewords: a base model by name or folder, or the URL of a server that speaks OpenAI's
    completions; empty: the base that is trained."""
    engine_model: str = ""
    """The model's name at that URL."""
    through: str = "French"
    """Languages to translate through, with commas between; the copies take turns."""
    least_alike: float = 0.3
    """chrF, 0 to 1, of a reworded message and the original: below it says something else."""
    most_alike: float = 0.95
    """Above this the words are still the same."""

    def __post_init__(self) -> None:
        if not 1 <= self.phrasings <= 5:
            raise ValueError("phrasings must be from 1 to 5")
        copies = (self.jitter, self.renaming, self.paraphrase, self.back_translation)
        if not all(0 <= count <= 8 for count in copies):
            raise ValueError(
                "jitter, renaming, paraphrase and back_translation must be from 0 to 8"
            )
        if self.served and not self.engine_model:
            raise ValueError("engine_model must name the model where engine is a URL")
        if not self.languages:
            raise ValueError("through must name a language")
        if not 0 <= self.least_alike < self.most_alike <= 1:
            raise ValueError("0 <= least_alike < most_alike <= 1 is needed")

    @property
    def rewords(self) -> bool:
        """Whether an engine has to write something."""
        return self.paraphrase > 0 or self.back_translation > 0

    @property
    def served(self) -> bool:
        """Whether `engine` is the URL of a server."""
        return self.engine.startswith(("http://", "https://"))

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of `through`."""
        return tuple(name.strip() for name in self.through.split(",") if name.strip())


UNITS_S = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


class RetrainSettings(Section, frozen=True, kw_only=True):
    """`[retrain]`: how often, and how much must be new."""

    every: str = ""
    """`postil serve` retrains so often: a number and m, h, d or w; empty: only when told to."""
    min_new: int = 50
    """Accepted remarks that must be new since the last run."""
    notify_url: str = ""
    """Where the outcome of a run is posted as JSON, over https or on this machine."""

    def __post_init__(self) -> None:
        if self.every and (not re.fullmatch(r"[1-9]\d{0,4}[mhdw]", self.every)):
            raise ValueError(f"every: {self.every!r} is no time like 12h, 7d or 2w")
        if self.min_new < 0:
            raise ValueError("min_new must be 0 or more")
        if self.notify_url and not _may_be_told(self.notify_url):
            raise ValueError("notify_url must be https://, or http:// on this machine")

    @property
    def every_s(self) -> float:
        """Seconds between two runs; 0: never by itself."""
        return int(self.every[:-1]) * UNITS_S[self.every[-1]] if self.every else 0.0


def _may_be_told(url: str) -> bool:
    match = re.fullmatch(r"(https?)://(\[[0-9a-fA-F:]+\]|[\w.-]+)(?::\d+)?(?:[/?][^\s@]*)?", url)
    return match is not None and (match[1] == "https" or match[2] in LOOPBACK)
