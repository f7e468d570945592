"""Early stopping replayed, against Keras' own callback and its own fits."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.errors import InvalidInput
from trainer.stopping_replay import Replay, replay

VALUES = st.lists(
    st.none()
    | st.integers(0, 8).map(lambda number: number / 8)
    | st.floats(width=32, allow_subnormal=False),
    max_size=25,
)


@pytest.fixture(scope="module")
def network():
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])


def keras_stops(network, values, **choices) -> tuple[int | None, int | None]:
    """Let Keras' callback watch the values; return the stop epoch and the restored one."""
    callback = keras.callbacks.EarlyStopping("value", restore_best_weights=True, **choices)
    callback.set_model(network)
    network.stop_training = False
    network.set_weights([np.array([[-1.0]])])
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        network.set_weights([np.array([[float(epoch)]])])
        callback.on_epoch_end(epoch, {"other": 0.0} if value is None else {"value": value})
        if network.stop_training:
            break
    else:
        epoch = None
    network_was = network.get_weights()
    callback.on_train_end()
    is_restored = callback.best_weights is not None
    assert is_restored or network_was == network.get_weights()
    return epoch, int(network.get_weights()[0][0, 0]) if is_restored else None


@pytest.mark.filterwarnings("ignore:Early stopping conditioned on metric")
@settings(max_examples=150, deadline=None)
@given(
    values=VALUES,
    mode=st.sampled_from(["min", "max"]),
    patience=st.integers(0, 6),
    min_delta=st.sampled_from([0.0, 0.01, 0.125, 0.3]),
    start_from_epoch=st.integers(0, 4),
)
def test_it_stops_and_restores_where_keras_callback_does(network, values, **choices):
    seen = replay(values, **choices)
    assert (seen.stop_epoch, seen.restored_epoch) == keras_stops(network, values, **choices)
    last = len(values) - 1 if seen.stop_epoch is None else seen.stop_epoch
    assert seen.saved_epochs == len(values) - 1 - last
    assert seen.lost is None or seen.lost >= 0


def fitted(epochs: int, *callbacks: keras.callbacks.Callback):
    """Train the same network on the same rows in the same order; the loss wanders."""
    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 3)).astype("float32")
    y = (x @ [1.0, -2.0, 0.5] + rng.normal(0, 1, size=60)).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.2), loss="mean_squared_error")
    history = model.fit(
        *(x[:30], y[:30]),
        batch_size=3,
        epochs=epochs,
        validation_data=(x[30:], y[30:]),
        callbacks=list(callbacks),
        verbose=0,
    )
    return history.history["val_loss"]


def test_it_tells_of_real_fits_where_they_will_stop():
    values = fitted(14)
    stops = []
    for patience, min_delta in [(1, 0.0), (2, 0.0), (3, 0.05), (4, 1.0)]:
        stopping = keras.callbacks.EarlyStopping(
            patience=patience, min_delta=min_delta, restore_best_weights=True
        )
        ran = fitted(14, stopping)
        seen = replay(values, mode="min", patience=patience, min_delta=min_delta)
        assert ran == values[: len(ran)]
        assert seen.saved_epochs == len(values) - len(ran)
        assert seen.stop_epoch == (stopping.stopped_epoch or None)
        assert seen.restored_epoch == stopping.best_epoch
        assert seen.lost == pytest.approx(values[stopping.best_epoch] - min(values))
        stops.append(seen.stop_epoch)
    assert len(set(stops)) > 1 and None not in stops[:2]


def test_what_was_saved_and_lost_in_a_case_worked_by_hand():
    values = [1.0, 0.5, 0.6, 0.55, 0.3, 0.4]
    assert replay(values, mode="min", patience=2) == Replay(
        stop_epoch=3, restored_epoch=1, saved_epochs=2, lost=pytest.approx(0.2)
    )
    assert replay(values, mode="min", patience=3) == Replay(
        stop_epoch=None, restored_epoch=4, saved_epochs=0, lost=0.0
    )
    nothing = Replay(stop_epoch=None, restored_epoch=None, saved_epochs=0, lost=None)
    assert replay([], mode="max", patience=1) == nothing
    assert replay(values, mode="max", patience=1, start_from_epoch=6) == nothing


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"mode": "auto"}, "mode must be min or max. Got 'auto'."),
        ({"patience": -1}, "patience must be zero or a positive integer. Got -1."),
        ({"patience": True}, "patience must be zero or a positive integer. Got True."),
        ({"min_delta": float("nan")}, "min_delta must be zero or a positive number. Got nan."),
        ({"start_from_epoch": 1.5}, "start_from_epoch must be zero or a positive integer."),
    ],
    ids=str,
)
def test_choices_that_make_no_sense_are_refused(choices, sentence):
    with pytest.raises(InvalidInput) as problem:
        replay([1.0], **{"mode": "min", "patience": 1, **choices})
    assert str(problem.value).startswith(sentence)
