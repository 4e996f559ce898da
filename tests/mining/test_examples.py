"""Windows are labelled from git: accepted remarks, silences, and what is neither."""

from pathlib import Path

import msgspec
import pytest

from mining.card import render_card
from mining.dataset import build_dataset, write_parquet
from mining.examples import build_examples
from mining.prose import without_suggestion
from mining.repository import Repository, open_repository
from mining.stored_hunk import whole_hunk
from postil.answer import parse_answer
from postil.errors import PayloadError, SourceError
from postil.records import Change, Example, Pair, Reply, Review, Revision, read_jsonl
from postil.settings import MiningSettings
from tests.mining.builders import day, make_change, make_pull, make_thread
from tests.tiny_git import TinyGit

BASE = "".join(f"line_{i} = {i}\n" for i in range(1, 41))
SETTINGS = MiningSettings()


def broken(text: str, number: int, new: str) -> str:
    return text.replace(f"line_{number} = {number}\n", new + "\n")


@pytest.fixture
def git(tmp_path: Path) -> TinyGit:
    return TinyGit(tmp_path / "code")


@pytest.fixture
def history(git: TinyGit) -> tuple[Repository, list[Revision]]:
    """Two revisions: three places change, then the first of them is repaired."""
    base = git.commit({"a.py": BASE, "b.lock": "x\n"})
    first_text = broken(broken(broken(BASE, 5, "except:"), 20, "quiet = 1"), 35, "murky = 2")
    first = git.commit({"a.py": first_text, "package-lock.json": "{}\n"})
    second = git.commit({"a.py": first_text.replace("except:", "except OSError:")})
    revisions = [
        Revision(number=1, sha=first, base_sha=base),
        Revision(number=2, sha=second, base_sha=base),
    ]
    return open_repository(git.folder), revisions


def heeded(revisions: list[Revision]) -> Change:
    done = Reply(author="author", author_kind="self", created_at=day(1.3), body="Done.")
    thread = make_thread(revisions[0].sha, 5, replies=(done,))
    looks = tuple(
        Review(reviewer="ann", association="MEMBER", revision=r.sha, at=day(1.2)) for r in revisions
    )
    return make_change(make_pull(revisions=tuple(revisions)), thread, reviews=looks)


def by_text(examples: list[Example], text: str) -> list[str]:
    return [e.kind for e in examples if any(text == line.text for line in e.window.lines)]


def test_a_heeded_remark_is_the_answer_to_its_window(
    history: tuple[Repository, list[Revision]],
) -> None:
    repository, revisions = history
    examples, funnel = build_examples([heeded(revisions)], repository, SETTINGS)
    (remark,) = [e for e in examples if e.kind == "remark"]
    answer = parse_answer(remark.response)
    assert answer is not None
    assert answer.message == "Please name the exception you expect here."
    row = remark.window.lines[answer.anchor.start - 1]
    assert (row.kind, row.text, row.new) == ("+", "except:", 5)
    assert (remark.tier, remark.located, remark.revision) == ("B", True, revisions[0].sha)
    assert funnel.remarks["kept: tier B"] == 1


def test_windows_passed_over_are_silences_and_lock_files_are_left_out(
    history: tuple[Repository, list[Revision]],
) -> None:
    repository, revisions = history
    examples, funnel = build_examples([heeded(revisions)], repository, SETTINGS)
    assert by_text(examples, "quiet = 1") == ["silence"]
    assert by_text(examples, "except OSError:") == ["silence"]
    assert {e.window.path for e in examples} == {"a.py"}
    assert any(reason.startswith("left out") for reason in funnel.windows)


def test_any_word_of_a_person_makes_a_window_ambiguous_also_where_its_line_stays(
    history: tuple[Repository, list[Revision]],
) -> None:
    repository, revisions = history
    change = heeded(revisions)
    nit = make_thread(revisions[0].sha, 35, id="nit", author="stranger", association="NONE")
    change = Change(pull=change.pull, threads=(*change.threads, nit), reviews=change.reviews)
    examples, funnel = build_examples([change], repository, SETTINGS)
    assert by_text(examples, "murky = 2") == ["ambiguous"]
    assert funnel.remarks["not by a trusted reviewer"] == 1


def test_nothing_is_silent_where_nobody_trusted_looked(
    history: tuple[Repository, list[Revision]],
) -> None:
    repository, revisions = history
    change = make_change(make_pull(revisions=tuple(revisions)))
    assert build_examples([change], repository, SETTINGS)[0] == []


def test_an_ignored_remark_teaches_nothing(
    history: tuple[Repository, list[Revision]],
) -> None:
    repository, revisions = history
    looks = (Review(reviewer="ann", association="MEMBER", revision=revisions[0].sha, at=day(1.2)),)
    thread = make_thread(revisions[0].sha, 20)
    change = make_change(make_pull(revisions=tuple(revisions)), thread, reviews=looks)
    examples, _ = build_examples([change], repository, SETTINGS)
    assert not [e for e in examples if e.kind == "remark"]
    assert by_text(examples, "quiet = 1") == ["ambiguous"]


def test_a_window_does_not_change_with_where_the_comment_stands(
    history: tuple[Repository, list[Revision]],
) -> None:
    repository, revisions = history
    windows = []
    for line in (4, 5, 6):
        done = Reply(author="author", author_kind="self", created_at=day(1.3), body="Done.")
        thread = make_thread(revisions[0].sha, line, replies=(done,))
        change = make_change(make_pull(revisions=tuple(revisions)), thread)
        examples, _ = build_examples(
            [change], repository, MiningSettings(tiers=("A", "B", "C", "D"))
        )
        windows += [e.window for e in examples if e.kind == "remark"]
    assert len(windows) == 3
    assert len(set(windows)) == 1


