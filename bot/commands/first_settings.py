"""A first postil.toml for a repository, after looking at it. Nothing is fetched or written here.

In go the repository's refs, files and history; out comes the text of the file, in which every
setting stands with what it means.
"""

from collections import Counter
from pathlib import Path

import git

from bot.commands.local_change import find_work_tree, repo_name
from mining.repository import open_repository
from postil.diff import language_of
from postil.prompt import reveal
from postil.records import Record
from postil.settings import Settings

MOST_COUNTED = 10_000
"""Merge commits are counted up to here; more tell nothing more."""

SMALL_BASE = {"mode": "lora", "learning_rate": 1e-3, "batch": 4}
"""What a first file trains the embedded base with, where the defaults would learn little."""


class Looked(Record, frozen=True, kw_only=True):
    """What was seen of a repository."""

    repo: str
    work_tree: str
    languages: dict[str, int]
    """Files by language, the most common first."""
    merges: int
    gerrit_changes: int
    github_pulls: int


def look_at(folder: Path) -> Looked:
    """Look at the repository that `folder` is inside of; SourceError if it is in none."""
    work_tree = find_work_tree(folder)
    with open_repository(work_tree) as repository:
        changes = sum(name.endswith("/meta") for name in repository.refs("refs/changes/"))
        pulls = len(repository.refs("refs/pull/")) + len(repository.refs("refs/remotes/pull/"))
        name = repo_name(repository)
    return Looked(
        repo=name,
        work_tree=str(work_tree),
        languages=_languages(work_tree),
        merges=_merges(work_tree),
        gerrit_changes=changes,
        github_pulls=pulls,
    )


def _languages(work_tree: Path) -> dict[str, int]:
    with git.Repo(work_tree) as repo:
        names = str(repo.git.ls_files("-z")).split("\0")
    counts = Counter(language_of(name) for name in names if name)
    counts.pop("other", None)
    return dict(counts.most_common())


def _merges(work_tree: Path) -> int:
    with git.Repo(work_tree) as repo:
        if not repo.head.is_valid():
            return 0
        return int(repo.git.rev_list("--count", "--merges", f"--max-count={MOST_COUNTED}", "HEAD"))


def source_hint(looked: Looked) -> str:
    """The command that mines this repository's reviews, as far as can be told from here."""
    here = reveal(looked.work_tree.replace("\n", " "))
    if looked.gerrit_changes:
        return f"postil mine --source gerrit:{here}"
    return f"postil mine --source archive:DIR --clone {here}"


def write_settings(looked: Looked) -> str:
    """The text of postil.toml: what was seen, then every setting with its meaning."""
    defaults = Settings()
    review, train = defaults.review, defaults.train
    shares = ", ".join(f"{share:.2f}" for share in defaults.mining.shares)
    languages = ", ".join(f"{name} {count}" for name, count in looked.languages.items())
    return f"""\
# Settings of Postil. Seen by `postil init`:
#   files by language: {languages or "none known"}
#   merge commits: {looked.merges}{" or more" if looked.merges == MOST_COUNTED else ""}
#   reviews in refs/changes (Gerrit): {looked.gerrit_changes}
#   refs of pull requests (GitHub): {looked.github_pulls}
# Next: {source_hint(looked)}

# owner/name on the host.
repo = "{looked.repo}"

[mining]
# Accounts that teach besides those the host knows to have write access.
trusted = []
# Tiers of acceptance that are trained on: A applied, B changed and acknowledged,
# C changed and resolved, D one weak sign.
tiers = [{", ".join(f'"{tier}"' for tier in defaults.mining.tiers)}]
# Path globs left out, besides generated, vendored and lock files.
ignore = []
# Train, early stopping, calibration and test, by pull requests in time order.
shares = [{shares}]

[train]
# The embedded model, a hub id with @revision, or a local folder.
base = "{train.base}"
# qlora, lora or full; retrieval trains nothing and quotes accepted remarks (few of them).
# For the embedded model and some hundred pairs: 16 bits, since 4 cost it more than it learns
# (docs/log.md, 2026-11-25), and many small steps (2026-11-24). For a base of 1B parameters or
# more take these three lines out; the defaults are made for those.
mode = "{SMALL_BASE["mode"]}"
learning_rate = {SMALL_BASE["learning_rate"]}
batch = {SMALL_BASE["batch"]}

[review]
# shadow records what would be said; comment posts it.
mode = "{review.mode}"
# Most remarks on one pull request.
max_comments = {review.max_comments}
# Share of remarks that must be right, by the calibration split.
min_precision = {review.min_precision}
# Path globs that are never reviewed.
ignore = []
# Link the past accepted remarks that a comment resembles.
provenance = {str(review.provenance).lower()}

[server]
host = "{defaults.server.host}"
port = {defaults.server.port}
"""
