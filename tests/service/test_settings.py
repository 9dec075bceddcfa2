from pathlib import Path

import pytest

from service.settings import InvalidSettings, Settings, misspelled_names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONVOY_PORT", "0"),
        ("CONVOY_PORT", "70000"),
        ("CONVOY_PORT", "http"),
        ("CONVOY_HOST", "localhost"),
        ("CONVOY_PROVIDER", "tpu"),
        ("CONVOY_WORKERS", "0"),
        ("CONVOY_THREADS", "-1"),
        ("CONVOY_DEADLINE_S", "0"),
        ("CONVOY_QUEUE_SIZE", "many"),
        ("CONVOY_ACCESS_LOG", "perhaps"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environment()
    sentence = str(caught.value)
    assert sentence.startswith(f"{name}={value} cannot work: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_every_setting_is_read_under_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVOY_PORT", "4000")
    monkeypatch.setenv("CONVOY_ACCESS_LOG", "false")
    monkeypatch.setenv("CONVOY_REQUIRED_MODELS", "lenet5, mnist_cnn,")
    settings = Settings.from_environment()
    assert (settings.port, settings.access_log) == (4000, False)
    assert settings.required_models == ("lenet5", "mnist_cnn")


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_repository_that_is_no_folder_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "models"
    if kind == "file":
        path.write_text("")
    with pytest.raises(InvalidSettings, match=r"CONVOY_REPOSITORY=.* cannot work: there is no such folder"):
        Settings(repository=path).check_repository()


def test_a_misspelt_name_is_told_with_the_nearest_right_one() -> None:
    environment = {"CONVOY_PROT": "3000", "CONVOY_PORT": "3000", "CONVOY_DATA": "data", "HOME": "here"}
    assert misspelled_names(environment) == [
        "CONVOY_PROT is not a setting and has no effect; did you mean CONVOY_PORT?"
    ]
