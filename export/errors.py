"""What can go wrong in the pipeline, as one tree; the command line prints `str(error)`, one sentence.

StageError                     exit code 1
├── DataNotFound               no files of the dataset, and no way to get them
├── BadData                    a file of the dataset is damaged or does not fit
├── BadWeights                 a file of weights cannot be read, or does not fit the network
├── MissingStage               an earlier stage has not been run
├── RunMismatch                the run folder holds another training than the one asked for
├── VerificationFailed         the exported graph is not what was trained, or is not good enough
└── PublishRefused             the artifact was not verified as it is, or cannot be served
UsageError                     exit code 2: the command line asks for something that does not exist
"""


class StageError(Exception):
    """Base of every foreseeable fault of a stage; `str(error)` is one sentence for the user."""


class DataNotFound(StageError):
    """No files of the dataset were found, and none could be downloaded."""


class BadData(StageError):
    """A file of the dataset is damaged or does not fit; the sentence names it."""


class BadWeights(StageError):
    """A file of weights cannot be read, or does not fit the network; the sentence names the first keys."""


class MissingStage(StageError):
    """A stage needs the result of an earlier one that has not been run."""


class RunMismatch(StageError):
    """The run folder holds another training than the one asked for."""


class VerificationFailed(StageError):
    """The exported graph answers otherwise than the trained network, or worse than its recipe demands."""


class PublishRefused(StageError):
    """The artifact is not the one that was verified, fell short there, or cannot be served."""


class UsageError(Exception):
    """The command line asks for something that does not exist or does not fit together."""
