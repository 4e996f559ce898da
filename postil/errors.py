"""One base error, and one class for each thing a caller can do about it.

Every message is one line that says what, where and how to mend it; the command line prints it
and exits with `exit_code`.
"""


class PostilError(Exception):
    """Anything expected that stops a command."""

    exit_code = 1


class UsageError(PostilError):
    """The command was called wrongly; call it again, corrected."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting or a file given by the user is wrong; edit it."""


class PayloadError(PostilError):
    """One piece of foreign input cannot be read; count it by reason and go on."""


class SourceError(PostilError):
    """A place to mine from (clone, archive, host) is not what it should be."""


class StoreError(PostilError):
    """The database failed while it was used; try again when it is back."""


class SignatureError(PostilError):
    """A delivery was not signed with our secret; store nothing."""


class ModelError(PostilError):
    """The base model cannot be found, verified or loaded."""


class AdapterError(PostilError):
    """An adapter is not what its card says; do not load it."""


class TrainingError(PostilError):
    """A training run cannot start or go on."""


class StoppedError(TrainingError):
    """A person or the system asked a run to stop; it is saved, and the same command goes on."""

    exit_code = 130  # as shells say of SIGINT


class HostingError(PostilError):
    """The Git host refused or failed; try later, or mend the permission it names.

    `retry_after_s`: when the host said to come back. `lasting`: trying again will not help until
    a person has mended something.
    """

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, lasting: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.lasting = lasting
