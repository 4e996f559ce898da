"""A git process that stays and is asked many times: lines in, bytes out.

Only one question is open at a time, so whatever can be read belongs to its answer.
"""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import git

PIECE = 1 << 16
"""Bytes read at once: as many as a pipe holds on Linux."""


class GitProcess:
    """Runs `git COMMAND…` in the environment of `where`."""

    def __init__(self, where: git.Git, *command: str) -> None:
        started: Any = where.execute(["git", *command], as_process=True, istream=subprocess.PIPE)
        self._started = started
        # Taken out of GitPython's wrapper, which looks them up anew at every call.
        self._stdin, self._stdout = started.stdin, started.stdout
        self.read, self.read_line = self._stdout.read, self._stdout.readline

    def ask(self, lines: Sequence[str]) -> None:
        """Send lines; BrokenPipeError where git has ended."""
        self._stdin.write("".join(f"{line}\n" for line in lines).encode())
        self._stdin.flush()

    def read_until(self, last: bytes) -> bytes | None:
        """All that comes before the line `last`, which ends the answer; None where git ended."""
        mark = b"\n" + last + b"\n"
        found = bytearray(b"\n")
        while not found.endswith(mark):
            piece = self._stdout.read1(PIECE)
            if not piece:
                return None
            found += piece
        return bytes(memoryview(found)[1 : 1 - len(mark)])  # its last newline included

    def records(self) -> Iterator[str]:
        """Texts between zero bytes, up to the end; bytes that are not UTF-8 are replaced."""
        begun: list[bytes] = []
        while piece := self._stdout.read1(PIECE):
            whole, zero, rest = piece.rpartition(b"\0")
            if zero:
                text = b"".join((*begun, whole)).decode("utf-8", "replace")
                yield from text.split("\0")
                begun.clear()
            begun.append(rest)
        if last := b"".join(begun):
            yield last.decode("utf-8", "replace")

    def close(self) -> None:
        """End it, in the middle of an answer as well."""
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        self._stdout.close()
        self._started.stderr.close()
        self._started.proc.wait()
