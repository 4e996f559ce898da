"""Reviews by memory alone: the past remark with its link, no torch, and turning to a model."""

import os
import sys
from pathlib import Path

import msgspec
import pytest

from bot.model.adapter_info import read_info
from bot.model.opening import open_model
from bot.model.process import ModelProcess
from bot.model.remembering import Remembering, load
from bot.review import ModelInfo, review
from bot.saying.comment import Wording, render_comment
from bot.saying.placement import place_all
from finetune.adapters import Registry
from finetune.cards import CARD, hash_files, write_card
from finetune.feature_names import SPEAK
from finetune.gate import GATE_FILE, read_gate, write_gate
from finetune.recall import INDEX_FILE, IndexEntry, Recall
from finetune.retrieval import make_retrieval
from finetune.speaking import Voice
from finetune.topics import TOPICS_FILE, Topic, write_topics
from postil.answer import REPLACE, Anchor, anchors
from postil.diff import parse_diff
from postil.errors import AdapterError, ConfigError
from postil.marker import Marker
from postil.prompt import TEMPLATE, render_question
from postil.records import AdapterCard
from postil.settings import ReviewSettings, Settings
from tests.bot.memory_adapter import ALWAYS, PAST
from tests.bot.model.test_loaded_adapter import process
from tests.bot.tiny_home import GOLDEN
from tests.fakes import tiny_base
from tests.finetune.builders import make_pair, make_team, make_window
from tests.finetune.small_adapters import add_adapter

DIFF = (GOLDEN / "one_rule.diff").read_text()
FIRST = Anchor(side="R", start=1, end=1)
INFO = ModelInfo(
    adapter="memory", base="", template=TEMPLATE, window_lines=24, threshold=0.5, way="recall"
)


def remembering(*entries: IndexEntry) -> Remembering:
    return Remembering(INFO, Voice(way="recall", gate=ALWAYS, recall=Recall(entries)))


def publish(home: Path, pulls: int = 20, message: str = "") -> Path:
    """An adapter without weights in a registry; with a message, one more remark of these words."""
    pairs = make_team(pulls=pulls)
    if message:
        pairs.append(make_pair(make_window("+    send(all_of_it)"), message, id="one"))
    return make_retrieval(pairs, Settings(), Registry(home), "o/r").folder


SUGGESTED = msgspec.structs.replace(PAST, suggestion="    log.info(self.prices)\n")
WORDLESS = msgspec.structs.replace(SUGGESTED, message=REPLACE)


@pytest.mark.parametrize(
    ("past", "row", "said"),
    [
        (SUGGESTED, "    print(self.prices)", (PAST.message, SUGGESTED.suggestion)),
        (SUGGESTED, "    print(self.price)", (PAST.message, None)),
        (SUGGESTED, "        print(self.prices)", (PAST.message, None)),
        (WORDLESS, "    print(self.prices)", (REPLACE, SUGGESTED.suggestion)),
        (WORDLESS, "    print(self.price)", None),
    ],
)
def test_a_past_suggestion_is_made_again_only_for_the_very_same_row(
    past: IndexEntry, row: str, said: tuple[str, str | None] | None
) -> None:
    diff = DIFF.replace('        print("total")', row)
    found = review(diff, remembering(past), ReviewSettings()).findings
    assert [(one.message, one.suggestion) for one in found] == ([said] if said else [])


def test_the_past_remark_is_said_again_at_the_row_most_like_its_own() -> None:
    reviewed = review(DIFF, remembering(PAST), ReviewSettings())
    (finding,) = reviewed.findings
    assert finding.message == PAST.message
    assert finding.resembles[0].url == PAST.url
    (text,) = [
        line.text
        for file in parse_diff(DIFF)
        for hunk in file.hunks
        for line in hunk.lines
        if line.new == finding.span.start and line.kind == "+"
    ]
    assert "print(" in text


def test_where_nothing_is_alike_enough_nothing_is_said() -> None:
    other = msgspec.structs.replace(PAST, text="+x", path="a.css", language="css", end=1, start=1)
    reviewed = review(DIFF, remembering(other), ReviewSettings())
    assert reviewed.findings == () and reviewed.dropped == {}


def test_a_place_is_one_of_those_allowed_even_without_a_memory() -> None:
    window = make_window("-gone()", " kept()", "+print(x)")
    scores = remembering(PAST).anchor_scores(window, anchors(window))
    assert sum(scores) == 1.0
    assert anchors(window)[scores.index(1.0)].start == 3
    assert set(remembering().anchor_scores(window, anchors(window))) == {0.0}
    assert remembering().write(["q"], anchors(window)[:1], 9) == [""]


def test_hostile_words_in_the_index_come_out_harmless() -> None:
    hostile = msgspec.structs.replace(
        PAST,
        message="@everyone <script>alert(1)</script> ![x](https://evil.example/p.png)"
        " Log it. <!-- postil:v1 forged -->\n\n```suggestion\nrm -rf /\n```",
    )
    reviewed = review(DIFF, remembering(hostile), ReviewSettings())
    (placed,) = place_all(reviewed.findings, parse_diff(DIFF), "team/shop")
    marker = Marker(place="p", fingerprint="f", head_sha="a" * 40, adapter="memory")
    comment = render_comment(placed, marker, b"key", Wording())
    assert "\\<script>" in comment and "\\<!-- postil:v1 forged" in comment
    for bad in ("@everyone", " <script>", "![", " <!-- postil:v1", "```suggestion"):
        assert bad not in comment, comment


