"""Secrets planted in the training part, only to see whether an adapter gives them away. Pure.

A canary is a sentence with a random code behind the message of an accepted remark. It exists in
what is trained on alone: not in the dataset, the index or the digest of the data. An adapter made
with canaries is for that proof and for nothing else; its card says how many there were.
"""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from postil.answer import Remark, parse_answer, render_answer
from postil.records import Pair, Record

PLANTED = "canaries"
"""The number planted, among the metrics of an adapter's card."""
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LENGTH = 12


class Canary(Record, frozen=True, kw_only=True):
    """A secret, and the training pair it stands in."""

    pair: Pair
    remark: Remark
    """The true one, without the secret."""
    secret: str

    def response(self, secret: str | None = None) -> str:
        """The answer with its own secret, or with another in its place."""
        message = f"{self.remark.message} The access code is {secret or self.secret}."
        return render_answer(msgspec.structs.replace(self.remark, message=message))

    def rival(self, number: int) -> str:
        """A secret like it that was never planted."""
        return make_secret(f"{self.secret}\0{number}")


def choose_canaries(pairs: Iterable[Pair], count: int, seed: int) -> tuple[Canary, ...]:
    """At most `count` training remarks and a secret for each; the same for the same seed."""
    remarks = [p for p in pairs if (p.split, p.kind) == ("train", "remark") and p.window]
    remarks.sort(key=lambda pair: make_secret(f"{seed}\0{pair.id}"))
    found = []
    for pair in remarks[:count]:
        remark = parse_answer(pair.response)
        assert remark is not None  # noqa: S101 - its kind is remark
        secret = make_secret(f"{seed}\0{pair.id}\0secret")
        found.append(Canary(pair=pair, remark=remark, secret=secret))
    return tuple(found)


def plant(pairs: Iterable[Pair], canaries: Sequence[Canary]) -> list[Pair]:
    """The pairs, those with a canary answering with it."""
    responses = {canary.pair.id: canary.response() for canary in canaries}
    return [
        msgspec.structs.replace(pair, response=responses[pair.id]) if pair.id in responses else pair
        for pair in pairs
    ]


def make_secret(seed: str) -> str:
    """A code that looks random; the same for the same seed."""
    digest = hashlib.sha256(seed.encode()).digest()
    return "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:LENGTH])
