"""bot/door/signature.py: nothing that was not signed with our secret gets through."""

import random
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.door.signature import load_marker_key, load_secret, sign, verify
from postil.errors import ConfigError, SignatureError

SECRET = b"It's a Secret to Everybody, but a longer one"
BODY = b'{"action": "opened", "number": 7, "text": "\xc3\xa4"}'


def test_githubs_own_example_is_accepted() -> None:
    """https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries"""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    verify(b"It's a Secret to Everybody", b"Hello, World!", signature)


def test_what_we_sign_is_accepted() -> None:
    verify(SECRET, BODY, sign(SECRET, BODY))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        sign(SECRET, BODY).removeprefix("sha256="),
        sign(SECRET, BODY).replace("sha256=", "sha1="),
        sign(SECRET, BODY).upper(),
        sign(SECRET, BODY) + " ",
        sign(SECRET, BODY)[:-1],
        "sha256=" + "0" * 64,
        "sha256=ä漢\udce4",
    ],
)
def test_a_wrong_header_is_refused(header: str | None) -> None:
    with pytest.raises(SignatureError):
        verify(SECRET, BODY, header)


@given(data=st.data())
def test_no_mutated_delivery_is_accepted(data: st.DataObject) -> None:
    """Body, signature or secret changed by one byte, bit, insertion, cut or wholly."""
    which, at = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 200))
    check_mutated(which, at, data.draw(st.integers(0, 5)), data.draw(st.binary(min_size=1)))


def test_ten_thousand_mutated_deliveries_are_refused() -> None:
    chance = random.Random(7)
    for _ in range(10_000):
        check_mutated(
            chance.randrange(3),
            chance.randrange(200),
            chance.randrange(6),
            b"%c" % chance.randrange(256),
        )


def check_mutated(which: int, at: int, how: int, byte: bytes) -> None:
    """Change one of secret, body and signature at a place; it must be refused."""
    texts = [SECRET, BODY, sign(SECRET, BODY).encode()]
    before = texts[which]
    at %= len(before)
    flipped = bytes([before[at] ^ (1 << byte[0] % 8)])
    texts[which] = (
        before[:at] + byte + before[at + 1 :],
        before[:at] + byte + before[at:],
        before[:at] + before[at + 1 :],
        before[:at] + flipped + before[at + 1 :],
        before[:at],
        byte,
    )[how]
    secret, body, header = texts
    if texts[which] == before:
        verify(secret, body, header.decode("latin-1"))
        return
    with pytest.raises(SignatureError):
        verify(secret, body, header.decode("latin-1"))


@given(st.text(), st.binary(max_size=64), st.binary(min_size=1, max_size=64))
def test_no_header_breaks_the_check(header: str, body: bytes, secret: bytes) -> None:
    with pytest.raises(SignatureError):
        verify(secret, body, header)


def test_a_secret_comes_from_the_environment_or_from_a_file(tmp_path: Path) -> None:
    secret = "s" * 32
    file = tmp_path / "secret"
    file.write_text(secret + "\n")
    assert load_secret({"POSTIL_WEBHOOK_SECRET": secret}) == secret.encode()
    assert load_secret({"POSTIL_WEBHOOK_SECRET_FILE": str(file)}) == secret.encode()


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "no webhook secret"),
        ({"POSTIL_WEBHOOK_SECRET": ""}, "no webhook secret"),
        ({"POSTIL_WEBHOOK_SECRET": "s" * 31}, "31 characters; at least 32"),
        ({"POSTIL_WEBHOOK_SECRET_FILE": "/no/such/file"}, "cannot be read"),
    ],
)
def test_no_start_without_a_good_secret(environment: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load_secret(environment)
    assert "ssss" not in str(caught.value)


def test_an_empty_secret_file_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    with pytest.raises(ConfigError, match="no webhook secret"):
        load_secret({"POSTIL_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")})


def test_the_marker_key_is_made_once_and_only_ours_to_read(tmp_path: Path) -> None:
    key = load_marker_key(tmp_path / "home")
    assert load_marker_key(tmp_path / "home") == key
    assert stat.S_IMODE((tmp_path / "home" / "marker.key").stat().st_mode) == 0o600
    assert load_marker_key(tmp_path / "other") != key
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["marker.key"]


def test_a_broken_marker_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "marker.key").write_bytes(b"")
    with pytest.raises(ConfigError, match="not a key of ours"):
        load_marker_key(tmp_path)
