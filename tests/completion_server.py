"""A server that speaks OpenAI's completions, on 127.0.0.1; says what it is told to say.

Ours: it checks that a question has the fields of https://platform.openai.com/docs/api-reference/completions
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]

Say = Callable[[str], str]
"""The text after a prompt."""


class CompletionServerFake:
    """`fault`: a status and a body that are sent instead of every answer; None for the body: the
    connection is cut. `cuts` answers are cut off before the others are given."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.fault: tuple[int, bytes] | None = None
        self.headers: dict[str, str] = {}
        self.cuts = 0
        self.asked: list[Json] = []
        self.paths: list[str] = []
        self.url = ""

    @contextmanager
    def serve(self) -> Iterator["CompletionServerFake"]:
        """Listen in a thread."""
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                host.paths.append(self.path)
                host.asked.append(asked)
                if host.cuts:
                    host.cuts -= 1
                    self.close_connection = True
                    return
                status, body = host.fault or host.reply(asked)
                self.send_response(status)
                for name, value in host.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def reply(self, asked: Json) -> tuple[int, bytes]:
        """Status and body."""
        return 200, self.answer(asked)

    def answer(self, asked: Json) -> bytes:
        """A completion of one prompt."""
        assert isinstance(asked["prompt"], str) and asked["model"] and asked["max_tokens"] > 0
        choice = {"index": 0, "text": self.say(asked["prompt"]), "finish_reason": "stop"}
        return json.dumps({"object": "text_completion", "choices": [choice]}).encode()
