"""A review that was made where nothing may be posted, carried as a file to where it may be.

Written by the job that reads a fork's pull request. Whoever can change that job's workflow, and
on a fork that is anybody, can write anything into the file: what comes back is taken for hostile.
It is short, it is read by a strict schema, and which pull request and head it belongs to is told
by the host, not by the file. Remarks of an adapter that quotes must be quotes of *our* adapter,
links are looked up in it, and its name, threshold and right to speak are our adapter's.
"""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bot.hosts import PullHead
from bot.review import MOST_RESEMBLING, ModelInfo
from bot.saying.wording import message_fault
from finetune.recall import Match, Recall
from postil.diff import FileDiff
from postil.errors import PayloadError
from postil.records import Draft, Finding, Resemblance

RESULT_FILE = "result.json"
MOST_BYTES = 1 << 20
LONGEST_MESSAGE = 4_000
LONGEST_REASON = 200


def write_result(folder: Path, draft: Draft) -> Path:
    """Keep a draft as a file to upload."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RESULT_FILE
    path.write_bytes(msgspec.json.encode(draft))
    return path


def read_result(archive: Path) -> Draft:
    """The draft in an artifact's zip; PayloadError for anything but one small well-formed file."""
    try:
        with zipfile.ZipFile(archive) as packed:
            names = packed.namelist()
            if names != [RESULT_FILE]:
                raise PayloadError(f"the artifact holds {len(names)} files, not one {RESULT_FILE}")
            with packed.open(RESULT_FILE) as file:
                content = file.read(MOST_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise PayloadError(f"the artifact is no archive that can be read: {error}") from error
    except NotImplementedError as error:
        raise PayloadError(f"the artifact is packed in an unknown way: {error}") from error
    if len(content) > MOST_BYTES:
        raise PayloadError(f"the stored result is longer than {MOST_BYTES:,} bytes")
    try:
        return msgspec.json.decode(content, type=Draft)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise PayloadError(f"the stored result is not of our schema: {error}") from error


def check_result(
    draft: Draft,
    head: PullHead,
    files: Sequence[FileDiff],
    info: ModelInfo,
    recall: Recall,
    most_findings: int,
) -> Draft:
    """The draft as far as it can be believed; PayloadError where it says what cannot be so."""
    if (draft.repo.lower(), draft.pull) != (head.repo.lower(), head.number):
        raise PayloadError("the stored result is of another pull request")
    if draft.head_sha != head.head_sha:
        raise PayloadError("the stored result is of another head")
    if draft.adapter != info.adapter:
        raise PayloadError("the stored result is of another adapter than this job's")
    if len(draft.findings) > most_findings:
        raise PayloadError(f"the stored result has more than {most_findings} remarks")
    paths = {file.path for file in files}
    findings = tuple(_checked(one, paths, info, recall) for one in draft.findings)
    return Draft(
        repo=head.repo,
        pull=head.number,
        head_sha=head.head_sha,
        adapter=info.adapter,
        findings=findings,
        reviewed=tuple(path for path in draft.reviewed if path in paths),
        skipped={
            path: " ".join(why.split())[:LONGEST_REASON]
            for path, why in draft.skipped.items()
            if path in paths
        },
        shadow=info.shadow,
    )


def _checked(finding: Finding, paths: set[str], info: ModelInfo, recall: Recall) -> Finding:
    """A finding that may be posted, its links looked up in our adapter."""
    if finding.span.path not in paths:
        raise PayloadError("the stored result speaks of a file that is not in the change")
    if not 0 <= finding.score <= 1:
        raise PayloadError("the stored result has a probability outside of 0 to 1")
    if len(finding.message) > LONGEST_MESSAGE or message_fault(finding.message):
        raise PayloadError("the stored result has a message that cannot be used")
    learned = {_words(entry.message) for entry in recall.entries}
    if info.way == "recall" and _words(finding.message) not in learned:
        raise PayloadError("the stored result says what its adapter has not learned")
    resembles = tuple(_looked_up(past, recall) for past in finding.resembles[:MOST_RESEMBLING])
    if None in resembles:
        raise PayloadError("the stored result links what its adapter has not learned from")
    # An applied suggestion is code: only a model that we ran may offer one.
    return msgspec.structs.replace(
        finding, suggestion=None, resembles=tuple(one for one in resembles if one)
    )


def _looked_up(past: Resemblance, recall: Recall) -> Resemblance | None:
    """What our own adapter knows of a past remark; only the similarity is taken as told."""
    for entry in recall.entries:
        if entry.url == past.url:
            alike = min(max(past.similarity, 0.0), 1.0)
            return Match(entry=entry, similarity=alike, row=1, row_similarity=0.0).resemblance()
    return None


def _words(text: str) -> str:
    return " ".join(text.split())
