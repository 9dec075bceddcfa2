"""What the test files said about a published version, kept beside it as evaluation.json."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from export.classification.evaluation import Evaluation
from export.errors import BadData
from export.segmentation.evaluation import MaskEvaluation

EVALUATION_FILE = "evaluation.json"
_EITHER: TypeAdapter[Evaluation | MaskEvaluation] = TypeAdapter(Evaluation | MaskEvaluation)


def read_evaluation(folder: Path) -> Evaluation | MaskEvaluation | None:
    """The evaluation of a version folder; None where it has not been measured.

    Raises:
        BadData: the file is damaged.
    """
    file = folder / EVALUATION_FILE
    try:
        return _EITHER.validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise BadData(f"{file} cannot be read; evaluate the version again.") from None
