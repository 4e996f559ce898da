"""Where the licence of the mined code is looked for; what hostile code does not change."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from mining.licence import MOST_BYTES, Licence, find_licence
from mining.licence_text import NONE
from mining.repository import Repository, open_repository
from postil.records import Change
from tests.mining.builders import make_change, make_pull
from tests.mining.notedb_builder import NoteDb
from tests.mining.test_licence_text import BSD_2, GPL_3, MIT, shipped

LINE = "# SPDX-License-Identifier: "


@pytest.fixture
def db(tmp_path: Path) -> NoteDb:
    return NoteDb(tmp_path / "harbour.git")


@pytest.fixture
def repository(db: NoteDb) -> Iterator[Repository]:
    with open_repository(db.path) as opened:
        yield opened


def told(licence: str, number: int = 1) -> Change:
    return msgspec.structs.replace(make_change(make_pull(number)), licence=licence)


def at_head(db: NoteDb, tree: str | Mapping[str, str]) -> None:
    """Let HEAD name a commit of this tree."""
    sha = tree if isinstance(tree, str) else db.tree(tree)
    commit = db.git("commit-tree", sha, "-m", "x")
    db.git("update-ref", "--no-deref", "HEAD", commit)


@pytest.mark.parametrize(
    ("files", "licence", "where"),
    [
        ({"LICENSE": MIT}, "MIT", "LICENSE"),
        ({"licence.md": MIT}, "MIT", "licence.md"),
        ({"COPYING": BSD_2, "src/LICENSE": MIT}, "BSD-2-Clause", "COPYING"),
        ({"LICENSE-BSD": BSD_2, "LICENSE-MIT": MIT}, "BSD-2-Clause AND MIT", "LICENSE-BSD, LICE"),
        ({"LICENSE": MIT, "LICENSE-third-party.txt": BSD_2}, "MIT", "LICENSE"),
        ({"LICENSE": MIT, "LICENSES/0BSD.txt": ""}, "MIT", "LICENSE"),
        ({"LICENSES/MIT.txt": MIT, "LICENSES/0BSD.txt": ""}, "0BSD AND MIT", "LICENSES/0BSD.txt"),
        ({"LICENSES/LicenseRef-Ours.txt": "x"}, "LicenseRef-Ours", "LICENSES/LicenseRef-Ours.txt"),
        ({"LICENSES/README.md": "x"}, NONE, "no licence file"),
        ({"setup.py": f"{LINE}ISC\n", "a.py": f"{LINE}ISC\n"}, "ISC", "a.py, setup.py"),
        ({"LICENSE": GPL_3, "setup.py": f"{LINE}GPL-3.0-or-later"}, "GPL-3.0-or-later", "LICENSE"),
        ({"LICENSE": "You may look."}, NONE, "the wording of LICENSE is not known"),
        ({"README": "MIT"}, NONE, "no licence file"),
        (
            {"COPYING": GPL_3, "COPYING.LESSER": shipped("PyGithub", "COPYING.LESSER")},
            "LicenseRef-LGPL-3.0-later-versions-unstated",
            "COPYING.LESSER",
        ),
    ],
)
def test_the_code_says_under_which_licence_it_stands(
    db: NoteDb, repository: Repository, files: dict[str, str], licence: str, where: str
) -> None:
    at_head(db, files)
    found = find_licence(repository, "", [])
    assert found.id == licence
    assert found.found.startswith(where)
    assert found.found.endswith(f" at {(repository.tip() or '')[:12]}")


def test_the_setting_goes_first_and_the_host_last(db: NoteDb, repository: Repository) -> None:
    changes = [told("Apache-2.0"), told("ISC", 2), told("", 3)]
    assert find_licence(repository, "", changes) == Licence(id="ISC", found="the host")
    assert find_licence(None, "", changes[::-1]) == Licence(id="ISC", found="the host")
    at_head(db, {"LICENSE": MIT})
    assert find_licence(repository, "", changes).id == "MIT"
    assert find_licence(repository, "0BSD", changes) == Licence(id="0BSD", found="the setting")


@pytest.mark.parametrize("licence", ["NOASSERTION", "", "no such thing"])
def test_a_host_that_knows_none_claims_none(licence: str) -> None:
    assert find_licence(None, "", [told(licence)]).id == NONE


def test_a_host_does_not_know_which_versions_are_meant() -> None:
    found = find_licence(None, "", [told("GPL-2.0")])
    assert found.id == "LicenseRef-GPL-2.0-later-versions-unstated"


def test_links_large_binary_and_foreign_things_are_passed_over(
    db: NoteDb, repository: Repository, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text(MIT)
    blobs = {
        "link": db.blob(str(outside)),
        "large": db.blob(MIT + " \n" * MOST_BYTES),
        "binary": db.blob(f"{MIT}\0"),
        "fine": db.blob(MIT),
    }
    commit = db.commit({"a": "x"})
    rows = [
        f"120000 blob {blobs['link']}\tLICENSE",
        f"100644 blob {blobs['large']}\tLICENSE.txt",
        f"100644 blob {blobs['binary']}\tCOPYING",
        f"160000 commit {commit}\tUNLICENSE",
        f"040000 tree {db.tree({'LICENSE': MIT})}\tLICENCE",
    ]
    at_head(db, db.git("mktree", text="".join(f"{row}\n" for row in rows)))
    assert find_licence(repository, "", []).id == NONE
    rows.append(f"100755 blob {blobs['fine']}\tLICENSE.rst")
    at_head(db, db.git("mktree", text="".join(f"{row}\n" for row in rows)))
    found = find_licence(repository, "", [])
    assert (found.id, found.found.split()[0]) == ("MIT", "LICENSE.rst")


def test_names_of_files_put_no_markup_into_the_card(db: NoteDb, repository: Repository) -> None:
    line = db.blob(f"{LINE}ISC")
    names = ["](http) <b>`", "\x1b[2J|", *(f"m{n}.py" for n in range(9))]
    rows = "".join(f"100644 blob {line}\t{name}\n" for name in names)
    at_head(db, db.git("mktree", text=rows))
    found = find_licence(repository, "", [])
    assert found.id == "ISC"
    assert " and 7 more at " in found.found
    assert not set(found.found) & set("[]()<>`|\x1b\n")


def test_a_clone_without_a_commit_has_no_licence(repository: Repository) -> None:
    assert find_licence(repository, "", []).id == NONE
