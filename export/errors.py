"""What can go wrong in the pipeline, as one tree; the command line prints `str(error)`, one sentence.

StageError                     exit code 1
├── DataNotFound               no files of the dataset, and no way to get them
├── BadData                    a file of the dataset is damaged or does not fit
├── MissingStage               an earlier stage has not been run
├── RunMismatch                the run folder holds another training than the one asked for
├── VerificationFailed         the exported graph is not what was trained
└── PublishRefused             the artifact falls short of what its recipe demands
UsageError                     exit code 2: the command line asks for something that does not exist
"""


class StageError(Exception):
    """Base of every foreseeable fault of a stage; `str(error)` is one sentence for the user."""


class DataNotFound(StageError):
    """No files of the dataset were found, and none could be downloaded."""


class BadData(StageError):
    """A file of the dataset is damaged or does not fit; the sentence names it."""


class MissingStage(StageError):
    """A stage needs the result of an earlier one that has not been run."""


class RunMismatch(StageError):
    """The run folder holds another training than the one asked for."""


class VerificationFailed(StageError):
    """The exported graph answers otherwise than the network that was trained."""


class PublishRefused(StageError):
    """The artifact falls short of what its recipe demands."""


class UsageError(Exception):
    """The command line asks for something that does not exist or does not fit together."""
