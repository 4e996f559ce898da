"""Secrets and people: text in, the name of the first secret found or text without people out. Pure.

A sample with a secret is dropped, not masked: scanners miss part of what they find the edge of.
Three nets: the plugins of detect-secrets called on one line at a time (never its verification,
which asks servers), a table of formats that it lacks, and assignments of a random-looking value to
a name that says it is secret. Commit ids, checksums and code are no secrets by being random.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module

from detect_secrets.plugins.base import RegexBasedDetector

from mining.secret_formats import FORMATS

PLUGINS = {
    "artifactory": "ArtifactoryDetector",
    "aws": "AWSKeyDetector",
    "azure_storage_key": "AzureStorageKeyDetector",
    "cloudant": "CloudantDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "ibm_cloud_iam": "IbmCloudIamDetector",
    "ibm_cos_hmac": "IbmCosHmacDetector",
    "jwt": "JwtTokenDetector",
    "mailchimp": "MailchimpDetector",
    "npm": "NpmDetector",
    "openai": "OpenAIDetector",
    "private_key": "PrivateKeyDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "softlayer": "SoftlayerDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}
"""Left out: public addresses (versions look alike), keywords and entropy (below, for code)."""

NAMES = {f"f{i}": name for i, name in enumerate(FORMATS)}
FORMAT = re.compile("|".join(f"(?P<{n}>{FORMATS[name]})" for n, name in NAMES.items()))

LOGIN = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'`<>]{0,64}:(?P<value>[^\s:/@\"'`]{3,128})@")
"""A password in an address."""

ASSIGNED = re.compile(
    r"(?:passw(?:or)?d|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key"
    r"|private[_-]?key|credential|bearer|authorization)[\w-]{0,20}[\"'`]?\]?"
    r"\s{0,5}(?::=|=>|=|:|\s(?=[\"'`]))\s{0,5}(?:(?:\[\]byte|[a-z]{1,6})\()?[\"'`]?"
    r"(?:basic |bearer |token )?"
    r"(?P<value>[A-Za-z0-9+/_.~=!@#$%^&*-]{16,200})",
    re.IGNORECASE,
)
"""A name that says it is secret, and what it is set to."""

HEX = re.compile(r"(?:0x)?[0-9a-fA-F]+")
PLACEHOLDER = re.compile(
    r"[{}<>()\[\]]|%[sd]|%\w+%|^\$\w+$|\*{3}|example|sample|dummy|placeholder|changeme|secret|pass|token|your|test|fake"
    r"|xxx|\.\.\.|123456|postgres|tiger|^\w+\.\w+(?:\.\w+)*$|^(?:user|root|admin|guest|git|foo|bar)$",
    re.IGNORECASE,
)
"""What stands for a secret in code and texts, or names one."""

WORD_OR_NUMBER = re.compile(r"(?:[a-z]+|[A-Z]?[a-z]+(?:[A-Z][a-z]+)*|[A-Z]*)\d{0,3}|\d*")
"""Names in code are made of these."""

LEAST_BITS = 3.5
"""Bits a character; random base64 of 20 characters has about 4, words joined by _ about 3.3."""

LONGEST_LINE = 4000
OVERLAP = 500
"""Longer lines are read in pieces that overlap, so that no rule takes long on one."""

EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_][\w-]{0,62}")
"""RFC 5322's atoms, and any letters besides."""

CODE_OR_HANDLE = re.compile(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]*`)"
    r"|(?<![\w.@+/-])@(?P<name>[A-Za-z0-9_](?:-?[A-Za-z0-9_]){0,38}+)(?![(/@]|\.[a-z_])",
    re.DOTALL,
)
"""A handle is no scope (@angular/core), call (@retry(3)) or attribute (@app.route)."""

CODE_WORD = re.compile(
    r"abstractmethod|autowired|bean|before|cached_property|classmethod|contextmanager|dataclass"
    r"|deprecated|fixture|import|inject|inheritdoc|link|lru_cache|media|nonnull|notnull|nullable"
    r"|overload|override|param|property|pytest|returns?|see|since|staticmethod|test|throws|todo"
    r"|total_ordering|transactional|types|typing|value",
    re.IGNORECASE,
)
"""Decorators, annotations and documentation tags, as reviewers write them outside of code."""

NEUTRAL_EMAIL = "<email>"
NEUTRAL_HANDLE = "@someone"


def _load(module: str, name: str) -> RegexBasedDetector:
    plugin = getattr(import_module(f"detect_secrets.plugins.{module}"), name)()
    assert isinstance(plugin, RegexBasedDetector)  # noqa: S101 - our own table
    return plugin


DETECTORS = tuple(_load(module, name) for module, name in PLUGINS.items())


def find_secret(text: str) -> str | None:
    """What kind of secret the text holds; None: none was found. Never the secret itself."""
    return next(filter(None, map(_line_secret, _pieces(text))), None)


def _pieces(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        for start in range(0, max(len(line), 1), LONGEST_LINE):
            yield line[start : start + LONGEST_LINE + OVERLAP]


@lru_cache(maxsize=1 << 16)
def _line_secret(line: str) -> str | None:
    """The same lines come again in every revision of a file, hence the cache."""
    match = FORMAT.search(line)
    if match is not None:
        return NAMES[str(match.lastgroup)]
    for detector in DETECTORS:
        if any(detector.analyze_string(line)):
            return str(detector.secret_type)
    if any(not PLACEHOLDER.search(found["value"]) for found in LOGIN.finditer(line)):
        return "password in an address"
    if any(_looks_random(found["value"]) for found in ASSIGNED.finditer(line)):
        return "random value of a secret name"
    return None


def _looks_random(value: str) -> bool:
    """Whether a value is random and no hexadecimal number, placeholder, path or code."""
    if HEX.fullmatch(value) or PLACEHOLDER.search(value):
        return False
    if all(WORD_OR_NUMBER.fullmatch(part) for part in re.split(r"[\W_]+", value)):
        return False
    return entropy(value) >= LEAST_BITS


def entropy(text: str) -> float:
    """Shannon entropy of the characters, in bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def mask_people(text: str) -> str:
    """Put neutral words in place of e-mail addresses and, outside of code, of @handles."""
    return CODE_OR_HANDLE.sub(_neutral, EMAIL.sub(NEUTRAL_EMAIL, text))


def _neutral(match: re.Match[str]) -> str:
    if match["code"] is not None or CODE_WORD.fullmatch(match["name"]):
        return match[0]
    return NEUTRAL_HANDLE
