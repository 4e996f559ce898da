"""What a program said never becomes a response: through all of mining, from the host's own shapes.

Everything is done to our remarks that makes a person's count: the author says done, the suggestion
is applied, a maintainer resolves, the pull request is merged.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mining.commands import mine, store_url
from mining.dataset_commands import dataset
from mining.store import open_store
from postil.errors import SourceError
from postil.marker import Marker, render_marker
from postil.records import Pair, read_jsonl
from tests.mining.archive_builder import REPO, comment, pull, record, reviewed, user, write_archive
from tests.tiny_git import TinyGit

OURS = "Please log this with its berth instead of printing it."
THEIRS = "Please name the exception you expect here."
MARKER = render_marker(
    Marker(place="0" * 64, fingerprint="f", head_sha="a" * 40, adapter="one"), b"any key"
)
SIGNED = f"{OURS}\n\n```suggestion\nlog(9)\n```\n\n{MARKER}"
ACCOUNTS = {
    "an App": (user("postil[bot]", "Bot"), SIGNED),
    "a person's kind of account": (user("postil"), SIGNED),
    "a maintainer's own token": (user("mia"), SIGNED),
    "another program": (user("helper[bot]", "Bot"), OURS),
    "a program under a plain account": (user("harbour-bot"), OURS),
}


def lines(**changed: str) -> str:
    return "".join(f"{changed.get(f'l{n}', f'line_{n} = {n}')}\n" for n in range(1, 81))


def hunk(number: int, text: str) -> str:
    before = "".join(f"\n line_{n} = {n}" for n in range(number - 3, number))
    return f"@@ -{number - 3},7 +{number - 3},7 @@{before}\n-line_{number} = {number}\n+{text}"


def built(folder: Path, who: dict[str, Any], body: str, *vetoed: str) -> list[Pair]:
    """The pairs of a repository with our remark and a person's, some remarks being vetoed."""
    git = TinyGit(folder / "code")
    base = git.commit({"ships.py": lines()})
    first = git.commit({"ships.py": lines(l9="print(9)", l34="quiet = 34", l59="except:")})
    last = git.commit({"ships.py": lines(l9="log(9)", l34="quiet = 34", l59="except OSError:")})
    common = {"original_commit_id": first, "resolved": True, "author_association": "OWNER"}
    ours = comment(
        100, user=who, body=body, diff_hunk=hunk(9, "print(9)"), path="ships.py", **common
    )
    theirs = comment(
        101,
        user=user("rita"),
        body=THEIRS,
        diff_hunk=hunk(59, "except:"),
        path="ships.py",
        **common,
    )
    done = [
        comment(110 + n, in_reply_to_id=n + 100, user=user("olga"), body="Good catch, done.")
        for n in (0, 1)
    ]
    told = comment(120, in_reply_to_id=101, user=who, body=body)
    records = [
        record(
            7,
            pull=pull(7, head={"sha": last, "repo": None}, base=_base(base)),
            events=[
                reviewed("rita", first, "2024-05-02T08:00:00Z", author_association="MEMBER"),
                {"event": "committed", "sha": last, "committer": {"date": "2024-05-02T09:00:00Z"}},
            ],
            comments=[ours, theirs, *done, told],
        )
    ]
    archive = write_archive(folder / "archive", *records)
    home = ["--home", str(folder / "home")]
    where = ["--source", f"archive:{archive}", "--clone", str(git.folder), "--repo", REPO]
    assert CliRunner().invoke(mine, [*where, *home], catch_exceptions=False).exit_code == 0
    with open_store(store_url(folder / "home")) as store:
        store.veto(REPO, vetoed)
    out = ["--out", str(folder / "pairs")]
    asked = ["build", "--repo", REPO, *out, *home]
    assert CliRunner().invoke(dataset, asked, catch_exceptions=False).exit_code == 0
    return list(read_jsonl(folder / "pairs" / "pairs.jsonl", Pair))


def _base(sha: str) -> dict[str, Any]:
    return {"sha": sha, "repo": {"full_name": REPO, "license": {"spdx_id": "MIT"}}}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_what_a_program_said_is_in_no_response(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, account: str
) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = built(tmp_path, *ACCOUNTS[account])
    remarks = [pair for pair in pairs if pair.kind == "remark"]
    assert [THEIRS in pair.response for pair in remarks] == [True]
    assert OURS not in json.dumps([(pair.instruction, pair.response) for pair in pairs])


@pytest.mark.parametrize("account", [name for name in ACCOUNTS if MARKER in ACCOUNTS[name][1]])
def test_where_we_spoke_no_silence_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, account: str
) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = built(tmp_path, *ACCOUNTS[account])
    assert "silence" not in [pair.kind for pair in pairs if "print(9)" in pair.instruction]
    assert "silence" in [pair.kind for pair in pairs]


def test_a_vetoed_pair_is_learned_from_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only remark that teaches is the one of which people wanted no echo."""
    monkeypatch.chdir(tmp_path)
    theirs = comment(101)["html_url"]
    with pytest.raises(SourceError, match="vetoed: refused when it was said again"):
        built(tmp_path, *ACCOUNTS["an App"], theirs)
