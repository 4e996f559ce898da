"""The outcome of a run: a log line, and where settings say so a POST of it as JSON.

Nothing secret is sent, no answer is read, no redirect is followed, and that it cannot be delivered
fails nothing.
"""

import logging

import msgspec
import requests

from finetune.retraining.ledger import Run

TIMEOUT_S = 10
SCHEMA = 1

log = logging.getLogger(__name__)


def tell(run: Run, url: str) -> None:
    """Say how a run ended."""
    log.warning(
        "retrained repo=%s outcome=%s adapter=%s new_remarks=%d cpu_s=%.0f",
        run.repo,
        run.outcome,
        run.candidate,
        run.new_remarks,
        run.cpu_s,
    )
    if not url:
        return
    body = {
        "schema": SCHEMA,
        "repo": run.repo,
        "outcome": run.outcome,
        "detail": run.detail,
        "adapter": run.candidate,
        "live_before": run.live,
        "new_remarks": run.new_remarks,
        "begun_at": run.begun_at,
        "cpu_s": round(run.cpu_s, 1),
    }
    try:
        answer = requests.post(
            url,
            data=msgspec.json.encode(body),
            headers={"Content-Type": "application/json"},
            timeout=TIMEOUT_S,
            allow_redirects=False,
            stream=True,
        )
        answer.close()
        if answer.status_code >= 300:
            log.warning("nobody was told: notify_url answered %d", answer.status_code)
    except requests.RequestException as error:
        log.warning("nobody was told: notify_url: %s", type(error).__name__)
