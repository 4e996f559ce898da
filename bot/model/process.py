"""The model in a child process that has no power: no token, no secret, no network, no work tree.

The child is a fresh interpreter (never a fork of a process that has threads or torch) whose
environment is built here from a short list of names. Parent and child exchange JSON over a socket
pair. A call that takes too long, or a child that dies, is a ModelError; the next call starts a
new child. Calls come one at a time, so one thread owns the model.
"""

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

import msgspec

from bot.model.child import SPENT, Reply, Request
from bot.review import ModelInfo, Recalled
from finetune.processor import SPINS
from postil.answer import Anchor
from postil.errors import AdapterError, ConfigError, ModelError, PostilError
from postil.records import Window

log = logging.getLogger(__name__)

T = TypeVar("T")

HANDED_DOWN = frozenset(
    {
        "CUDA_VISIBLE_DEVICES",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "LD_LIBRARY_PATH",
        "MKL_NUM_THREADS",
        "OMP_NUM_THREADS",
        "PATH",
        "POSTIL_HOME",
        "SYSTEMROOT",
        "TMPDIR",
        "TZ",
    }
)
"""All that the child learns of our environment; HOME is not among it."""

FIXED = {
    "GOMP_SPINCOUNT": SPINS,
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "PYTHONSAFEPATH": "1",
    "PYTHONWARNINGS": "ignore",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
FAULTS = {"AdapterError": AdapterError, "ConfigError": ConfigError, "ModelError": ModelError}
LOAD_S = 600.0
CALL_S = 600.0
"""Longest call: scoring the most windows a review may have, on two slow cores."""


class ModelProcess:
    """A `bot.review.Model` in a child. A context manager.

    `factory` is `module:function`, imported in the child alone and called with what `find_spec`
    returns; nothing is found, started or loaded before the first call.
    """

    def __init__(
        self,
        info: ModelInfo,
        factory: str,
        find_spec: Callable[[], Mapping[str, str]],
        environment: Mapping[str, str],
        *,
        load_s: float = LOAD_S,
        call_s: float = CALL_S,
    ) -> None:
        self.info = info
        self._factory = factory
        self._find_spec = find_spec
        self._environment = scrubbed(environment)
        self._load_s = load_s
        self._call_s = call_s
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._loaded = False

    def __enter__(self) -> "ModelProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return self._child.pid if self._child else None

    def load(self) -> None:
        """Start the child, if there is none, and wait until it has loaded."""
        with self._turn:
            self._be_ready()

    def take_over(self, other: "ModelProcess") -> None:
        """Go on in the child of another, which has then ended; its base stays loaded if ours is
        the same, and else the child is ended too. Nothing is loaded before the first call."""
        with other._turn:
            if other.info.base != self.info.base:
                other._kill()
            self._child, self._pipe = other._child, other._pipe
            other._child = other._pipe = None

    def score(self, instructions: Sequence[str]) -> list[float]:
        """See `bot.review.Model`."""
        return self._ask("score", [list(instructions)], list[float])

    def gate(
        self, windows: Sequence[Window], scores: Sequence[float], newcomer: bool | None = None
    ) -> list[float]:
        """See `bot.review.Model`."""
        return self._ask("gate", [list(windows), list(scores), newcomer], list[float])

    def anchor_scores(self, window: Window, allowed: Sequence[Anchor]) -> list[float]:
        """See `bot.review.Model`."""
        return self._ask("anchor_scores", [window, list(allowed)], list[float])

    def write(
        self, instructions: Sequence[str], places: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """See `bot.review.Model`."""
        return self._ask("write", [list(instructions), list(places), max_tokens], list[str])

    def recall(self, windows: Sequence[Window], places: Sequence[Anchor]) -> list[list[Recalled]]:
        """See `bot.review.Model`."""
        return self._ask("recall", [list(windows), list(places)], list[list[Recalled]])

    def spent_s(self) -> float:
        """CPU-seconds of the child so far; 0 where there is none."""
        with self._turn:
            if self._child is None or not self._loaded:
                return 0.0
            reply = self._exchange(Request(method=SPENT, arguments=[]), self._call_s)
        return msgspec.json.decode(reply.value, type=float)

    def close(self) -> None:
        """End the child; a later call starts another."""
        with self._turn:
            self._kill()

    def _ask(self, method: str, arguments: list[object], kind: type[T]) -> T:
        with self._turn:
            self._be_ready()
            request = Request(method=method, arguments=_raw(arguments))
            reply = self._exchange(request, self._call_s)
        return msgspec.json.decode(reply.value, type=kind)

    def _be_ready(self) -> None:
        """Have a child that has loaded our adapter; one that was taken over keeps its base."""
        if self._child is not None and not self._loaded:
            try:
                self._load()
            except ModelError:  # it needs another base, or the child is gone
                self._kill()
        if self._child is None:
            self._start()

    def _load(self) -> None:
        """Have the child load; an AdapterError leaves it as it was."""
        paths = [path for path in sys.path if Path(path).is_absolute()]
        arguments: list[object] = [self._factory, dict(self._find_spec()), paths]
        self._exchange(Request(method="load", arguments=_raw(arguments)), self._load_s)
        told = self._exchange(Request(method="info", arguments=[]), self._call_s)
        own = msgspec.json.decode(told.value, type=ModelInfo)
        # whether it may be posted, and by which name, the child has no say in
        self.info = msgspec.structs.replace(self.info, threshold=own.threshold, note=own.note)
        self._loaded = True

    def _start(self) -> None:
        """Start a child and let it load; it reads nothing of the folder we are in."""
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-m", "bot.model.child", str(theirs.fileno())]
            self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=self._environment,
                cwd=os.sep,
                pass_fds=[theirs.fileno()],
            )
        self._pipe = Connection(ours.detach())
        log.info("model process started pid=%d", self._child.pid)
        try:
            self._load()
        except PostilError:
            self._kill()
            raise

    def _exchange(self, request: Request, limit_s: float) -> Reply:
        """Send one request and wait for its answer; without one in time the child is killed."""
        pipe = self._pipe
        assert pipe is not None  # noqa: S101 - there is a child
        try:
            pipe.send_bytes(msgspec.json.encode(request))
            if not pipe.poll(limit_s):
                self._kill()
                raise ModelError(f"the model took longer than {limit_s:.0f} s and was stopped")
            reply = msgspec.json.decode(pipe.recv_bytes(), type=Reply)
        except (EOFError, OSError) as error:
            code = self._kill()
            raise ModelError(
                f"the model process died with exit code {code} during {request.method};"
                " what it said stands above"
            ) from error
        except BaseException:  # an interrupt would leave an answer in the pipe, for the next call
            self._kill()
            raise
        if reply.fault:
            raise FAULTS.get(reply.fault, ModelError)(reply.message)
        return reply

    def _kill(self) -> int | None:
        """End the child now; its exit code, if it had ended by itself."""
        child, pipe = self._child, self._pipe
        self._child = self._pipe = None
        self._loaded = False
        if pipe is not None:
            pipe.close()
        if child is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            return child.wait(0.5)  # it ends by itself when its end of the pipe is closed
        child.kill()
        child.wait()
        return None


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """What the child may know: a short list of names, and what keeps it offline."""
    return {key: value for key, value in environment.items() if key in HANDED_DOWN} | FIXED


def _raw(arguments: list[object]) -> list[msgspec.Raw]:
    return [msgspec.Raw(msgspec.json.encode(argument)) for argument in arguments]
