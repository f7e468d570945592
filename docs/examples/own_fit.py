"""Anybody's own `fit()`, seen live: a model with two inputs on a pipeline of unknown length.

Run it while a dashboard is open, with how many epochs it shall train: `python own_fit.py 100`.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from trainer import LiveCallback

rows = np.random.default_rng(0)


def batches():
    """Yield an epoch's batches: two inputs and a target that depends on both."""
    for _ in range(8):
        left, right = rows.normal(size=(32, 4)), rows.normal(size=(32, 2))
        target = left.sum(axis=1, keepdims=True) * right[:, :1]
        yield {"left": left, "right": right}, target


def floats(columns):
    """Describe a batch of rows with so many columns."""
    return tf.TensorSpec((None, columns), tf.float32)


pipeline = tf.data.Dataset.from_generator(
    batches, output_signature=({"left": floats(4), "right": floats(2)}, floats(1))
)

left, right = keras.Input((4,), name="left"), keras.Input((2,), name="right")
hidden = keras.layers.Dense(16, activation="relu")(keras.layers.Concatenate()([left, right]))
model = keras.Model([left, right], keras.layers.Dense(1)(hidden))
model.compile(optimizer="adam", loss="mse", metrics=["mae"])
model.fit(
    pipeline,
    epochs=int(sys.argv[1]) if len(sys.argv) > 1 else 100,
    callbacks=[LiveCallback(name="two inputs")],
)
