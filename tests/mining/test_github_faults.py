"""The live source through limits, faults and sign-in: it waits, goes on, or says so in one line."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mining.clients import Access, api_url_of
from mining.commands import open_source
from mining.sources import RawPayload
from mining.sources.github import GitHub
from postil.errors import ConfigError, SourceError, UsageError
from tests.archive_server import TOKEN, Answer, ArchiveServer
from tests.mining.archive_builder import REPO, comment
from tests.mining.github_bench import NOW, Asked, Json, changes, moved

pytestmark = pytest.mark.usefixtures("schema")


@pytest.mark.parametrize(
    ("answer", "waits"),
    [
        (Answer(403, {"message": "slow"}, {"Retry-After": "17"}), [17.0]),
        (Answer(429, {"message": "You have exceeded a secondary rate limit"}), [60.0]),
        (
            Answer(
                200,
                {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]},
                {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 2399)},
            ),
            [2400.0],
        ),
    ],
)
def test_a_rate_limit_is_waited_for_exactly_and_said(
    server: ArchiveServer, answer: Answer, waits: list[float]
) -> None:
    server.faults[2] = answer
    asked = Asked(server)
    assert len(asked.all()) == 60
    assert asked.waits == waits
    assert asked.told == [f"GitHub limits our rate; waiting {waits[0]:.0f} s"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(502, {}),
        Answer(200, {"data": None, "errors": [{"message": "Something went wrong"}]}),
        Answer(200, {"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": "too many"}]}),
        Answer(200, {}),
    ],
)
def test_a_question_too_large_is_halved_and_grows_again(
    server: ArchiveServer, answer: Answer
) -> None:
    server.faults = {1: answer, 2: answer}
    asked = Asked(server)
    assert len(asked.all()) == 60
    assert [q["variables"]["first"] for q in server.seen] == [12, 24, 48]
    assert asked.waits == [1.0, 2.0]


def test_a_fault_while_open_ends_are_followed_asks_for_the_page_again(
    records: dict[int, Json], server: ArchiveServer
) -> None:
    talk = [comment(5000 + n, created_at=f"2024-05-02T09:00:{n:02}Z") for n in range(50)]
    records[30] = moved(30, 30, comments=talk)
    server.faults = {2: Answer(502, {})}
    asked = Asked(server)
    found = changes(asked.all())
    assert len(found) == 60
    assert len(found["30"].threads) == 50
    assert asked.waits == [1.0]


def test_a_server_that_never_answers_is_given_up_in_one_line(server: ArchiveServer) -> None:
    server.faults = {n: Answer(502, {}) for n in range(1, 50)}
    with pytest.raises(SourceError, match=r"GitHub fails to answer: 502"):
        Asked(server).all()
    assert len(server.requests) < 12


def test_a_token_revoked_in_the_middle_keeps_what_came_before(server: ArchiveServer) -> None:
    server.faults[2] = Answer(401, {"message": "Bad credentials"})
    came: list[RawPayload] = []
    with pytest.raises(SourceError, match=r"expired or was revoked.*the same command goes on"):
        for payload in Asked(server).source.fetch(None, None):
            came.append(payload)
    assert len(came) == 50
    rest = Asked(server).all(came[-1].mark)
    assert len({p.key for p in (*came, *rest)}) == 60


def test_a_repository_that_is_gone_or_renamed_is_one_line(server: ArchiveServer) -> None:
    access = Access(github_token=TOKEN)
    gone = GitHub(f"{server.address}/no/such", None, None, access)
    with pytest.raises(SourceError, match=r"no/such: there is no such repository, or the token"):
        list(gone.fetch(None, None))
    renamed = GitHub(f"{server.address}/old/name", None, None, access)
    with pytest.raises(SourceError, match=f"old/name is called {REPO} now: mine github:{REPO}"):
        list(renamed.fetch(None, None))


def test_a_forbidden_part_is_said(server: ArchiveServer) -> None:
    said = "Resource not accessible by personal access token"
    server.faults[1] = Answer(
        200, {"data": None, "errors": [{"type": "FORBIDDEN", "message": said}]}
    )
    with pytest.raises(SourceError, match=said):
        Asked(server).all()


def test_a_mark_that_github_no_longer_takes_starts_over(server: ArchiveServer) -> None:
    asked = Asked(server)
    assert len(asked.all("forgotten")) == 60
    assert "starting over" in asked.told[0]


def test_the_token_goes_to_no_other_host_that_an_answer_points_to(
    records: dict[int, Json],
) -> None:
    with ArchiveServer(REPO, records, graphql=False).serve() as server:
        page = [record["pull"] for record in records.values()]
        link = f'<https://elsewhere.example/api/v3/repos/{REPO}/pulls?page=9>; rel="next"'
        server.faults[2] = Answer(200, page, {"Link": link})  # type: ignore[arg-type]
        assert len(Asked(server).all()) == 60
        assert server.requests[2] == f"GET /repos/{REPO}/pulls?page=9"


def test_rest_waits_out_a_fault_and_gives_up_after_four(records: dict[int, Json]) -> None:
    with ArchiveServer(REPO, records, graphql=False).serve() as server:
        server.faults = {3: Answer(503, {})}
        asked = Asked(server)
        assert len(asked.all()) == 60
        assert asked.waits == [1.0]
        server.faults = {len(server.requests) + n: Answer(503, {}) for n in range(2, 9)}
        with pytest.raises(SourceError, match=r"answered 503 5 times"):
            Asked(server).all()


def write_key(file: Path) -> None:
    """A new private key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )


