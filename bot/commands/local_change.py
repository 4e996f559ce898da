"""A change to review, read on this machine: a diff file, a range of commits, or what is staged.

Git is asked through `mining.repository`, so that no configuration, hook or filter has a say.
Nothing is written but, for `--staged`, the tree object of the index.
"""

import re
import sys
from pathlib import Path

import git

from mining.repository import Repository, open_repository, without_password
from postil.errors import ConfigError, SourceError, UsageError

STDIN = "-"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""git's name of a tree without files; it need not be stored."""

RANGE = re.compile(r"(?P<base>[^.\s](?:[^\s.]|\.(?!\.))*)(?P<dots>\.\.\.?)(?P<head>[^.\s]\S*)?")
REMOTE = re.compile(r"(?:[/:])([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


def read_diff_file(name: str) -> str:
    """The text of a diff file, or of stdin for `-`; bytes that are not UTF-8 are replaced."""
    if name == STDIN:
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    try:
        return Path(name).read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}") from error


def read_range(folder: Path, revisions: str) -> str:
    """The diff of `A..B` (from A to B) or `A...B` (from where they parted); B may be left out."""
    match = RANGE.fullmatch(revisions)
    if match is None:
        raise UsageError(f"--range {revisions!r}: expected A..B, or A...B as on a pull request")
    work_tree = find_work_tree(folder)
    with open_repository(work_tree) as repository:
        base = _commit(work_tree, match["base"])
        head = _commit(work_tree, match["head"] or "HEAD")
        if match["dots"] == "...":
            parted = repository.merge_base(base, head)
            if parted is None:
                raise UsageError(f"--range {revisions}: the two have no common ancestor")
            base = parted
        return repository.diff(base, head)


def read_staged(folder: Path) -> str:
    """The diff from the last commit to the index."""
    work_tree = find_work_tree(folder)
    with git.Repo(work_tree) as repo:
        try:
            tree = str(repo.git.write_tree())
        except git.GitCommandError as error:
            raise SourceError(
                f"{work_tree}: the index holds conflicts; solve them first"
            ) from error
        base = repo.head.commit.hexsha if repo.head.is_valid() else EMPTY_TREE
    with open_repository(work_tree) as repository:
        return repository.diff(base, tree)


def find_work_tree(folder: Path) -> Path:
    """The repository that `folder` is inside of."""
    try:
        with git.Repo(folder, search_parent_directories=True) as repo:
            return Path(repo.working_tree_dir or repo.git_dir)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
        raise SourceError(f"{folder}: not inside a git repository") from error


def repo_name(repository: Repository) -> str:
    """owner/name by the address of `origin`; "" where it does not tell."""
    url = without_password(repository.remote_url() or "")
    match = REMOTE.search(url)
    return match.group(1) if match else ""


def _commit(work_tree: Path, name: str) -> str:
    """The commit of a name that a person typed."""
    with git.Repo(work_tree) as repo:
        try:
            return str(repo.git.rev_parse("--verify", "--end-of-options", f"{name}^{{commit}}"))
        except git.GitCommandError as error:
            raise UsageError(f"{name!r}: no such commit in {work_tree}") from error
