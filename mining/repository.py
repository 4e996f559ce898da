"""One git repository, read through GitPython: refs, objects, diffs, text of files, clone, fetch.

What git is asked depends on the repository's objects alone: the configuration of the user and of
the system, replaced objects, hooks, filters and the attributes of a checkout are kept out. Objects
and diffs come from two long-lived git processes, so that reading many costs no process each.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import git

from mining.git_environment import DIFF_OPTIONS, isolated, online_environment
from mining.git_process import GitProcess
from mining.objects import (
    EMPTY_TREE,
    LOG_FORMAT,
    CommitRow,
    GitObject,
    TreeFile,
    read_commit,
    read_row,
    tree_files,
)
from postil.errors import SourceError

ALL_CHANGES = "refs/changes/*:refs/changes/*"
"""Refspec of every review of a Gerrit repository."""

ALL_PULLS = "+refs/pull/*/head:refs/pull/*/head"
"""Refspec of the head of every pull request, on GitHub and on Forgejo."""

REQUEST_BYTES = 4096
"""Asked at once; less than any system's pipe holds, so neither side waits for the other."""

BINARY_PROBE = 8000
"""Bytes in which git looks for a zero byte to call a file binary (xdiff-interface.c)."""

ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
FOUND = re.compile(rb"([0-9a-f]{40,64}) ([a-z]+) (\d+)\n")
END_OF_DIFF = "postil-end-of-diff"
"""`diff-tree --stdin` echoes a line that names no object; no line of a diff starts like this."""


