"""Why Postil said what it said of a head, as Markdown. Pure."""

from bot.saying.sanitize import code_span
from postil.records import Draft, Finding

MOST_FINDINGS = 20
NO_DRAFT = "There is no review of this head yet; `/postil review` asks for one."


def explain(draft: Draft | None) -> str:
    """The probability of each remark of a draft, and what it resembles."""
    if draft is None:
        return NO_DRAFT
    if draft.shadow:
        return f"Adapter {code_span(draft.adapter)} is watched only; it says nothing here."
    read = f"Adapter {code_span(draft.adapter)} read {len(draft.reviewed)} files of this head"
    if not draft.findings:
        return f"{read} and found nothing probable enough to say."
    parts = [f"{read}. What it said, and why:"]
    parts += [_finding(finding) for finding in draft.findings[:MOST_FINDINGS]]
    left = len(draft.findings) - MOST_FINDINGS
    return "\n".join([*parts, f"- and {left} more"] if left > 0 else parts)


def _finding(finding: Finding) -> str:
    span = finding.span
    where = code_span(f"{span.path}:{span.end}")
    said = f"- {where}: probability {finding.score:.2f} that this team would remark here"
    links = [f"{code_span(one.url)} ({one.similarity:.2f})" for one in finding.resembles[:5]]
    return f"{said}; resembles {', '.join(links)}" if links else f"{said}; resembles nothing known"
