"""The language that Postil's stages share: records, diffs, questions, answers, settings.

Standard library and msgspec only. Nothing here touches the network, git, a server or torch.
"""

__version__ = "0.1.0"