def test_the_child_reviews_and_never_loads_torch(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    with open_model(folder, tmp_path, os.environ) as model:
        window = make_window(" def run(rows):", "+    except:", " end()")
        assert model.score([render_question(window)]) == [0.0]
        (chance,) = model.gate([window], [0.0])
        assert 0 < chance < 1
        (past, *_) = model.recall([window], [FIRST])[0]
        assert "Name the exception" in past.message and past.resembles.url
        if sys.platform == "linux":
            loaded = Path(f"/proc/{model.pid}/maps").read_text()
            assert "numpy" in loaded and "torch" not in loaded


@pytest.mark.slow
def test_a_repository_turns_from_memory_to_a_model_and_back(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base")
    trained = add_adapter(base, tmp_path)
    first, second = publish(tmp_path / "a"), publish(tmp_path / "b", pulls=24)
    window = make_window(" def run(rows):", "+    except:", " end()")
    with (
        open_model(first, tmp_path, os.environ) as one,
        open_model(second, tmp_path, os.environ) as two,
        process(trained, base) as model,
        open_model(first, tmp_path, os.environ) as again,
    ):
        answers, pids = [], []
        before: ModelProcess | None = None
        for now in (one, two, model, again):
            if before:
                now.take_over(before)
            answers.append((now.score([render_question(window)]), now.recall([window], [FIRST])))
            pids.append(now.pid)
            before = now
    assert answers[0] == answers[3] and answers[0][0] == answers[1][0] == [0.0]
    assert answers[2][0] != [0.0] and answers[2][1] == [[]]
    assert pids[0] == pids[1] != pids[2] and pids[2] != pids[3]


def test_a_damaged_memory_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    spec = {"adapter": str(folder)}
    good = (folder / INDEX_FILE).read_bytes()
    (folder / INDEX_FILE).write_bytes(good[:-9])
    with pytest.raises(AdapterError, match=r"index\.jsonl: damaged"):
        load(spec)
    (folder / INDEX_FILE).write_bytes(good + b'{"message": 3}\n')
    rehash(folder)
    with pytest.raises(ConfigError, match="not a IndexEntry"):
        load(spec)
    (folder / INDEX_FILE).write_bytes(good)
    (folder / CARD).unlink()
    with pytest.raises(AdapterError, match="no adapter"):
        load(spec)


def test_what_needs_a_model_is_not_used_without_one(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    (folder / GATE_FILE).unlink()
    one = (1.0,)
    gate = msgspec.structs.replace(
        ALWAYS, features=(SPEAK,), coefficients=one, means=one, scales=one
    )
    write_gate(folder / GATE_FILE, gate)
    rehash(folder)
    with pytest.raises(AdapterError, match="without a model"):
        load({"adapter": str(folder)})
    base = tiny_base(tmp_path / "base")
    with pytest.raises(AdapterError, match="without a model"):
        load({"adapter": str(add_adapter(base, tmp_path))})


def test_an_adapter_without_a_calibrated_gate_is_silent(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    (folder / GATE_FILE).unlink()
    rehash(folder)
    _, info = read_info(folder)
    assert info.threshold is None
    model = load({"adapter": str(folder)})
    assert model.gate([make_window("+x")], [0.0]) == [0.0]
    assert review(DIFF, model, ReviewSettings()).findings == ()


def rehash(folder: Path) -> None:
    """Make the card name the files as they are now."""
    card = msgspec.json.decode((folder / CARD).read_bytes(), type=AdapterCard)
    write_card(folder, msgspec.structs.replace(card, files=hash_files(folder)))


def test_a_topic_that_is_due_speaks_by_its_own_threshold_with_its_own_link() -> None:
    silent = msgspec.structs.replace(ALWAYS, threshold=None, intercept=-2.0)
    topic = Topic(message=PAST.message, entries=(0,), pulls=3, threshold=0.3, precision=0.7)
    memory = Voice(way="recall", gate=silent, recall=Recall([PAST]), topics=(topic,))
    model = Remembering(msgspec.structs.replace(INFO, threshold=0.7), memory)
    (finding,) = review(DIFF, model, ReviewSettings()).findings
    assert (finding.message, finding.score) == (PAST.message, 0.7)
    assert finding.resembles[0].url == PAST.url
    clean = make_window(" def run(rows):", "+    total += 1")
    (chance,) = model.gate([clean], [0.0])
    assert chance < 0.7, "where the gate has no threshold nothing but a topic speaks"
    unsure = msgspec.structs.replace(
        memory, topics=(msgspec.structs.replace(topic, threshold=0.99),)
    )
    model = Remembering(msgspec.structs.replace(INFO, threshold=0.7), unsure)
    assert review(DIFF, model, ReviewSettings()).findings == ()


def test_the_threshold_of_an_adapter_whose_gate_is_silent_is_that_of_its_topics(
    tmp_path: Path,
) -> None:
    folder = publish(tmp_path)
    gate = read_gate(folder / GATE_FILE)
    write_gate(folder / GATE_FILE, msgspec.structs.replace(gate, threshold=None))
    topics = [
        Topic(message="x", entries=(0,), pulls=3, threshold=0.5, precision=p) for p in (0.9, 0.6)
    ]
    write_topics(folder / TOPICS_FILE, topics)
    reseal(folder)
    assert read_info(folder)[1].threshold == 0.6
    write_topics(folder / TOPICS_FILE, [])
    reseal(folder)
    assert read_info(folder)[1].threshold is None


def reseal(folder: Path) -> None:
    card = msgspec.json.decode((folder / CARD).read_bytes(), type=AdapterCard)
    write_card(folder, msgspec.structs.replace(card, files=hash_files(folder)))
