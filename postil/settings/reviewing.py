"""The sections for reviewing: when to speak, which engine, what outcomes change, the server."""

from typing import Literal

from postil.diff import LANGUAGE_NAMES
from postil.settings.base import Section


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
