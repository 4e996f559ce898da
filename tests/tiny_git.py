"""A tiny real git repository with fixed dates, for history tests."""

import os
import subprocess
from pathlib import Path


class TinyGit:
    """Commits whole trees; ids are the same on every machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = 1_700_000_000
        self.run("init", "--quiet", "--initial-branch=main", ".")

    def run(self, *args: str, text: str | None = None, author: str = "Ann") -> str:
        """Run git without the configuration of this machine."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": author,
            "GIT_AUTHOR_EMAIL": f"{author.lower()}@example.org",
            "GIT_COMMITTER_NAME": author,
            "GIT_COMMITTER_EMAIL": f"{author.lower()}@example.org",
            "GIT_AUTHOR_DATE": f"{self._clock} +0000",
            "GIT_COMMITTER_DATE": f"{self._clock} +0000",
        }
        done = subprocess.run(
            ["git", *args],
            cwd=self.folder,
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(
        self,
        files: dict[str, str | bytes | None],
        parent: str | None = None,
        *,
        message: str = "",
        author: str = "Ann",
        merged: str | None = None,
    ) -> str:
        """Write (None: delete) files on top of `parent` (default: the last commit); its sha.

        `merged` is a second parent.
        """
        self._clock += 60
        if parent is not None:
            self.run("checkout", "--quiet", "--detach", parent)
        for name, content in files.items():
            path = self.folder / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.run("add", "--all")
        said = message or f"at {self._clock}"
        if merged is None:
            self.run("commit", "--quiet", "--allow-empty", "-m", said, author=author)
            return self.run("rev-parse", "HEAD")
        tree = self.run("write-tree")
        parents = ("-p", "HEAD", "-p", merged)
        sha = self.run("commit-tree", tree, *parents, "-m", said, author=author)
        self.run("checkout", "--quiet", "--detach", sha)
        return sha

    def ref(self, name: str, sha: str) -> None:
        """Point a full ref name at a commit."""
        self.run("update-ref", name, sha)
