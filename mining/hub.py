"""A built dataset -> a dataset repository on a Hugging Face hub. Only when a person asks for it.

What leaves the machine: the card, its picture and the Parquet files; nothing of the store.
"""

from pathlib import Path

from postil.errors import HostingError

PUSHED = ("README.md", "*.parquet", "*.svg")


def push_dataset(folder: Path, to: str, token: str, *, public: bool, endpoint: str | None) -> str:
    """Create the repository where there is none, private unless `public`, and upload; its address.

    Raises HostingError in one line where the hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    lost: type[Exception] = HfHubHTTPError.__mro__[1]  # what its HTTP library raises
    hub = HfApi(endpoint=endpoint, token=token)
    try:
        hub.create_repo(to, repo_type="dataset", private=not public, exist_ok=True)
        hub.upload_folder(
            folder_path=folder,
            repo_id=to,
            repo_type="dataset",
            allow_patterns=list(PUSHED),
            commit_message="Upload the dataset",
        )
    except (HfHubHTTPError, HFValidationError, lost) as error:
        said = str(error).strip().split("\n")[0][:200]
        raise HostingError(f"{to}: the hub refuses: {said}") from error
    return f"{hub.endpoint}/datasets/{to}"
