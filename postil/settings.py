"""postil.toml -> Settings, validated; the one place that knows the defaults.

`[tool.postil]` in pyproject.toml does as well. Modules read no environment: a command loads the
settings and secrets once and hands them down. Unknown keys are refused by name, with the nearest
known spelling.
"""

import difflib
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from postil.diff import LANGUAGE_NAMES
from postil.errors import ConfigError
from postil.records import Tier


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the sections of postil.toml."""


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
    """Show older accepted remarks in every second training question, so that the adapter can write
    with such remarks before it (`recall+write`)."""
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


class ReviewSettings(Section, frozen=True, kw_only=True):
    """`[review]`: when to speak and how much. Read from the base branch only."""

    mode: Literal["shadow", "comment"] = "shadow"
    """`shadow` records what would be said; `comment` posts it."""
    max_comments: int = 3
    min_precision: float = 0.5
    """Share of remarks that must be right, by the calibration split."""
    ignore: tuple[str, ...] = ()
    """Path globs that are never reviewed."""
    only: tuple[str, ...] = ()
    """Path globs outside of which nothing is reviewed; empty: everything may be."""
    languages: tuple[str, ...] = ()
    """Languages that are reviewed, as `postil.diff` names them (python, go, other); empty: all."""
    most_windows: int = 400
    """Windows read of one change, the most valuable first; the rest is named as not read."""
    drafts: bool = False
    """Review drafts too."""
    bots: bool = False
    """Review the pull requests of bots too."""
    skip_authors: tuple[str, ...] = ()
    """Accounts whose pull requests are not reviewed."""
    skip_labels: tuple[str, ...] = ()
    """Pull requests with one of these labels are not reviewed."""
    only_labels: tuple[str, ...] = ()
    """Only pull requests with one of these labels are; empty: all."""
    adapter: str = ""
    """The name of an adapter that was pooled over repositories of the owner; empty: its own."""
    canary: float = 0.0
    """Share of the pull requests, 0 to 0.5, that the candidate reviews while there is one."""
    provenance: bool = True
    """Link the past accepted remarks that a comment resembles."""
    name_reviewers: bool = False
    """Name who made them. Read in training as well: an adapter made without it knows no names."""
    summary: Literal["always", "remarks", "never"] = "always"
    """One comment on the pull request that says what was read and what was not, kept up to date;
    `remarks`: only once there was something to remark on."""
    max_tokens: int = 128
    """Longest remark the model may write."""

    def __post_init__(self) -> None:
        unknown = set(self.languages) - LANGUAGE_NAMES
        if unknown:
            known = ", ".join(sorted(LANGUAGE_NAMES))
            raise ValueError(f"languages: no such language: {min(unknown)}; known: {known}")
        if self.max_comments < 0 or not 0 <= self.min_precision <= 1:
            raise ValueError("max_comments >= 0 and min_precision from 0 to 1 are needed")
        if not 0 <= self.canary <= 0.5:
            raise ValueError("canary must be from 0 to 0.5")
        if self.most_windows < 1 or self.max_tokens < 1:
            raise ValueError("most_windows >= 1 and max_tokens >= 1 are needed")


class EngineSettings(Section, frozen=True, kw_only=True):
    """`[engine]`: where the model is when it reviews or is evaluated."""

    kind: Literal["local", "openai"] = "local"
    """`local`: in a process of our own; `openai`: behind a server's `/v1/completions`."""
    url: str = ""
    """Of that server; nothing else is ever asked."""
    model: str = "{adapter}"
    """The adapter's name there; `{adapter}` stands for its digest."""
    base_model: str = ""
    """The bare base's name there; only an evaluation asks for it."""
    tokenizer: str = ""
    """A folder with the base's tokenizer; empty: that of the adapter's base, which is then here."""

    def __post_init__(self) -> None:
        if self.kind == "openai" and not self.url.startswith(("http://", "https://")):
            raise ValueError("url must be the http:// or https:// address of the server")


class OutcomeSettings(Section, frozen=True, kw_only=True):
    """`[outcomes]`: what follows from what people did with our remarks (docs/flywheel.md)."""

    tune: bool = True
    """Let outcomes make the gate quieter: raise thresholds, mute kinds of remarks."""
    bar: float = 0.2
    """Share of a kind's remarks that must be acted on."""
    least: int = 20
    """Votes of a kind before anything follows from them."""
    person_share: float = 1 / 3
    """Most of a kind's votes that one person can have; 1 for no cap."""
    days: int = 180
    """How long an outcome counts, back from the newest pull request that was judged."""
    fall_back: bool = True
    """Go back to the adapter before where one is found to do worse."""

    def __post_init__(self) -> None:
        if not 0 < self.bar < 1 or not 0 < self.person_share <= 1:
            raise ValueError("bar above 0 and below 1, person_share above 0 and up to 1 are needed")
        if self.least < 10 or self.days < 1:
            raise ValueError("least >= 10 and days >= 1 are needed")


