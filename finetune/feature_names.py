"""The names of what a gate is told of a window, in their order; `finetune.features` finds it."""

SPEAK = "speak"
"""Log-odds of the model that something is to be said."""
ROWS = "row_likeness"
"""How like a changed row is to the likest row that ever drew a remark."""
SIZE = ("added_rows", "removed_rows", "kept_rows", "changed_characters")
KIND_OF_FILE = ("test_path", "only_added", "prose", "data")
RECALL = ("best_similarity", "mean_similarity", "row_similarity", ROWS)
HISTORY = ("path_history", "folder_history")
AUTHOR = ("first_change",)
WORDS = "words"
"""Log-odds of a remark by the words of the change alone (`finetune.lexicon`)."""
TOLD = (*SIZE, *KIND_OF_FILE, *RECALL, *HISTORY, *AUTHOR, WORDS)
"""What can be told of a window without a model."""
PRIOR = "prior"
"""Log-odds of a remark by all of these, as earlier windows weigh them (`finetune.prior`)."""
CHEAP = (*TOLD, PRIOR)
"""Everything but the model's own opinion."""
FEATURES = (*CHEAP, SPEAK)
"""The order in which gates are written."""
