"""Where an artifact comes from: the revision of the code, the versions of the libraries, the command."""

import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

_HERE = Path(__file__).resolve().parent
# What the pipeline writes itself is no change of its code: running it again gives the same revision.
_RESULTS = (":(top,exclude)model_repository", ":(top,exclude)docs")


def source_revision() -> str:
    """Commit of the code that runs, with "-dirty" where it has local changes; "unknown" outside git."""
    try:
        # An installed copy may lie inside somebody else's repository: only a tracked file speaks for ours.
        _git("ls-files", "--error-unmatch", Path(__file__).name)
        changes = _git("status", "--porcelain", "--untracked-files=no", "--", ":(top)", *_RESULTS)
        return _git("rev-parse", "--short=12", "HEAD") + ("-dirty" if changes else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def library_versions(*names: str) -> dict[str, str]:
    """Installed version per distribution.

    Raises:
        importlib.metadata.PackageNotFoundError: one is not installed.
    """
    return {name: version(name) for name in names}


def command_line() -> str:
    """The command of this process as one types it.

    It is published, so absolute paths are cut down to their last name: what else they tell is private.
    """
    return shlex.join(["python", "-m", "export", *map(_without_place, sys.argv[1:])])


def _without_place(argument: str) -> str:
    option, equals, value = argument.rpartition("=")
    return option + equals + (Path(value).name if Path(value).is_absolute() else value)


def _git(*arguments: str) -> str:
    result = subprocess.run(
        ["git", "-C", str(_HERE), *arguments], capture_output=True, text=True, check=True, timeout=30
    )
    return result.stdout.strip()
