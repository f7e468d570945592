"""The weights that are kept: those of the last and the best epoch, whole or not at all."""

from __future__ import annotations

import os

import keras
import numpy as np
import pytest

from trainer.callback import LiveCallback
from trainer.errors import WeightsMissing
from trainer.weights import WeightsKeeper, load_weights


def keeping(steps: tuple[float, ...], *, validation: bool = True) -> tuple[WeightsKeeper, list]:
    """Fit one number to zero, each epoch with its own learning rate.

    Returns:
        The keeper and the weights after each epoch.
    """
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss="mse")
    model.set_weights([np.ones((1, 1), "float32")])
    after: list[float] = []

    class Schedule(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = steps[epoch]

        def on_epoch_end(self, epoch, logs=None):
            after.append(float(self.model.get_weights()[0][0, 0]))

    keeper = WeightsKeeper(LiveCallback())
    x, y = np.ones((1, 1), "float32"), np.zeros((1, 1), "float32")
    model.fit(
        x,
        y,
        epochs=len(steps),
        validation_data=(x, y) if validation else None,
        callbacks=[Schedule(), keeper],
        verbose=0,
    )
    return keeper, after


# The weight is 1, then 0.5, then near 0, then large again.
UP_AND_DOWN = (0.25, 0.49, -100.0)


def test_the_best_epochs_weights_are_kept_beside_the_last_ones():
    keeper, after = keeping(UP_AND_DOWN)
    keeper.save("abc")
    last, best = load_weights("abc", "last"), load_weights("abc", "best")
    assert (last.epoch, best.epoch) == (2, 1)
    assert last.arrays[0][0, 0] == pytest.approx(after[2])
    assert best.arrays[0][0, 0] == pytest.approx(after[1])
    assert abs(after[1]) < abs(after[2])


def test_where_nothing_got_better_after_the_last_epoch_both_are_the_same():
    keeper, _ = keeping((0.1, 0.1))
    keeper.save("abc")
    assert load_weights("abc", "last").epoch == load_weights("abc", "best").epoch == 1


def test_without_validation_the_best_epoch_is_that_of_the_lowest_training_loss():
    # The training loss of an epoch is that before its step.
    keeper, _ = keeping(UP_AND_DOWN, validation=False)
    keeper.save("abc")
    assert load_weights("abc", "best").epoch == 2


def test_a_loss_that_is_no_number_is_not_the_best():
    keeper, _ = keeping((0.25, float("nan")))
    keeper.save("abc")
    assert load_weights("abc", "best").epoch == 0
    assert load_weights("abc", "last").epoch == 1


def test_an_epoch_that_was_cut_short_is_not_kept():
    live = LiveCallback()
    keeper = WeightsKeeper(live)
    keeper.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    keeper.on_epoch_end(0, {"val_loss": 2.0})
    live.was_cut = True
    keeper.on_epoch_end(1, {"val_loss": 1.0})
    keeper.save("abc")
    assert load_weights("abc", "last").epoch == load_weights("abc", "best").epoch == 0


def test_before_the_first_epoch_nothing_is_kept(data_folder):
    WeightsKeeper(LiveCallback()).save("abc")
    assert not (data_folder / "weights").exists()
    with pytest.raises(WeightsMissing, match="The weights of this run were not kept."):
        load_weights("abc", "last")


def test_weights_kept_again_replace_the_earlier_ones_and_leave_nothing_behind(data_folder):
    keeping(UP_AND_DOWN)[0].save("abc")
    keeping((0.1,))[0].save("abc")
    assert load_weights("abc", "last").epoch == load_weights("abc", "best").epoch == 0
    assert [path.name for path in (data_folder / "weights").iterdir()] == ["abc"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("which", ["last", "best"])
def test_a_file_that_was_cut_off_is_a_sentence(data_folder, which, share):
    keeping(UP_AND_DOWN)[0].save("abc")
    file = data_folder / "weights" / "abc" / f"{which}.npz"
    os.truncate(file, int(file.stat().st_size * share))
    with pytest.raises(WeightsMissing, match="The weights of this run cannot be read."):
        load_weights("abc", which)


@pytest.mark.parametrize("damage", ["no archive", "a pickle", "a folder", "another archive"])
def test_a_file_that_is_something_else_is_a_sentence(data_folder, damage):
    keeping(UP_AND_DOWN)[0].save("abc")
    file = data_folder / "weights" / "abc" / "last.npz"
    if damage == "no archive":
        file.write_bytes(b"nothing of the kind\n" * 50)
    elif damage == "a pickle":
        np.savez(file, np.array([{"an": "object"}], dtype=object), epoch=0)
    elif damage == "another archive":
        np.savez(file, weights=np.ones(3))
    else:
        file.unlink()
        file.mkdir()
    with pytest.raises(WeightsMissing, match="The weights of this run cannot be read."):
        load_weights("abc", "last")


def test_whatever_byte_is_flipped_no_wrong_weight_is_read(data_folder):
    keeping(UP_AND_DOWN)[0].save("abc")
    file = data_folder / "weights" / "abc" / "last.npz"
    content, written = file.read_bytes(), load_weights("abc", "last")
    sentences = 0
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        file.write_bytes(damaged)
        try:
            read = load_weights("abc", "last")
        except WeightsMissing:
            sentences += 1
        else:
            # Archives hold dates and such that say nothing of the weights. Where the list of what
            # is in them is damaged, weights may be missing, and then they fit no network.
            assert read.epoch == written.epoch
            for mine, theirs in zip(read.arrays, written.arrays, strict=False):
                np.testing.assert_array_equal(mine, theirs)
    assert sentences > len(content) / 2
