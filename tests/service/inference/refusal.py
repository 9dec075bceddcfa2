"""What an artifact that the service refuses must be told."""

from pathlib import Path

import pytest

from service.inference.model import load_model
from service.repository.artifact import InvalidArtifact


def assert_refused(folder: Path, sentence: str) -> None:
    """One line, of that sentence or beginning with it, without the folder's place on the server."""
    with pytest.raises(InvalidArtifact) as caught:
        load_model(folder, name="refused", version=1, provider="cpu")
    text = str(caught.value)
    assert text == sentence if sentence.endswith(".") else text.startswith(sentence)
    assert "\n" not in text
    assert text.endswith(".")
    assert str(folder) not in text
