"""Datasets that Keras downloads once; after that our own copy is read.

Loading one for the first time imports Keras, so it happens in worker processes only.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

import numpy as np

from trainer.datasets import cache
from trainer.datasets.fetch import Download, fetch
from trainer.datasets.spec import Arrays, DatasetSpec, LoadOptions

NUM_WORDS = 2000
TEXT_WORDS = 5000  # of the form that keeps the order of the words
TEXT_LENGTH = 200
FIRST_WORD = 4  # Keras' indices below are padding, start, unknown and one that is never used


def encode_pictures(x: np.ndarray) -> np.ndarray:
    """Return pictures as uint8 of shape `(num_samples, height, width, channels)`."""
    if x.ndim == 3:
        x = x[..., np.newaxis]
    elif x.shape[1] == 3 and x.shape[3] != 3:
        x = np.moveaxis(x, 1, 3)  # a Keras set to "channels_first" puts the colours first
    return np.ascontiguousarray(x, dtype=np.uint8)


def encode_reviews(x: np.ndarray) -> np.ndarray:
    """Return which of the `NUM_WORDS` most frequent words each review has.

    Args:
        x: One sequence of Keras' word indices a review, where word number k of the list of words
            by frequency (from 1) has the index k + 3.

    Returns:
        Zeros and ones, uint8 of shape `(num_reviews, NUM_WORDS)`; column j is word number j + 1.
    """
    indicators = np.zeros((len(x), NUM_WORDS), dtype=np.uint8)
    for row, review in zip(indicators, x, strict=True):
        columns = np.asarray(review, dtype=np.int64) - FIRST_WORD
        row[columns[(columns >= 0) & (columns < NUM_WORDS)]] = 1
    return indicators


def encode_texts(x: np.ndarray) -> np.ndarray:
    """Return the last `TEXT_LENGTH` words of each review, where opinions are summed up.

    Args:
        x: One sequence of Keras' word indices a review, all below `TEXT_WORDS` + 4.

    Returns:
        The same indices, uint16 of shape `(num_reviews, TEXT_LENGTH)`; shorter reviews are filled
        up with zeros at their end.
    """
    texts = np.zeros((len(x), TEXT_LENGTH), dtype=np.uint16)
    for row, review in zip(texts, x, strict=True):
        words = review[-TEXT_LENGTH:]
        row[: len(words)] = words
    return texts


def _load(download: Download, options: LoadOptions) -> Arrays:
    stored = cache.read(download.name)
    if stored is not None:
        return stored
    options.progress(f"Preparing to download {download.title}")
    with ExitStack() as right:
        right.enter_context(cache.only_one_download(options.progress))
        # Whoever held the right before may just have stored the copy.
        stored = cache.read(download.name)
        if stored is not None:
            return stored
        (x_train, y_train), (x_test, y_test), words = fetch(download, options.progress, right)
        options.progress(f"Storing {download.title}")
        arrays = {
            "x_train": download.encode(x_train),
            "y_train": y_train.reshape(-1).astype(np.int32),
            "x_test": download.encode(x_test),
            "y_test": y_test.reshape(-1).astype(np.int32),
        }
        if words:
            arrays["words"] = np.array(words, dtype=np.str_)
        cache.write(download.name, arrays)
    return Arrays(x=arrays["x_train"], y=arrays["y_train"])


_MNIST = Download(
    name="mnist",
    title="MNIST",
    files={"mnist.npz": 11_490_434},
    encode=encode_pictures,
)
_FASHION_MNIST = Download(
    name="fashion_mnist",
    title="Fashion-MNIST",
    files={
        "fashion-mnist/train-labels-idx1-ubyte.gz": 29_515,
        "fashion-mnist/train-images-idx3-ubyte.gz": 26_421_880,
        "fashion-mnist/t10k-labels-idx1-ubyte.gz": 5_148,
        "fashion-mnist/t10k-images-idx3-ubyte.gz": 4_422_102,
    },
    encode=encode_pictures,
)
_CIFAR10 = Download(
    name="cifar10",
    title="CIFAR-10",
    files={"cifar-10-batches-py-target_archive": 170_498_071},
    encode=encode_pictures,
)
_IMDB = Download(
    name="imdb",
    title="IMDB",
    files={"imdb.npz": 17_464_789},
    arguments={"num_words": NUM_WORDS + FIRST_WORD},
    encode=encode_reviews,
    num_words=NUM_WORDS,
)
_IMDB_WORDS = Download(
    name="imdb_words",
    title="IMDB, word by word",
    files={"imdb.npz": 17_464_789},
    arguments={"num_words": TEXT_WORDS + FIRST_WORD},
    encode=encode_texts,
    module="imdb",
    num_words=TEXT_WORDS,
)
_IMDB_SOURCE = (
    "Maas, A. L., Daly, R. E., Pham, P. T., Huang, D., Ng, A. Y. and Potts, C. (2011). "
    "Learning word vectors for sentiment analysis. Proceedings of ACL-HLT 2011, 142-150. "
    "https://ai.stanford.edu/~amaas/data/sentiment/. The train part, through keras.datasets."
)
_IMDB_LICENCE = "No explicit licence; offered for research, its authors ask for a citation"

SPECS = (
    DatasetSpec(
        name="mnist",
        title="MNIST",
        summary="Grey pictures of handwritten digits; tell which digit each one shows.",
        task="multiclass",
        num_samples=60_000,
        input_shape=(28, 28, 1),
        pixel_scale=255.0,
        class_names=tuple("0123456789"),
        class_counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        target_name="digit",
        origin="downloaded",
        source=(
            "LeCun, Y., Bottou, L., Bengio, Y. and Haffner, P. (1998). Gradient-based learning "
            "applied to document recognition. Proceedings of the IEEE 86(11), 2278-2324. "
            "The train part, through keras.datasets."
        ),
        licence="Creative Commons Attribution-ShareAlike 3.0 (CC BY-SA 3.0)",
        defaults={"epochs": 5, "batch_size": 128},
        load=partial(_load, _MNIST),
    ),
    DatasetSpec(
        name="fashion_mnist",
        title="Fashion-MNIST",
        summary="Grey pictures of clothes; tell which of ten kinds each one shows.",
        task="multiclass",
        num_samples=60_000,
        input_shape=(28, 28, 1),
        pixel_scale=255.0,
        class_names=(
            "T-shirt/top",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
        class_counts=(6000,) * 10,
        target_name="piece",
        origin="downloaded",
        source=(
            "Xiao, H., Rasul, K. and Vollgraf, R. (2017). Fashion-MNIST: a novel image dataset "
            "for benchmarking machine learning algorithms. https://arxiv.org/abs/1708.07747. "
            "The train part, through keras.datasets."
        ),
        licence="MIT",
        defaults={"epochs": 10, "batch_size": 128},
        load=partial(_load, _FASHION_MNIST),
    ),
    DatasetSpec(
        name="cifar10",
        title="CIFAR-10",
        summary="Small colour photographs; tell which of ten animals and vehicles each one shows.",
        task="multiclass",
        num_samples=50_000,
        input_shape=(32, 32, 3),
        pixel_scale=255.0,
        class_names=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        class_counts=(5000,) * 10,
        target_name="object",
        origin="downloaded",
        source=(
            "Krizhevsky, A. (2009). Learning multiple layers of features from tiny images. "
            "Technical report, University of Toronto. "
            "https://www.cs.toronto.edu/~kriz/cifar.html. The train part, through keras.datasets."
        ),
        licence="No explicit licence; its authors ask for a citation",
        defaults={"hidden_layers": 2, "units": 256, "epochs": 10, "batch_size": 128},
        load=partial(_load, _CIFAR10),
    ),
    DatasetSpec(
        name="imdb",
        title="IMDB",
        summary=(
            f"Film reviews, as which of the {NUM_WORDS:,} most frequent words they have; "
            "tell whether the opinion is good."
        ),
        task="binary",
        num_samples=25_000,
        input_shape=(NUM_WORDS,),
        class_names=("negative", "positive"),
        class_counts=(12_500, 12_500),
        target_name="opinion",
        origin="downloaded",
        source=_IMDB_SOURCE,
        licence=_IMDB_LICENCE,
        defaults={"units": 16, "epochs": 10, "batch_size": 256},
        load=partial(_load, _IMDB),
    ),
    DatasetSpec(
        name="imdb_words",
        title="IMDB, word by word",
        summary=(
            f"Film reviews as their last {TEXT_LENGTH} words, in order; "
            "tell whether the opinion is good."
        ),
        task="binary",
        num_samples=25_000,
        input_shape=(TEXT_LENGTH,),
        vocabulary=TEXT_WORDS + FIRST_WORD,
        class_names=("negative", "positive"),
        class_counts=(12_500, 12_500),
        target_name="opinion",
        origin="downloaded",
        source=_IMDB_SOURCE,
        licence=_IMDB_LICENCE,
        defaults={
            "layers": "embedding(16) global_average_pool dense(16)",
            "epochs": 10,
            "batch_size": 256,
        },
        load=partial(_load, _IMDB_WORDS),
    ),
)
