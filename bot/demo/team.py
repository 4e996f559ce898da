"""Build the sample team into a folder: its repository, its archive, its unreviewed changes.

`repository/` is a git repository of tidewater/harbor, `archive/` what github-metadata-backup would
have stored of its reviews, `unseen/` later diffs with the truth about them. Fully determined by
the seed; needs git, no network.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from msgspec import Struct

from bot.demo.archive_writer import ArchiveWriter
from bot.demo.codebase import read_foundation
from bot.demo.comment_place import CommitIds
from bot.demo.gitstream import CommitStream, import_stream, read_diffs, read_trees
from bot.demo.history import PullHistory, play_history
from bot.demo.pieces import read_content
from bot.demo.plan import plan_pulls
from bot.demo.remarks import Thread, write_threads
from bot.demo.talk import read_talk
from bot.demo.unseen import Truth, save_unseen, write_unseen
from postil.errors import ConfigError

SEED = 20240304


class Team(Struct, frozen=True, kw_only=True):
    """Where the sample team lies, and what is known about it."""

    repository: Path
    archive: Path
    unseen: Path
    pulls: tuple[PullHistory, ...]
    threads: tuple[Thread, ...]
    truth: Truth


def build_team(folder: Path, *, seed: int = SEED) -> Team:
    """Write the sample team into a new or empty folder; raise ConfigError if it holds anything."""
    folder = folder.resolve()  # git is told of files in it from another folder
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder}: not empty; name a new folder for the sample team")
    rng = Random(seed)  # noqa: S311  a fixed story, no secret
    content, talk, foundation = read_content(), read_talk(), read_foundation()

    stream = CommitStream()
    plans = plan_pulls(content.select("history"), talk, rng)
    history = play_history(stream, foundation, plans, talk, rng)
    threads = write_threads(history.pulls, content, talk, rng)
    drafts = write_unseen(
        stream,
        history.main,
        history.main_mark,
        content.select("unseen"),
        talk,
        plans[-1].number + 1,
        rng,
    )

    repository, archive, unseen = folder / "repository", folder / "archive", folder / "unseen"
    shas = import_stream(repository, stream)
    pairs = {
        (shas[mark], shas[pull.base]): None
        for pull in history.pulls
        for mark in (pull.first_mark, pull.head_mark)
    }
    ids = CommitIds(shas, read_trees(repository), read_diffs(repository, list(pairs)))
    ArchiveWriter(ids, talk, rng).write(archive, history.pulls, threads)
    truth = save_unseen(unseen, repository, drafts, shas, history.main_mark)
    return Team(
        repository=repository,
        archive=archive,
        unseen=unseen,
        pulls=history.pulls,
        threads=tuple(threads),
        truth=truth,
    )
