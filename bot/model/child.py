"""The child's side of `bot.model.process`: load what is named, then answer one request at a time.

    python -P -m bot.model.child DESCRIPTOR

No connection can be made from here, but to the one server of an adapter that is served: Python's
audit hook refuses it. That is a belt, not a wall; what counts is that there is nothing here worth
taking (no token, no secret).
An expected fault goes back as its class and its line; anything else ends the process.
"""

import importlib
import logging
import os
import socket
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from time import process_time
from typing import Any, Protocol, runtime_checkable
from urllib.parse import urlsplit

import msgspec

from bot.review import Model
from postil.answer import Anchor
from postil.errors import ModelError, PostilError
from postil.records import Window

REFUSED = frozenset({"socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"})
SERVED: set[tuple[str, int]] = set()
"""Host and port of the server that may be asked, by name and as addresses; empty for none."""

SPENT = "spent"
"""Asks for the CPU-seconds of this process."""


@runtime_checkable
class Turning(Protocol):
    """A model that can go on as another on what it has loaded."""

    def turned_to(self, spec: dict[str, str]) -> Model:
        """The other; ModelError where it needs a process of its own."""
        ...


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One call: a method and its arguments, each as JSON."""

    method: str
    arguments: list[msgspec.Raw]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Its value as JSON, or the class and the line of an expected fault."""

    value: msgspec.Raw = msgspec.Raw(b"null")
    fault: str = ""
    message: str = ""


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "info": (),
    "score": (list[str],),
    "gate": (list[Window], list[float], bool | None),
    "anchor_scores": (Window, list[Anchor]),
    "write": (list[str], list[Anchor], int),
    "recall": (list[Window], list[Anchor]),
}
"""The methods that may be called, and what they take. Nothing else can be asked for."""


def main() -> None:
    """Answer until the parent closes its end."""
    sys.addaudithook(_refuse_network)
    logging.disable(logging.WARNING)  # of libraries; ours go back as faults
    with Connection(int(sys.argv[1])) as pipe:
        try:
            _serve(pipe)
        except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
            os._exit(0)  # torch's own clearing up at exit can hang


def _serve(pipe: Connection) -> None:
    model: Model | None = None
    while True:
        request = msgspec.json.decode(pipe.recv_bytes(), type=Request)
        try:
            value: object = None
            if request.method == "load":
                model = _load(request.arguments, model)
            else:
                value = process_time() if request.method == SPENT else _call(model, request)
            reply = Reply(value=msgspec.Raw(msgspec.json.encode(value)))
        except PostilError as error:
            reply = Reply(fault=type(error).__name__, message=str(error))
        pipe.send_bytes(msgspec.json.encode(reply))


def _load(arguments: list[msgspec.Raw], before: Model | None) -> Model:
    """Import the factory and call it, or turn what is loaded to the other adapter; folders of the
    parent's path come last."""
    factory, raw, paths = arguments
    spec = msgspec.json.decode(raw, type=dict[str, str])
    _allow(spec.get("url", ""))
    if isinstance(before, Turning):
        return before.turned_to(spec)
    known = set(sys.path)
    sys.path += [path for path in msgspec.json.decode(paths, type=list[str]) if path not in known]
    module, _, name = msgspec.json.decode(factory, type=str).partition(":")
    make: Callable[[dict[str, str]], Model] = getattr(importlib.import_module(module), name)
    return make(spec)


def _call(model: Model | None, request: Request) -> object:
    kinds = ARGUMENTS.get(request.method)
    if model is None or kinds is None:
        raise ModelError(f"the model cannot be asked for {request.method!r}")
    values = [
        msgspec.json.decode(raw, type=kind)
        for raw, kind in zip(request.arguments, kinds, strict=True)
    ]
    member = getattr(model, request.method)
    return member(*values) if callable(member) else member


def _allow(url: str) -> None:
    """Let the server of the adapter that is loaded be reached, and nothing else."""
    SERVED.clear()
    parts = urlsplit(url)
    if not parts.hostname:
        return
    host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    SERVED.add((host, port))
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ModelError(f"{host}: no such server: {error}") from error
    SERVED.update((str(address[0]), port) for *_, address in found)


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in REFUSED:
        return
    asked = arguments[1] if event == "socket.connect" else arguments[:2]
    if event in ("socket.connect", "socket.getaddrinfo") and tuple(asked[:2]) in SERVED:
        return
    raise PermissionError(f"{event}: the model has no network")


if __name__ == "__main__":
    main()
