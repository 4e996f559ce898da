"""The hunk that a host stored with a comment -> the window it stands in. Pure.

Such a hunk ends at the commented line, so it tells where the comment stood: what comes from here
is remembered and teaches wording; it is no example of where to speak.
"""

from postil.answer import anchor_of
from postil.diff import HUNK_HEADER, parse_diff, windows
from postil.errors import PayloadError
from postil.records import ReviewThread, Window


def window_of_hunk(thread: ReviewThread, window_lines: int) -> Window | None:
    """The window under a remark; None where the stored hunk is none or the lines are not in it."""
    path = thread.span.path
    try:
        files = parse_diff(f"--- a/{path}\n+++ b/{path}\n{whole_hunk(thread.hunk)}")
    except PayloadError:
        return None
    cut = (
        window for file in files for hunk in file.hunks for window in windows(hunk, window_lines)
    )
    return next((window for window in cut if anchor_of(window, thread.span)), None)


def whole_hunk(stored: str) -> str:
    """A hunk as hosts store it with a comment, cut off at the comment, with fitting counts.

    Raises PayloadError where it is no hunk.
    """
    header, _, body = stored.replace("\r\n", "\n").partition("\n")
    match = HUNK_HEADER.match(header)
    if match is None:
        raise PayloadError("a stored hunk without a header")
    lines = [line for line in body.split("\n") if not line.startswith("\\")]
    old = sum(line[:1] != "+" for line in lines)
    new = sum(line[:1] != "-" for line in lines)
    return "\n".join((f"@@ -{match.group(1)},{old} +{match.group(3)},{new} @@", *lines)) + "\n"
