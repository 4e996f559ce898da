"""An engine that asks its model nothing twice: what a model says to a question does not change.

Every evaluation asks the bare base the same, making an adapter and proving it ask it the same, and
a run that was killed asks again. Answers are kept in HOME/readings.db under the model's digest and
the question's hash; questions themselves are not. The model is loaded at the first new question.
The file may be deleted at any time.
"""

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec

from finetune.cards import adapter_files
from finetune.engines import Engine
from finetune.files import digest_file
from postil.answer import Anchor
from postil.prompt import TEMPLATE

log = logging.getLogger(__name__)

FILE = "readings.db"
READING = "1"
"""Raised whenever an engine is changed so that it says something else to the same question."""
MODELS = 12
"""Models whose answers are kept: the last ones that were asked, from memory or not."""
AT_ONCE = 64
"""New questions between two writes to the disk."""


def name_model(base_sha256: str, precision: str, max_length: int, adapter: Path | None) -> str:
    """The digest of all that decides what a model says; `adapter`: its folder, if there is one."""
    files = adapter_files(adapter) if adapter else ()
    parts = (READING, TEMPLATE, base_sha256, precision, str(max_length), *map(digest_file, files))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


class KeptEngine:
    """An Engine (see the protocol) in front of another, which `load` brings when it is needed."""

    def __init__(self, home: Path, model: str, load: Callable[[], Engine]) -> None:
        self._path, self._model, self._load = home / FILE, model, load
        self._engine: Engine | None = None
        self._counted = False

    def score(self, instructions: Sequence[str]) -> list[float]:
        """See the protocol."""
        asked = [(text,) for text in instructions]
        return self._say("score", asked, float, lambda engine, q: engine.score(*q))

    def anchor_scores(self, instruction: str, allowed: Sequence[Anchor]) -> list[float]:
        """See the protocol."""
        question = (instruction, *(f"{one.side}{one.start}-{one.end}" for one in allowed))
        (said,) = self._say(
            "anchors", [question], list[float], lambda e, _: [e.anchor_scores(instruction, allowed)]
        )
        return list(said)

    def write(
        self, instructions: Sequence[str], anchors: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """See the protocol."""
        asked = list(zip(instructions, anchors, strict=True))
        return self._say(
            f"write {max_tokens}", asked, str, lambda e, q: e.write(q[0], q[1], max_tokens)
        )

    def loss(
        self, instructions: Sequence[str], responses: Sequence[str]
    ) -> list[tuple[float, int]]:
        """See the protocol."""
        asked = list(zip(instructions, responses, strict=True))
        return self._say("loss", asked, tuple[float, int], lambda e, q: e.loss(*q))

    def plain_loss(self, texts: Sequence[str]) -> list[tuple[float, int]]:
        """See the protocol."""
        asked = [(text,) for text in texts]
        return self._say("plain", asked, tuple[float, int], lambda e, q: e.plain_loss(*q))

    def _say(
        self,
        what: str,
        asked: Sequence[tuple[Any, ...]],
        kind: Any,
        ask: Callable[[Engine, list[list[Any]]], Sequence[Any]],
    ) -> list[Any]:
        """What is known, and for the rest what the engine says; `ask` takes columns."""
        keys = [hashlib.sha256(msgspec.json.encode((what, one))).digest()[:16] for one in asked]
        known = self._known(set(keys), kind)
        new = [at for at, key in enumerate(keys) if key not in known]
        for start in range(0, len(new), AT_ONCE):
            part = new[start : start + AT_ONCE]
            columns = [list(column) for column in zip(*(asked[at] for at in part), strict=True)]
            said = ask(self._model_itself(), columns)
            found = dict(zip((keys[at] for at in part), said, strict=True))
            self._keep(found)
            known |= found
        return [known[key] for key in keys]

    def _model_itself(self) -> Engine:
        if self._engine is None:
            self._engine = self._load()
        return self._engine

    def _known(self, keys: set[bytes], kind: Any) -> dict[bytes, Any]:
        found: dict[bytes, Any] = {}
        with suppress(sqlite3.Error), closing(self._open()) as base:
            for key in keys:
                where = "SELECT said FROM readings WHERE model = ? AND asked = ?"
                row = base.execute(where, (self._model, key)).fetchone()
                if row:
                    with suppress(msgspec.DecodeError):  # a number that is none: ask again
                        found[key] = msgspec.json.decode(row[0], type=kind)
            if found and not self._counted:  # what is only read is in use as well
                with base:
                    base.execute("REPLACE INTO models (model) VALUES (?)", (self._model,))
                self._counted = True
        return found

    def _keep(self, found: dict[bytes, Any]) -> None:
        rows = [(self._model, key, msgspec.json.encode(said)) for key, said in found.items()]
        try:
            with closing(self._open()) as base, base:
                base.execute("REPLACE INTO models (model) VALUES (?)", (self._model,))
                base.executemany("REPLACE INTO readings VALUES (?, ?, ?)", rows)
                old = "SELECT model FROM models ORDER BY used DESC LIMIT -1 OFFSET ?"
                base.execute(f"DELETE FROM readings WHERE model IN ({old})", (MODELS,))  # noqa: S608
                base.execute(f"DELETE FROM models WHERE model IN ({old})", (MODELS,))  # noqa: S608
        except sqlite3.Error as error:
            log.warning("readings=not kept path=%s why=%s", self._path, error)

    def _open(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._path, timeout=10)
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = NORMAL")
        base.execute(
            "CREATE TABLE IF NOT EXISTS models"
            " (used INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT UNIQUE)"
        )
        base.execute(
            "CREATE TABLE IF NOT EXISTS readings (model TEXT, asked BLOB, said BLOB,"
            " PRIMARY KEY (model, asked)) WITHOUT ROWID"
        )
        return base
