"""What we said before on a pull request -> what is not said again, and what is settled. Pure.

Places are known again by content (DESIGN.md §3a), so that neither a rebase nor a force-push makes
a remark come twice. Lines whose neighbours changed are still the lines we spoke of.
"""

from collections import Counter
from collections.abc import Sequence

from bot.saying.placement import PlacedFinding, find_places
from postil.diff import FileDiff
from postil.marker import text_key, words_key
from postil.records import PostedComment, Record


class Earlier(Record, frozen=True, kw_only=True):
    """All that we said on one pull request, held against its diff as it is now.

    `moved` counts, by text key, comments on lines that are still there but not at their place;
    `refused` are keys of the words that a person wanted none of, `mended` keys of words and of the
    line before or after those that they were said of and that were changed since.
    """

    places: frozenset[str]
    moved: dict[str, int]
    refused: frozenset[str]
    mended: frozenset[tuple[str, str]]
    gone: tuple[PostedComment, ...]
    """Line comments on lines that are not part of the change any more, and not settled yet."""


def look_back(
    earlier: Sequence[PostedComment], files: Sequence[FileDiff], repo: str, pull: int
) -> Earlier:
    """Sort out what stands on the host."""
    once = {one.place: one for one in reversed(earlier) if one.text}
    wanted = {(one.text, one.rows) for one in once.values()}
    now = find_places(files, wanted, repo, pull)
    comments = [one for one in earlier if one.said_in == "comment" and one.text]
    live = {one.place for one in earlier if one.said_in != "summary"}
    lost = [one for one in once.values() if one.place not in live]
    mended = [one for one in once.values() if not now[one.text]]
    refused = [one for one in comments if one.dismissed or (_shut(one) and now[one.text])]
    return Earlier(
        places=frozenset(one.place for one in earlier),
        moved=dict(Counter(o.text for o in once.values() if o.place not in now[o.text])),
        refused=frozenset(one.words for one in (*refused, *lost) if one.words),
        mended=frozenset((one.words, line) for one in mended for line in one.around if line),
        gone=tuple(one for one in comments if one.open and not one.settled and not now[one.text]),
    )


def unsaid(placed: Sequence[PlacedFinding], earlier: Earlier) -> list[PlacedFinding]:
    """What is new: each place once, none that was spoken of, no words that were refused.

    A remark on lines that we spoke of at another place takes one of those comments up. Nor are the
    same words said near lines that were changed after we had said them there.
    """
    seen = set(earlier.places)
    moved = Counter(earlier.moved)
    kept: list[PlacedFinding] = []
    for one in placed:
        place = one.place
        text = text_key(place.path, place.side, place.text) if place.kind == "line" else ""
        words = words_key(one.finding.message)
        if words in earlier.refused or (place.key and place.key in seen):
            continue
        nearby = (text_key(place.path, place.side, (line,)) for line in place.nearby)
        if any((words, line) in earlier.mended for line in nearby):
            continue
        if moved[text] > 0:
            moved[text] -= 1
            continue
        kept.append(one)
        seen.add(place.key)
    return kept


def _shut(comment: PostedComment) -> bool:
    """A person resolved it; where its lines stayed as they were, they wanted none of it."""
    return not comment.open and not comment.settled
