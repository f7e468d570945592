"""What is kept of a training: after the last, the best and every n-th whole epoch."""

from __future__ import annotations

import errno
import logging

import keras
import numpy as np
import pytest

from trainer.callback import LiveCallback
from trainer.checkpoints import Checkpoints, kept, load_weights
from trainer.errors import WeightsMissing
from trainer.keeping import Keeper


def keeping(
    steps: tuple[float, ...], *, validation: bool = True, every: int = 0
) -> tuple[Keeper, list]:
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

    keeper = Keeper(LiveCallback(), Checkpoints("abc", every=every), every=every)
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
    keeper.save()
    last, best = load_weights("abc", "last"), load_weights("abc", "best")
    assert (last.epoch, best.epoch) == (2, 1)
    assert last.arrays[0][0, 0] == pytest.approx(after[2])
    assert best.arrays[0][0, 0] == pytest.approx(after[1])
    assert abs(after[1]) < abs(after[2])


def test_where_nothing_got_better_after_the_last_epoch_both_are_the_same():
    keeper, _ = keeping((0.1, 0.1))
    keeper.save()
    assert load_weights("abc", "last").epoch == load_weights("abc", "best").epoch == 1


def test_without_validation_the_best_epoch_is_that_of_the_lowest_training_loss():
    # The training loss of an epoch is that before its step.
    keeper, _ = keeping(UP_AND_DOWN, validation=False)
    keeper.save()
    assert load_weights("abc", "best").epoch == 2


def test_a_loss_that_is_no_number_is_not_the_best():
    keeper, _ = keeping((0.25, float("nan")))
    keeper.save()
    assert load_weights("abc", "best").epoch == 0
    assert load_weights("abc", "last").epoch == 1


def test_an_epoch_that_was_cut_short_is_not_kept():
    live = LiveCallback()
    keeper = Keeper(live, Checkpoints("abc"))
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    keeper.set_model(model)
    keeper.on_epoch_end(0, {"val_loss": 2.0})
    live.was_cut = True
    keeper.on_epoch_end(1, {"val_loss": 1.0})
    keeper.save()
    assert load_weights("abc", "last").epoch == load_weights("abc", "best").epoch == 0


def test_before_the_first_epoch_nothing_is_kept(data_folder):
    Keeper(LiveCallback(), Checkpoints("abc")).save()
    assert not (data_folder / "checkpoints").exists()
    with pytest.raises(WeightsMissing, match="The weights of this run were not kept."):
        load_weights("abc", "last")


def test_every_nth_epoch_is_written_at_once_and_exactly(data_folder):
    keeper, after = keeping((0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1), every=3)
    assert kept("abc").epochs == (2, 5)  # before anybody has asked for it
    keeper.save()
    assert kept("abc").epochs == (2, 5, 6)
    for epoch in (2, 5, 6):
        checkpoint = Checkpoints("abc").at(epoch)
        assert checkpoint.weights[0][0, 0] == pytest.approx(after[epoch])
        assert checkpoint.optimizer[0] == epoch + 1
        assert checkpoint.state["learning_rate"] == pytest.approx(0.1)
        assert checkpoint.state["best"]["epoch"] == epoch


def test_saving_twice_writes_once(data_folder):
    keeper, _ = keeping((0.1,))
    keeper.save()
    file = data_folder / "checkpoints" / "abc" / "000000.npz"
    file.write_bytes(b"untouched")
    keeper.save()
    assert file.read_bytes() == b"untouched"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (MemoryError("Unable to allocate 64.0 MiB"), "too little memory"),
    ],
)
def test_what_a_full_disk_or_memory_refuses_is_told_and_can_pass(
    data_folder, monkeypatch, caplog, error, told
):
    keeper, _ = keeping((0.1, 0.1))

    def full(*arguments, **options):
        raise error

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(np, "savez", full)
        keeper.save()
    assert keeper.problem == told
    assert "could not be written" in caplog.text
    assert list((data_folder / "checkpoints" / "abc").iterdir()) == []
    keeper.save()
    assert keeper.problem == ""
    assert kept("abc") == ((1,), 1)
