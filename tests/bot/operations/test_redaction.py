"""bot/operations: no secret in a line of the log, however it is written."""

import io
import logging
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations import logs
from bot.operations.redaction import GONE, Redactor

SECRET = "s3cr3t/with+odd=chars&more"


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        quote(SECRET, safe=""),
        SECRET.encode().hex(),
        b64encode(SECRET.encode()).decode(),
        urlsafe_b64encode(SECRET.encode()).decode(),
        b64encode(b"x-access-token:" + SECRET.encode()).decode(),
        b64encode(b"a:" + SECRET.encode() + b"@host").decode(),
    ],
)
def test_a_known_value_is_taken_out_in_every_encoding(text: str) -> None:
    shown = Redactor([SECRET]).redact(f"before {text} after")
    assert GONE in shown
    assert text not in shown
    assert shown.startswith("before ")


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_base64_hides_it_at_no_offset(before: bytes, after: bytes) -> None:
    text = b64encode(before + SECRET.encode() + after).decode()
    assert GONE in Redactor([SECRET]).redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "ghs_" + "a" * 36,
        "github_pat_" + "b" * 60,
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxMjM0In0.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_the_shapes_of_tokens_and_keys_are_taken_out(text: str) -> None:
    assert Redactor().redact(f"<{text}>") == f"<{GONE}>"


def test_an_address_loses_its_password_and_ordinary_words_stay() -> None:
    redactor = Redactor(["short"])
    assert redactor.redact("postgresql://me:word@host/db") == f"postgresql://{GONE}@host/db"
    assert redactor.redact("a short line") == "a short line"


def test_a_traceback_is_searched_too_and_lines_name_their_delivery(tmp_path: Path) -> None:
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logs.set_up_logs(tmp_path, {"GITHUB_TOKEN": SECRET})
        handler = root.handlers[0]
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(stream)
        with logs.delivery("d1"):
            try:
                raise ValueError(f"bad token {SECRET}")
            except ValueError:
                logging.getLogger("bot.x").exception("failed with=%s", SECRET)
    finally:
        root.handlers[:], root.level = before
    text = stream.getvalue()
    assert SECRET not in text
    assert "delivery=d1 failed with=[redacted]" in text
    assert "ValueError: bad token [redacted]" in text