LEAST_KEPT_DAYS = 7
"""GitHub sends deliveries of the last three days again."""


class ServerSettings(Section, frozen=True, kw_only=True):
    """`[server]`: the webhook door."""

    host: str = "127.0.0.1"
    port: int = 8377
    forge: Literal["github", "forgejo"] = "github"
    api_url: str = "https://api.github.com"
    """GitHub's interface; with `forge = "forgejo"`, the root of that server."""
    account: str = ""
    """Our own login; needed only where the token may not ask for it, as an App's may not."""
    max_body_mb: int = 25
    """GitHub never sends more."""
    public_url: str = ""
    """Where the host and people reach the server, such as https://postil.example.org."""
    lease_s: float = 30.0
    """Silence of a worker after which the others take its work over."""
    keep_days: int = 365
    """How long deliveries and drafts of a pull request nothing happens to are kept; 0: for ever."""

    def __post_init__(self) -> None:
        if self.keep_days and self.keep_days < LEAST_KEPT_DAYS:
            raise ValueError(f"keep_days is 0 or at least {LEAST_KEPT_DAYS}")
        if self.lease_s < 1 or not 1 <= self.max_body_mb <= 1000:
            raise ValueError("lease_s >= 1 and max_body_mb from 1 to 1000 are needed")


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


class Settings(Section, frozen=True, kw_only=True):
    """All of postil.toml."""

    repo: str = ""
    """owner/name on the host; used where a command is given none."""
    mining: MiningSettings = msgspec.field(default_factory=MiningSettings)
    train: TrainSettings = msgspec.field(default_factory=TrainSettings)
    augment: AugmentSettings = msgspec.field(default_factory=AugmentSettings)
    review: ReviewSettings = msgspec.field(default_factory=ReviewSettings)
    engine: EngineSettings = msgspec.field(default_factory=EngineSettings)
    outcomes: OutcomeSettings = msgspec.field(default_factory=OutcomeSettings)
    server: ServerSettings = msgspec.field(default_factory=ServerSettings)
    retrain: RetrainSettings = msgspec.field(default_factory=RetrainSettings)


def load_settings(folder: Path, file: Path | None = None) -> Settings:
    """Settings of a folder: `file`, else postil.toml, else [tool.postil], else the defaults."""
    if file is not None:
        return parse_settings(_read(file), str(file))
    own, project = folder / "postil.toml", folder / "pyproject.toml"
    if own.exists():
        return parse_settings(_read(own), str(own))
    if project.exists():
        return parse_project(_read(project), str(project)) or Settings()
    return Settings()


def parse_settings(text: str, where: str) -> Settings:
    """Read the text of a postil.toml; raise ConfigError naming the key that is wrong."""
    return _convert(_parse(text, where), where)


def parse_project(text: str, where: str) -> Settings | None:
    """Read [tool.postil] of the text of a pyproject.toml; None where it has none."""
    table = _parse(text, where).get("tool", {}).get("postil")
    return None if table is None else _convert(table, f"{where}: [tool.postil]")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}") from error


def _convert(table: Mapping[str, Any], where: str) -> Settings:
    _refuse_unknown(table, Settings, where, "")
    try:
        return msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from error


def _refuse_unknown(
    table: Mapping[str, Any], kind: type[msgspec.Struct], where: str, prefix: str
) -> None:
    known = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {prefix}{near[0]}?" if near else f"; known: {', '.join(known)}"
            raise ConfigError(f"{where}: unknown key {prefix}{key}{hint}")
        section = known[key]
        if isinstance(value, dict) and isinstance(section, type):
            _refuse_unknown(value, section, where, f"{prefix}{key}.")


def postil_home(environment: Mapping[str, str]) -> Path:
    """Where stores, models and adapters live: POSTIL_HOME, else the platform's data folder."""
    if environment.get("POSTIL_HOME"):
        return Path(environment["POSTIL_HOME"]).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "postil"
    if os.name == "nt":
        return Path(environment.get("LOCALAPPDATA", str(Path.home()))) / "postil"
    return Path(environment.get("XDG_DATA_HOME", str(Path.home() / ".local/share"))) / "postil"
