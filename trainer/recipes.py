"""How a script of its own comes to the rows of a dataset, with the libraries that everybody has."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from trainer.datasets.downloaded import NUM_WORDS, TEXT_LENGTH, TEXT_WORDS


@dataclass(frozen=True)
class Recipe:
    """Lines of Python that set `x` and `y`; they may use `SEED` and `NOISE`.

    Attributes:
        code: The lines.
        imports: What they import from scikit-learn.
    """

    code: str
    imports: str = ""


def _bundled(loader: str, arguments: str = "") -> Recipe:
    return Recipe(
        f'x, y = {loader}(return_X_y=True{arguments})\nx = x.astype("float32")',
        f"from sklearn.datasets import {loader}",
    )


def _generated(code: str, imports: str = "") -> Recipe:
    return Recipe(textwrap.dedent(code).strip() + '\nx = x.astype("float32")', imports)


def _pictures(module: str, after: str) -> Recipe:
    return Recipe(f"(x, y), _ = keras.datasets.{module}.load_data()\n{after}")


def _reviews(num_words: int, code: str) -> Recipe:
    return Recipe(
        f"(reviews, y), _ = keras.datasets.imdb.load_data(num_words={num_words + 4})\n"
        + textwrap.dedent(code).strip()
    )


RECIPES: Mapping[str, Recipe] = {
    "digits": Recipe(
        "data = load_digits()\n"
        'x = (data.images / 16).astype("float32")[..., np.newaxis]\n'
        "y = data.target",
        "from sklearn.datasets import load_digits",
    ),
    "breast_cancer": _bundled("load_breast_cancer"),
    "wine": _bundled("load_wine"),
    "iris": _bundled("load_iris"),
    "diabetes": _bundled("load_diabetes", ", scaled=False"),
    "line": _generated(
        """
        rng = np.random.default_rng(SEED)
        x = rng.uniform(-1.0, 1.0, size=(200, 1))
        y = 2.0 * x[:, 0] + rng.normal(0.0, NOISE, size=200)
        """
    ),
    "moons": _generated(
        "x, y = make_moons(n_samples=400, noise=NOISE or None, random_state=SEED)",
        "from sklearn.datasets import make_moons",
    ),
    "circles": _generated(
        "x, y = make_circles(n_samples=400, noise=NOISE or None, factor=0.5, random_state=SEED)",
        "from sklearn.datasets import make_circles",
    ),
    "spirals": _generated(
        """
        rng = np.random.default_rng(SEED)
        y = rng.permutation(np.repeat([0, 1], 200))
        radius = np.sqrt(rng.uniform(0.01, 1.0, size=400))
        angle = 3.0 * np.pi * radius + np.pi * y
        x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        x += rng.normal(0.0, NOISE, size=x.shape)
        """
    ),
    "xor": _generated(
        """
        rng = np.random.default_rng(SEED)
        quadrant = rng.permutation(np.repeat([0, 1, 2, 3], 100))
        signs = np.stack([1 - 2 * (quadrant & 1), 1 - 2 * (quadrant >> 1)], axis=1)
        x = signs * rng.uniform(0.1, 1.0, size=(400, 2))
        x += rng.normal(0.0, NOISE, size=x.shape)
        y = (signs[:, 0] != signs[:, 1]).astype("int32")
        """
    ),
    "mnist": _pictures("mnist", "x = x[..., np.newaxis]"),
    "fashion_mnist": _pictures("fashion_mnist", "x = x[..., np.newaxis]"),
    "cifar10": _pictures("cifar10", "y = y.reshape(-1)"),
    "imdb": _reviews(
        NUM_WORDS,
        f"""
        # Which of the most frequent words each review has.
        x = np.zeros((len(reviews), {NUM_WORDS}), "uint8")
        for row, review in zip(x, reviews):
            row[[word - 4 for word in review if word >= 4]] = 1
        """,
    ),
    "imdb_words": _reviews(
        TEXT_WORDS,
        f"""
        # The last words of each review, filled up with zeros.
        x = np.zeros((len(reviews), {TEXT_LENGTH}), "uint16")
        for row, review in zip(x, reviews):
            row[: len(review[-{TEXT_LENGTH}:])] = review[-{TEXT_LENGTH}:]
        """,
    ),
}
