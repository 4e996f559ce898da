"""The input `adapter`, in all its forms."""

import pytest

from bot.action.sources import Source, read_source
from postil.errors import ConfigError

SHA = "a" * 64


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("", Source(kind="promoted")),
        (" \n", Source(kind="promoted")),
        ("team/shop@v1.2", Source(kind="release", where="team/shop", part="v1.2")),
        (
            "team/shop@adapter/2026-11#shop.tar.gz",
            Source(kind="release", where="team/shop", part="adapter/2026-11", file="shop.tar.gz"),
        ),
        ("artifact:adapter", Source(kind="artifact", where="adapter")),
        (
            "artifact:retrain.yml/adapter",
            Source(kind="artifact", where="adapter", file="retrain.yml"),
        ),
        ("hub:team/shop@" + "b" * 40, Source(kind="hub", where="team/shop", part="b" * 40)),
        (
            f"https://example.org/a.tar.gz?x=1#sha256={SHA}",
            Source(kind="web", where="https://example.org/a.tar.gz?x=1", part=SHA),
        ),
        ("/srv/adapter", Source(kind="runner", where="/srv/adapter")),
        ("~/adapter", Source(kind="runner", where="~/adapter")),
        ("0123abcd", Source(kind="digest", where="0123abcd")),
        (".postil/adapter", Source(kind="base", where=".postil/adapter")),
        ("./team/shop@1", Source(kind="base", where="./team/shop@1")),
    ],
)
def test_every_form_is_told_from_the_others(text: str, source: Source) -> None:
    assert read_source(text) == source


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a.tar.gz",
        f"https://example.org/a.tar.gz#sha256={SHA[:-1]}",
        f"ftp://example.org/a#sha256={SHA}",
        "hub:team/shop",
        "artifact:",
        "artifact:a/b/c",
        "file:///etc/passwd",
    ],
)
def test_what_could_be_anything_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="adapter: "):
        read_source(text)
