import torch

from finetune.engines.repetition import RepeatsItself, cut_repetition


class Words:
    """A tokenizer whose ids are words: each its own number."""

    def decode(self, ids: list[int]) -> str:
        return " ".join(map(str, ids))


def test_text_is_cut_where_it_repeats() -> None:
    assert cut_repetition("Use the logger. Use the logger. Use the logger.") == "Use the logger."
    assert cut_repetition("Name it, and name it well.") == "Name it, and name it well."


def test_only_the_row_that_repeats_itself_is_ended() -> None:
    prompt = [7, 7, 7, 7, 7, 7, 7]  # not looked at
    rows = [[*prompt, 1, 2, 3, 1, 2, 3, 1, 2], [*prompt, *range(8)]]
    ended = RepeatsItself(Words(), len(prompt))
    assert ended(torch.tensor(rows), None).tolist() == [True, False]
    assert ended(torch.tensor([row[:-1] for row in rows]), None).tolist() == [False, False]
