"""A built dataset: its pairs, and what was kept and dropped on the way to them."""

from collections import Counter

import msgspec

from mining.examples import Funnel
from mining.licence import Licence
from postil.records import Pair


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset as it was written."""

    pairs: tuple[Pair, ...]
    funnel: Funnel
    dropped: Counter[str]
    licence: Licence
    sha256: str