class Repository:
    """One git repository. A context manager: leaving it ends the git processes it started."""

    def __init__(self, repo: git.Repo) -> None:
        self.path = Path(repo.git_dir)
        self._git = git.Git(str(self.path))
        self._git.update_environment(**isolated(self.path))
        self._cat: GitProcess | None = None
        self._differ: GitProcess | None = None
        self._there: set[str] = set()

    def __enter__(self) -> "Repository":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the git processes; the next question starts them again."""
        for process in (self._cat, self._differ):
            if process is not None:
                process.close()
        self._cat = self._differ = None

    def refs(self, prefix: str) -> dict[str, str]:
        """Every ref under `prefix` and the object it names."""
        text = self._ask("for-each-ref", "--format=%(objectname) %(refname)", prefix)
        pairs = (line.split(" ", 1) for line in text.split("\n") if line)
        return {name: sha for sha, name in pairs}

    def remote_url(self, remote: str = "origin") -> str | None:
        """The URL of a remote; None where it has none."""
        try:
            return self._ask("config", "--get", f"remote.{remote}.url") or None
        except SourceError:
            return None

    def tip(self) -> str | None:
        """The commit that HEAD names; None where there is none."""
        (found,) = self.objects(["HEAD^{commit}"])
        return found.id if found else None

    def files(self, commit: str, folder: str = "") -> tuple[TreeFile, ...]:
        """The files that lie in a folder of a commit, or at its top; no links."""
        within = [f"{folder}/"] if folder else []
        listing = self._ask("ls-tree", "-z", "-l", "--full-tree", commit, *within)
        return tuple(tree_files(listing))

    def commits(self, tip: str | None = None) -> Iterator[CommitRow]:
        """Every commit that `tip` reaches, else any ref at all, newest first."""
        of = ("--all",) if tip is None else ("--end-of-options", tip)
        process = GitProcess(self._git, "log", "-z", f"--format={LOG_FORMAT}", *of)
        try:
            yield from map(read_row, process.records())
        finally:
            process.close()

    def objects(self, names: Sequence[str]) -> list[GitObject | None]:
        """Read objects by id or `commit:path`, in order; None for each that is not there."""
        found: list[GitObject | None] = []
        # A name with a newline would be two questions; nothing has the empty name.
        for part in _portions(["" if "\n" in name else name for name in names]):
            if self._cat is None:
                self._cat = GitProcess(self._git, "cat-file", "--batch")
            self._send(self._cat, part)
            found.extend([self._next_object(self._cat) for _ in part])
        return found

    def has(self, sha: str) -> bool:
        """Whether the object is there."""
        if sha in self._there:
            return True
        found = self.objects([sha])[0] is not None
        if found and ID.fullmatch(sha):
            self._there.add(sha)  # what is not there may be fetched yet
        return found

    def parents(self, sha: str) -> tuple[str, ...] | None:
        """The parents of a commit; None where there is no such commit."""
        commit = read_commit(self.objects([sha])[0])
        return commit.parents if commit else None

    def parent(self, sha: str) -> str | None:
        """The first parent of a commit, if it has one."""
        parents = self.parents(sha)
        return parents[0] if parents else None

    def merge_base(self, a: str, b: str) -> str | None:
        """The best common ancestor; None where there is none, or no such commit."""
        if a in (self.parents(b) or ()):
            return a  # as nearly always: no process needed
        try:
            return self._ask("merge-base", "--end-of-options", a, b) or None
        except SourceError:
            return None

    def diff(self, base: str, head: str) -> str:
        """The unified diff of two commits or trees; renames followed, 3 context lines.

        Bytes that are not UTF-8 come out as replacement characters.
        """
        text = self._between_commits(base, head)
        if text is None:
            trees = (self._tree(base), self._tree(head))
            text = self._ask_differ(f"{trees[0]} {trees[1]}")
            if text is None:
                raise SourceError(f"{self.path}: git cannot diff {base} and {head}")
            text = text.partition("\n")[2]  # the first line names the trees
        return text

    def _between_commits(self, base: str, head: str) -> str | None:
        """The diff where both are ids of commits, without looking for their trees; else None.

        Git takes `base` for the only parent. Where it is no commit there is none in the line that
        names both, and where `head` is a tree, the other way round, no blank line follows it.
        """
        if base == EMPTY_TREE or not (ID.fullmatch(base) and ID.fullmatch(head)):
            return None
        text = self._ask_differ(f"{head} {base}")
        told = f"{head} {base}\n"
        if text is None or text == told:
            return None if text is None else ""
        return text[len(told) + 1 :] if text.startswith(f"{told}\n") else None

    def _ask_differ(self, pair: str) -> str | None:
        """What `diff-tree` says, its first line included; None where it ended over it."""
        if self._differ is None:
            self._differ = GitProcess(self._git, "diff-tree", *DIFF_OPTIONS)
        self._send(self._differ, [pair, END_OF_DIFF])
        answer = self._differ.read_until(END_OF_DIFF.encode())
        if answer is None:
            self.close()
            return None
        return answer.decode("utf-8", "replace")

    def lines(self, sha: str, path: str) -> tuple[str, ...] | None:
        """The lines of a file at a commit; None where there is none or it is binary.

        Lines end at newline only, as in `postil.diff`.
        """
        (found,) = self.objects([f"{sha}:{path}"])
        if found is None or found.kind != "blob" or b"\0" in found.body[:BINARY_PROBE]:
            return None
        lines = found.body.decode("utf-8", "replace").split("\n")
        if lines[-1] == "":
            lines.pop()
        return tuple(lines)

    def fetch(self, refspecs: Sequence[str], remote: str = "origin", token: str = "") -> None:
        """Fetch refs from a remote of this repository, or from a URL that takes a token."""
        online = git.Git(str(self.path))
        online.update_environment(GIT_DIR=str(self.path), **online_environment(remote, token))
        try:
            git.Git.check_unsafe_protocols(self.remote_url(remote) or remote)
            online.execute(["git", "fetch", "--quiet", "--no-tags", remote, *refspecs])
        except (git.GitCommandError, git.UnsafeProtocolError) as error:
            raise SourceError(f"{self.path}: cannot fetch from {remote}: {_said(error)}") from error

    def _tree(self, name: str) -> str:
        (found,) = self.objects([f"{name}^{{tree}}"])
        if found is None:
            raise SourceError(f"{self.path}: there is no commit {name}")
        return found.id

    def _send(self, process: GitProcess, lines: Sequence[str]) -> None:
        try:
            process.ask(lines)
        except BrokenPipeError as error:
            self.close()
            raise SourceError(f"{self.path}: git stopped reading objects") from error

    def _next_object(self, process: GitProcess) -> GitObject | None:
        header = process.read_line()
        match = FOUND.fullmatch(header)
        if match is None:
            if not header:
                self.close()
                raise SourceError(f"{self.path}: git stopped reading objects")
            return None
        sha, kind, size = match.groups()
        body = process.read(int(size) + 1)[:-1]
        return GitObject(id=sha.decode(), kind=kind.decode(), body=body)

    def _ask(self, *command: str) -> str:
        try:
            return str(self._git.execute(["git", *command]))
        except git.GitCommandNotFound as error:
            raise SourceError("git is not installed") from error
        except git.GitCommandError as error:
            raise SourceError(f"{self.path}: git {command[0]}: {_said(error)}") from error


def open_repository(path: Path) -> Repository:
    """Open the repository, bare or not, that stands at `path` itself."""
    try:
        return Repository(git.Repo(path))
    except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
        raise SourceError(f"{path}: not a git repository") from error


def checked_clone(path: Path | None) -> Path | None:
    """The path of a clone in full, once it is known to be one."""
    if path is None:
        return None
    whole = path.expanduser().resolve()
    with open_repository(whole):
        return whole


def clone(url: str, to: Path) -> Repository:
    """Make a bare clone; `to` must not exist yet. Hooks and templates stay out of it."""
    try:
        repo = git.Repo.clone_from(url, to, env=online_environment(), bare=True)
    except (git.GitCommandError, git.UnsafeProtocolError) as error:
        raise SourceError(f"cannot clone into {to}: {_said(error)}") from error
    return Repository(repo)


def without_password(text: str) -> str:
    """The text with user and password cut out of every URL in it."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1", text)


def _portions(names: Sequence[str]) -> Iterator[list[str]]:
    """Cut requests into portions of at most REQUEST_BYTES (one longer name goes alone)."""
    part: list[str] = []
    size = 0
    for name in names:
        length = len(name.encode()) + 1
        if part and size + length > REQUEST_BYTES:
            yield part
            part, size = [], 0
        part.append(name)
        size += length
    if part:
        yield part


def _said(error: Exception) -> str:
    """What git said on stderr, on one line and without the passwords of URLs."""
    text = str(getattr(error, "stderr", "") or error)
    words = without_password(text).split()
    return " ".join(words).removeprefix("stderr: ").strip("' ")