def test_an_app_that_the_server_registered_mines_as_well(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `postil retrain` by the server's clock must, where nobody set a token."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "id").write_text("7\n")
    write_key(tmp_path / "app" / "key.pem")
    server.installation = 42
    for name in ("GITHUB_TOKEN", "POSTIL_APP_ID", "POSTIL_PRIVATE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    source, _ = open_source(f"github:{server.where}", None, None, tmp_path)
    assert len(list(source.fetch(None, None))) == 60
    monkeypatch.setenv("GITHUB_TOKEN", "wrong")
    source, _ = open_source(f"github:{server.where}", None, None, tmp_path)
    with pytest.raises(SourceError, match="GITHUB_TOKEN"):
        list(source.fetch(None, None))


def test_an_app_signs_in_with_its_key(server: ArchiveServer, tmp_path: Path) -> None:
    file = tmp_path / "app.pem"
    write_key(file)
    access = Access(app_id="7", private_key_file=str(file))
    with pytest.raises(SourceError, match=r"the App cannot sign in"):
        GitHub(server.where, None, None, access)
    server.installation = 42
    assert len(list(GitHub(server.where, None, None, access).fetch(None, None))) == 60
    file.write_text("no key", encoding="utf-8")
    with pytest.raises(SourceError, match=r"the App cannot sign in"):
        GitHub(server.where, None, None, access)


def test_nobody_is_asked_without_a_way_to_sign_in() -> None:
    with pytest.raises(ConfigError, match=r"GITHUB_TOKEN"):
        GitHub("a/b", None, None, Access())
    with pytest.raises(ConfigError, match=r"POSTIL_PRIVATE_KEY_FILE"):
        GitHub("a/b", None, None, Access(app_id="7"))
    with pytest.raises(ConfigError, match=r"cannot be read"):
        GitHub("a/b", None, None, Access(app_id="7", private_key_file="/no/such"))
    assert "secret" not in repr(Access(github_token="secret"))


@pytest.mark.parametrize("where", ["name", "a/b/c", "https://github.com/", "a/"])
def test_a_place_that_names_no_repository_is_refused(where: str) -> None:
    with pytest.raises(UsageError, match=r"OWNER/NAME"):
        GitHub(where, None, None, Access(github_token=TOKEN))


def test_addresses_of_github_and_of_enterprise() -> None:
    assert api_url_of("a/b") == ("https://api.github.com", "a/b")
    assert api_url_of("https://github.com/a/b.git") == ("https://api.github.com", "a/b")
    assert api_url_of("https://git.corp:8443/a/b") == ("https://git.corp:8443/api/v3", "a/b")