def test_a_remark_whose_commit_is_gone_teaches_wording_only(
    history: tuple[Repository, list[Revision]],
) -> None:
    repository, revisions = history
    hunk = "@@ -3,9 +3,9 @@ def f():\n line_3 = 3\n line_4 = 4\n-line_5 = 5\n+vanished = 1"
    done = Reply(author="author", author_kind="self", created_at=day(1.3), body="Done.")
    thread = make_thread("0" * 40, 5, hunk=hunk, replies=(done,))
    change = make_change(make_pull(revisions=tuple(revisions)), thread)
    examples, _ = build_examples([change], repository, SETTINGS)
    assert [(e.kind, e.located) for e in examples if e.kind == "remark"] == [("remark", False)]


def test_an_open_pull_request_teaches_nothing_yet(
    history: tuple[Repository, list[Revision]],
) -> None:
    repository, revisions = history
    pull = make_pull(revisions=tuple(revisions), closed_at=None, merged_at=None, state="open")
    examples, funnel = build_examples(
        [make_change(pull, make_thread(revisions[0].sha, 5))], repository, SETTINGS
    )
    assert examples == []
    assert funnel.remarks == {"pull request still open": 1}


def test_a_sample_with_a_secret_is_dropped(git: TinyGit) -> None:
    base = git.commit({"a.py": BASE})
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    first = git.commit({"a.py": broken(BASE, 5, f'token = "{token}"')})
    second = git.commit({"a.py": BASE})
    revisions = [
        Revision(number=1, sha=first, base_sha=base),
        Revision(number=2, sha=second, base_sha=base),
    ]
    examples, funnel = build_examples([heeded(revisions)], open_repository(git.folder), SETTINGS)
    assert not [e for e in examples if token in e.response or e.kind == "remark"]
    assert funnel.remarks["holds a secret"] == 1


def test_a_suggestion_with_a_secret_is_dropped_with_its_remark(
    history: tuple[Repository, list[Revision]],
) -> None:
    repository, revisions = history
    change = heeded(revisions)
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    thread = msgspec.structs.replace(
        change.threads[0], suggestion=f'    except Denied("{token}"):\n'
    )
    told = Change(pull=change.pull, threads=(thread,), reviews=change.reviews)
    examples, funnel = build_examples([told], repository, SETTINGS)
    assert not [e for e in examples if token in e.response or e.kind == "remark"]
    assert funnel.remarks["holds a secret"] == 1


def test_a_dataset_is_the_same_bytes_twice_and_opens_as_parquet(
    history: tuple[Repository, list[Revision]], tmp_path: Path
) -> None:
    from datasets import load_dataset

    repository, revisions = history
    settings = MiningSettings(shares=(1.0, 0.0, 0.0, 0.0))
    built = build_dataset([heeded(revisions)], repository, settings, tmp_path / "one")
    build_dataset([heeded(revisions)], repository, settings, tmp_path / "two")
    files = [tmp_path / name / "pairs.jsonl" for name in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert tuple(read_jsonl(files[0], Pair)) == built.pairs
    write_parquet(built.pairs, tmp_path / "one")
    table = load_dataset("parquet", data_files=str(tmp_path / "one" / "train.parquet"))["train"]
    assert table["response"] == [pair.response for pair in built.pairs]
    assert "kept: tier B" in render_card(built)
    assert {pair.licence for pair in built.pairs} == {"NOASSERTION"}
    assert "- licence of the mined code: NOASSERTION (says " in render_card(built)


def test_every_pair_and_the_card_name_the_licence_and_who_says_so(
    history: tuple[Repository, list[Revision]], tmp_path: Path
) -> None:
    repository, revisions = history
    settings = MiningSettings(shares=(1.0, 0.0, 0.0, 0.0))
    change = msgspec.structs.replace(heeded(revisions), licence="MIT")
    for licence, told in (("", "MIT (says the host)"), ("ISC", "ISC (says the setting)")):
        wanted = msgspec.structs.replace(settings, licence=licence)
        built = build_dataset([change], repository, wanted, tmp_path / "licensed")
        assert {pair.licence for pair in built.pairs} == {told.split()[0]}
        assert f"- licence of the mined code: {told}" in render_card(built)


def test_a_history_without_accepted_remarks_is_one_clear_line(
    history: tuple[Repository, list[Revision]], tmp_path: Path
) -> None:
    repository, revisions = history
    change = make_change(make_pull(revisions=tuple(revisions)), make_thread(revisions[1].sha, 20))
    with pytest.raises(SourceError, match="no accepted remark found in 1 changes"):
        build_dataset([change], repository, SETTINGS, tmp_path / "none")


def test_a_stored_hunk_gets_the_counts_it_really_has() -> None:
    assert whole_hunk("@@ -1,9 +1,9 @@ def f\r\n a\r\n+b") == "@@ -1,1 +1,2 @@\n a\n+b\n"
    with pytest.raises(PayloadError):
        whole_hunk("no header\n+x")


def test_the_words_of_a_suggestion_are_kept_apart_from_its_code() -> None:
    body = "Use this:\n```suggestion\nx = 1\n```\nplease"
    assert without_suggestion(body) == "Use this:\nplease"
