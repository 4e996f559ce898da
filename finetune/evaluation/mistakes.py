"""The windows that an adapter's gate was most wrong about."""

from finetune.evaluation.readings import Readings
from finetune.evaluation.scorecard import Mistake, Said
from finetune.evaluation.trial import Trial
from finetune.evaluation.wording import HUMAN, past_remarks
from finetune.gate import Gate
from finetune.recall import Recall
from postil.answer import parse_answer
from postil.records import Pair

MOST = 5
"""Of each kind."""


def worst_mistakes(trial: Trial, gate: Gate, adapter: Readings) -> tuple[Mistake, ...]:
    """The most probable silences and the least probable remarks among the windows scored."""
    chances = trial.probabilities(gate, adapter)
    scored = list(zip(trial.plan.test, chances, strict=True))
    silences = [one for one in scored if one[0].kind == "silence"]
    remarks = [one for one in scored if one[0].kind == "remark"]
    silences.sort(key=lambda one: (-one[1], one[0].id))
    remarks.sort(key=lambda one: (one[1], one[0].id))
    wrong = (*silences[:MOST], *remarks[:MOST])
    return tuple(_mistake(pair, chance, trial.recall) for pair, chance in wrong)


def _mistake(pair: Pair, chance: float, recall: Recall) -> Mistake:
    remark = parse_answer(pair.response)
    human = Said(name=HUMAN, anchor=str(remark.anchor), message=remark.message) if remark else None
    return Mistake(
        kind="missed" if human else "spoken",
        url=pair.url,
        path=pair.window.path if pair.window else "",
        question=pair.instruction,
        human=human,
        probability=chance,
        past=past_remarks(recall, pair),
    )
