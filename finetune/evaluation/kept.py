"""What was measured on an adapter is kept: HOME/evaluations/<repo>/<adapter>/.

Beside the adapters, not in them: an adapter's files are hashed by its card and never change
(docs/decisions/005-evaluations-beside-adapters.md). The last evaluation is kept as figures,
`scorecard.json`, and as `report.html`, which can be made again from them.
"""

from pathlib import Path

from finetune.adapters import Registry
from finetune.cards import load_card
from finetune.evaluation.report import Sources, render_report
from finetune.evaluation.scorecard import Scorecard, encode_scorecard, read_scorecard
from finetune.files import write_whole
from finetune.training.measured import METRICS, read_metrics
from mining.tallies import TALLIES, read_tallies
from postil.errors import ConfigError

SCORECARD, REPORT = "scorecard.json", "report.html"


def evaluations_folder(home: Path, repo: str, adapter: str) -> Path:
    """Where the figures of an adapter are, whether or not there are any."""
    registry = Registry(home)
    return home / "evaluations" / registry.folder(repo).relative_to(registry.root) / adapter


def keep_evaluation(
    home: Path,
    repo: str,
    adapter: Path,
    scorecard: Scorecard,
) -> Path:
    """Write the figures and the report of an adapter's folder; where the report is."""
    kept = evaluations_folder(home, repo, adapter.name)
    kept.mkdir(parents=True, exist_ok=True)
    write_whole(kept / SCORECARD, encode_scorecard(scorecard))
    page = render_report(scorecard, gather_sources(home, repo, adapter))
    write_whole(kept / REPORT, page.encode())
    return kept / REPORT


def kept_report(home: Path, repo: str, adapter: Path) -> str:
    """The report made again from the last evaluation; ConfigError where there was none."""
    path = evaluations_folder(home, repo, adapter.name) / SCORECARD
    if not path.exists():
        raise ConfigError(
            f"{adapter.name}: not evaluated yet: run `postil evaluate {adapter.name} --repo {repo}`"
        )
    return render_report(read_scorecard(path), gather_sources(home, repo, adapter))


def gather_sources(home: Path, repo: str, adapter: Path) -> Sources:
    """What a report shows beside the figures, as far as it is at hand."""
    card = load_card(adapter)
    tallies = home / "datasets" / repo / TALLIES
    return Sources(
        card=card,
        steps=tuple(read_metrics(adapter / METRICS)),
        tallies=read_tallies(tallies, card.data_sha256),
    )
