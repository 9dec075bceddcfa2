"""The table and the plot of a training."""

from pathlib import Path

from PIL import Image

from export.training.curves import draw_curves
from export.training.epoch_log import EpochLog, EpochRow, to_csv

ROWS = [
    EpochRow(
        epoch=epoch,
        train_loss=1 / epoch,
        train_score=0.9,
        validation_loss=0.5,
        validation_score=0.8,
        learning_rate=0.001,
        epoch_s=2.5,
    )
    for epoch in (1, 2)
]


def test_the_table_has_a_line_of_names_and_a_row_per_epoch() -> None:
    names, first, second = to_csv(ROWS, "mean_iou").splitlines()
    assert names == "epoch,train_loss,train_mean_iou,validation_loss,validation_mean_iou,learning_rate,epoch_s"
    assert first == "1,1.0,0.9,0.5,0.8,0.001,2.5"
    assert second.startswith("2,0.5,")


def test_rows_survive_the_trainers_checkpoint(tmp_path: Path) -> None:
    log, resumed = (EpochLog(tmp_path / name, epochs=3, score="accuracy") for name in "ab")
    log.rows = ROWS
    resumed.load_state_dict(log.state_dict())
    assert resumed.rows == ROWS


def test_even_one_epoch_can_be_drawn(tmp_path: Path) -> None:
    draw_curves(ROWS[:1], tmp_path / "curves.png", title="lenet5 on mnist", score="accuracy", kept_epoch=1)
    with Image.open(tmp_path / "curves.png") as curves:
        assert curves.width > 2 * curves.height
        assert len(curves.convert("RGB").getcolors(1 << 20) or []) > 20
