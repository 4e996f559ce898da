"""What git says about a remark: were its lines changed before the end, was its suggestion applied.

Reads commits through `Revisions`; judges nothing (that is acceptance.py).
"""

from mining.acceptance import Evidence
from mining.revisions import Revisions
from postil.diff import FileDiff
from postil.records import PullRequest, ReviewThread, Revision, Span

SHORTEST_TELLING_LINE = 4
"""Characters; a shorter line says nothing when a file is searched for it."""


def gather_evidence(thread: ReviewThread, pull: PullRequest, revisions: Revisions) -> Evidence:
    """Compare the revision that was remarked on with the last one of the pull request."""
    last = pull.revisions[-1]
    if not revisions.has(last.sha):
        return Evidence()
    if thread.revision == last.sha:
        return Evidence(lines_changed=False, suggestion_applied=False)
    if thread.span.side == "LEFT":
        return Evidence()
    if not revisions.has(thread.revision):
        changed = _changed_by_text(thread, last, revisions)
    else:
        changed = _changed_by_diff(thread.span, thread.revision, pull, revisions)
    applied = changed and _suggestion_stands(thread, last, revisions)
    return Evidence(
        lines_changed=changed, suggestion_applied=applied if thread.suggestion is not None else None
    )


def _changed_by_diff(span: Span, sha: str, pull: PullRequest, revisions: Revisions) -> bool | None:
    """Whether a line of the span was removed, or something put right after it, by the author."""
    last = pull.revisions[-1]
    files = revisions.file_between(sha, last.sha, span.path)
    if files is None:
        return None
    touched = {text for file in files for text in _touched_lines(file, span)}
    if not touched:
        return False
    return not _only_rebased(touched, span.path, sha, pull, revisions)


def _touched_lines(file: FileDiff, span: Span) -> set[str]:
    """Texts of the span's lines that a diff from its revision removes or adds to."""
    touched: set[str] = set()
    for hunk in file.hunks:
        for above, line in zip((None, *hunk.lines), hunk.lines, strict=False):
            if line.kind == "-" and line.old and span.start <= line.old <= span.end:
                touched.add(line.text)
            if line.kind == "+" and above and above.kind == " " and above.old == span.end:
                touched.add(line.text)
    if file.change == "deleted":
        touched.add("")
    return touched


def _only_rebased(
    touched: set[str], path: str, sha: str, pull: PullRequest, revisions: Revisions
) -> bool:
    """Whether the base branch itself made the same changes between the two revisions."""
    before = next((r for r in pull.revisions if r.sha == sha), None)
    after = pull.revisions[-1]
    if before is None or before.base_sha == after.base_sha:
        return False
    files = revisions.file_between(before.base_sha, after.base_sha, path)
    moved = {
        line.text
        for file in files or ()
        for hunk in file.hunks
        for line in hunk.lines
        if line.kind != " "
    }
    return touched <= moved


def _changed_by_text(thread: ReviewThread, last: Revision, revisions: Revisions) -> bool | None:
    """For a commit that is gone: is the last line of the stored hunk still in the file?"""
    text = thread.hunk.rsplit("\n", 1)[-1][1:].strip()
    if len(text) < SHORTEST_TELLING_LINE:
        return None
    lines = revisions.lines(last.sha, thread.span.path)
    if lines is None:
        return None
    return text not in {line.strip() for line in lines}


def _suggestion_stands(thread: ReviewThread, last: Revision, revisions: Revisions) -> bool | None:
    """Whether every suggested line is in the last revision of the file."""
    lines = revisions.lines(last.sha, thread.span.path)
    if lines is None or thread.suggestion is None:
        return None
    wanted = {line.strip() for line in thread.suggestion.splitlines() if line.strip()}
    return bool(wanted) and wanted <= {line.strip() for line in lines}
