"""The client of a completion server, against a real one on this machine."""

from collections.abc import Iterator

import pytest

from finetune.engines import Complete
from finetune.engines.openai import CompletionServer
from postil.errors import ModelError
from tests.completion_server import CompletionServerFake


@pytest.fixture
def server() -> Iterator[CompletionServerFake]:
    with CompletionServerFake(str.upper).serve() as fake:
        yield fake


@pytest.fixture
def client(server: CompletionServerFake) -> Iterator[CompletionServer]:
    made = CompletionServer(server.url, "qwen")
    yield made
    made.close()


def test_prompts_are_answered_in_their_order(
    server: CompletionServerFake, client: CompletionServer
) -> None:
    complete: Complete = client.complete
    assert complete(["one", "two"], 5) == ["ONE", "TWO"]
    assert server.paths == ["/v1/completions"] * 2
    assert server.asked[0] == {
        "model": "qwen",
        "prompt": "one",
        "max_tokens": 5,
        "temperature": 0,
        "stop": ["\n\n"],
    }


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_the_address_may_end_as_people_write_it(end: str) -> None:
    assert CompletionServer(f"http://h:1{end}", "m").address == "http://h:1/v1/completions"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b"{}", "answered 404, not a completion"),
        (500, b"oops", "answered 500"),
        (200, b"oops", "its answer is no completion"),
        (200, b'{"choices": []}', "its answer is no completion"),
        (200, b'{"choices": [{"text": 3}]}', "its answer is no completion"),
    ],
)
def test_any_other_answer_is_one_line_and_final(
    server: CompletionServerFake, client: CompletionServer, status: int, body: bytes, said: str
) -> None:
    server.fault = (status, body)
    with pytest.raises(ModelError, match=said) as caught:
        client.complete(["one"], 5)
    assert str(caught.value).startswith(server.url)
    assert "\n" not in str(caught.value)
    assert len(server.asked) == 1


def test_no_redirect_is_followed(server: CompletionServerFake, client: CompletionServer) -> None:
    with CompletionServerFake(str.upper).serve() as elsewhere:
        server.fault = (307, b"")
        server.headers = {"Location": f"{elsewhere.url}/v1/completions"}
        with pytest.raises(ModelError, match="answered 307"):
            client.complete(["one"], 5)
        assert elsewhere.asked == []


def test_no_proxy_and_no_password_of_the_environment_is_used(
    server: CompletionServerFake, client: CompletionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert client.complete(["one"], 5) == ["ONE"]


def test_a_connection_cut_before_the_answer_is_made_once_more(
    server: CompletionServerFake, client: CompletionServer
) -> None:
    server.cuts = 1
    assert client.complete(["one"], 5) == ["ONE"]
    server.cuts = 2
    with pytest.raises(ModelError, match="cannot be reached"):
        client.complete(["one"], 5)
    assert len(server.asked) == 4


def test_a_server_that_is_not_there_is_one_line() -> None:
    client = CompletionServer("http://127.0.0.1:9", "m")
    with pytest.raises(ModelError, match="cannot be reached: ConnectionError"):
        client.complete(["one"], 5)
    client.close()
