"""A small repository whose history holds three applied suggestions, mined into a home."""

from pathlib import Path

from mining.intake import Intake, take_in
from mining.sources.history import History, read
from mining.store import open_store
from tests.tiny_git import TinyGit

APPLIED = "Apply suggestions from code review\n\nCo-authored-by: Rita <rita@example.org>"


def harbour(folder: Path, home: Path, repo: str) -> None:
    """Make the repository where there is none, and mine it."""
    if not folder.exists():
        make_harbour(TinyGit(folder))
    home.mkdir(exist_ok=True)
    with open_store(f"sqlite:///{home / 'store.db'}") as store:
        source = History(str(folder), None, repo)
        where = f"history:{folder}"
        take_in(store, source, read, where, None, None, Intake(), lambda: None)


def make_harbour(git: TinyGit) -> None:
    """Rita has merged once; then Olga applies one suggestion of hers in each of three."""
    start = git.commit({"a.py": "start\n"})
    side = git.commit({"b.py": "b\n"}, message="Add b", author="Olga")
    said = "Merge pull request #1 from olga/b"
    git.commit({}, start, message=said, author="Rita", merged=side)
    git.run("branch", "--force", "main", "HEAD")
    for number in (2, 3, 4):
        path = f"berth_{number}.py"
        lines = [f"mooring_{number}_{row} = {row}\n" for row in range(1, 30)]
        git.commit({path: "".join(lines)}, "main", message="Write", author="Olga")
        lines[number * 5] = f"depth_m_{number} = {number}\n"
        git.commit({path: "".join(lines)}, message=APPLIED, author="Olga")
        git.ref(f"refs/pull/{number}/head", git.run("rev-parse", "HEAD"))
        git.run("checkout", "--quiet", "main")
        git.commit({path: "".join(lines)}, message=f"Berth (#{number})", author="Olga")
