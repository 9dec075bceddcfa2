"""What is wrong with the files of a folder with masks, put into one sentence in which no cause stands twice."""

from collections.abc import Iterable
from dataclasses import dataclass

from export.errors import BadData

_CAUSES_NAMED = 10
_FILES_NAMED = 5


@dataclass(frozen=True)
class Fault:
    """What is wrong with one file; `str()` is a clause."""

    file: str
    """What the clause begins with: a path, or a name in a list."""
    cause: str
    """The rest of the clause, beginning with a blank or a colon; the same for all files of which the same is wrong."""

    @classmethod
    def of(cls, file: object, sentence: str) -> "Fault":
        """From a sentence that begins with the file's path."""
        return cls(str(file), sentence.removeprefix(str(file)).rstrip("."))

    def __str__(self) -> str:
        return f"{self.file}{self.cause}"


def refuse(faults: Iterable[Fault]) -> None:
    """Refuse a folder where anything is wrong with its files.

    Raises:
        BadData: there are faults. The sentence has their number and names ten causes at most, each once with five of
            its files.
    """
    files: dict[str, list[str]] = {}
    for fault in dict.fromkeys(faults):
        files.setdefault(fault.cause, []).append(fault.file)
    if not files:
        return
    named = list(files.items())[:_CAUSES_NAMED]
    clauses = [f"{those[0]}{cause}{_likewise(those[1:])}" for cause, those in named]
    total = sum(map(len, files.values()))
    left_out = total - sum(len(those) for _, those in named)
    count = "1 picture or mask" if total == 1 else f"{total} pictures or masks"
    raise BadData(f"{count} cannot be used: {'; '.join(clauses)}{f' and {left_out} more' if left_out else ''}.")


def _likewise(others: list[str]) -> str:
    """The files besides the first of which the same is wrong."""
    if not others:
        return ""
    named = others[: _FILES_NAMED - 1]
    more = f" and {len(others) - len(named)} more" if len(others) > len(named) else ""
    return f" (likewise {', '.join(named)}{more})"
