"""`postil action`: inside a GitHub workflow, from the event file to one review.

`event` says what is asked, `base_branch` what the settings are, `adapter_sources` brings the
adapter, `run` does it, `stored_result` carries a review from a job that may not write to one that
may. Nothing of the pull request's head is run, checked out or obeyed.
"""
