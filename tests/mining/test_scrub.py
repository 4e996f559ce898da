"""Secrets are found wherever they stand; people are masked."""

import gzip
import json
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mining.scrub import EMAIL, LONGEST_LINE, OVERLAP, find_secret, mask_people

REVIEWS = Path(__file__).parents[2] / "../shared/data/reviews"

UPPER = string.ascii_uppercase + string.digits
ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "_-"


def token(prefix: str, alphabet: str, size: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=size, max_size=size).map(prefix.__add__)


def joined(*parts: st.SearchStrategy[str], by: str = "") -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(by.join)


PLANTED = {
    "ghp_": token("ghp_", ALNUM, 36),
    "gho_": token("gho_", ALNUM, 36),
    "ghs_": token("ghs_", ALNUM, 36),
    "github_pat_": joined(token("github_pat_", ALNUM, 22), token("", ALNUM, 59), by="_"),
    "AKIA": token("AKIA", UPPER, 16),
    "ASIA": token("ASIA", UPPER, 16),
    "xoxb": joined(
        token("xoxb-", string.digits, 12),
        token("", string.digits, 12),
        token("", ALNUM, 24),
        by="-",
    ),
    "xoxp": token("xoxp-", ALNUM, 40),
    "sk_live": token("sk_live_", ALNUM, 24),
    "rk_test": token("rk_test_", ALNUM, 24),
    "PEM": st.sampled_from(
        [
            f"-----BEGIN {kind}PRIVATE KEY{block}-----"
            for kind in ("", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", "PGP ")
            for block in ("", " BLOCK")
        ]
    ),
    "JWT": joined(
        token("eyJ", URLSAFE, 33), token("eyJ", URLSAFE, 40), token("", URLSAFE, 43), by="."
    ),
    "AIza": token("AIza", URLSAFE, 35),
    "glpat": token("glpat-", URLSAFE, 20),
    "npm_": token("npm_", ALNUM, 36),
    "hf_": token("hf_", string.ascii_letters, 34),
    "sk-ant": token("sk-ant-api03-", URLSAFE, 95),
    "SG": joined(token("SG.", URLSAFE, 22), token("", URLSAFE, 43), by="."),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_token_is_found_in_any_surrounding_text(kind: str) -> None:
    @given(st.text(), PLANTED[kind], st.text())
    def found(before: str, planted: str, after: str) -> None:
        assert find_secret(before + planted + after) is not None

    found()


@pytest.mark.parametrize("at", range(LONGEST_LINE - 60, LONGEST_LINE + OVERLAP + 60, 20))
def test_a_token_is_found_across_the_pieces_of_a_long_line(at: int) -> None:
    assert find_secret("x" * at + "ghp_" + "aB3" * 12 + "y" * 9000) == "GitHub token"


def test_what_was_found_is_named_and_never_shown() -> None:
    assert find_secret("a\nkey = 'AKIAQYLPMN5HHHFPZAM2'\n") == "AWS access key"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("db = 'postgres://ann:gT5!kPq2@db:5432/x'", "password in an address"),
        ("api_key = 'q8Zk2mWn4xTb7LsVd0Hy'", "random value of a secret name"),
        ("Authorization: Bearer q8Zk2mWn4xTb7LsVd0HyRc", "random value of a secret name"),
        ('"client_secret": "q8Zk2-mWn4xTb7L_sVd0HyRc"', "random value of a secret name"),
        ("PASSWORD=tR5$gh!kq2PzLm9wXy", "random value of a secret name"),
        ("token := []byte('q8Zk2mWn4xTb7LsVd0Hy')", "random value of a secret name"),
        ("AccountKey=" + "a1B2" * 21 + "ab==", "Azure Storage Account access key"),
    ],
)
def test_secrets_without_a_format_are_known_by_where_they_stand(text: str, kind: str) -> None:
    assert find_secret(text) == kind


HARMLESS = """
commit 168c92011f5ddae8d7fe28d166b68f126459548a
sha256: bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
secret = "e4ad8d293ebf5287e2403e6483ecb6c4e80b22b2d3effc8698dfe34eb35fc946"
token_hash = 0x9e3779b97f4a7c15f39cc0605cedc834
password = "changeme"
password = os.environ["HARBOUR_DATABASE_PASSWORD"]
token = settings.github.access_token_path
secret_name = "v1-localnet-validators-private-keys"
secretKeyFactory = SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
secp256k1_ellswift_xdh(ctx, shared_secret2, ellswift_pubkey1, ellswift_pubkey2)
api_key: str = "your-api-key-goes-here"
postgres://postgres:postgres@db:5432/harbour
url = "mysql://user:pass@hostname/dbname"
secret: $HARBOUR_SECRET_FROM_VAULT_2
manifest_server.replace('://', '://%s:%s@' % (user, password))
if token.kind == TokenKind.LeftParenthesis:
access_key = "xxxxxxxxxxxxxxxxxxxxxxxx"
integrity sha512-q8Zk2mWn4xTb7LsVd0HyRcq8Zk2mWn4xTb7LsVd0HyRc==
""".strip()


@pytest.mark.parametrize("line", HARMLESS.splitlines())
def test_commit_ids_code_and_placeholders_are_no_secrets(line: str) -> None:
    assert find_secret(line) is None


def test_nothing_is_found_in_nothing() -> None:
    assert find_secret("") is None


@given(st.from_regex(r"[0-9a-f]{7,64}", fullmatch=True))
def test_no_hexadecimal_number_is_a_secret(number: str) -> None:
    assert find_secret(f"secret = '{number}'") is None


@pytest.mark.skipif(not REVIEWS.exists(), reason="the shared review samples are not here")
def test_real_reviewed_code_holds_next_to_no_secret() -> None:
    lines: set[str] = set()
    with gzip.open(REVIEWS / "git-repo.jsonl.gz") as file:
        for record in map(json.loads, file):
            lines.update(record["diff_hunk"].split("\n"), record["comment"].split("\n"))
    assert len(lines) > 20_000
    assert sum(find_secret(line) is not None for line in lines) <= 2


@given(st.text(), st.emails(), st.text())
def test_no_email_is_left(before: str, email: str, after: str) -> None:
    masked = mask_people(before + email + after)
    assert email not in masked
    assert EMAIL.search(masked) is None


@given(st.text())
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert mask_people(mask_people(text)) == mask_people(text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("@sipa, please look", "@someone, please look"),
        ("I agree with @real-or-random.", "I agree with @someone."),
        ("cc @jdoe_acme (and @b)", "cc @someone (and @someone)"),
        ("TODO(@ann): rename", "TODO(@someone): rename"),
        ("write ann@example.org now", "write <email> now"),
        ("`@retry` and @app.route and @angular/core", "`@retry` and @app.route and @angular/core"),
        ("make it a @property, not @staticmethod", "make it a @property, not @staticmethod"),
        ("use @retry(3) here", "use @retry(3) here"),
        ("```\n@fixture_of_ours\n```\n@ann", "```\n@fixture_of_ours\n```\n@someone"),
        ("a @ b, x@y and 5@", "a @ b, x@y and 5@"),
        ("```\nann@example.org", "```\n<email>"),
    ],
)
def test_people_are_masked_and_code_is_left(text: str, masked: str) -> None:
    assert mask_people(text) == masked


@pytest.mark.parametrize(
    "piece", ["a@", "@a-", "`", "```", "://a:", "token = ", "eyJa.", "a.", "-----BEGIN "]
)
def test_hostile_text_costs_no_time(piece: str) -> None:
    text = piece * (65536 // len(piece))
    find_secret(text)
    mask_people(text)
