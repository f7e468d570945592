"""Real datasets that are shipped with scikit-learn."""

from __future__ import annotations

import numpy as np

from trainer.datasets.spec import Arrays, DatasetSpec, LoadOptions

_CC_BY = "Creative Commons Attribution 4.0 (CC BY 4.0)"


def _load_digits(options: LoadOptions) -> Arrays:
    from sklearn.datasets import load_digits

    data = load_digits()
    # Pixels count the dark points of a 4x4 block, 0 to 16; models learn best from 0 to 1.
    x = (data.images / 16).astype(np.float32)[..., np.newaxis]
    return Arrays(x=x, y=data.target.astype(np.int32))


def _load_breast_cancer(options: LoadOptions) -> Arrays:
    from sklearn.datasets import load_breast_cancer

    return _labelled(*load_breast_cancer(return_X_y=True))


def _load_wine(options: LoadOptions) -> Arrays:
    from sklearn.datasets import load_wine

    return _labelled(*load_wine(return_X_y=True))


def _load_iris(options: LoadOptions) -> Arrays:
    from sklearn.datasets import load_iris

    return _labelled(*load_iris(return_X_y=True))


def _load_diabetes(options: LoadOptions) -> Arrays:
    from sklearn.datasets import load_diabetes

    # Unscaled, so that the columns are in years, kg/m² and mg/dl where people look at them.
    x, y = load_diabetes(return_X_y=True, scaled=False)
    return Arrays(x=x.astype(np.float32), y=y.astype(np.float32))


def _labelled(x: np.ndarray, y: np.ndarray) -> Arrays:
    return Arrays(x=x.astype(np.float32), y=y.astype(np.int32))


_CELL_MEASURES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
)

SPECS = (
    DatasetSpec(
        name="digits",
        title="Handwritten digits",
        summary="Small grey pictures of handwritten digits; tell which digit each one shows.",
        task="multiclass",
        num_samples=1797,
        input_shape=(8, 8, 1),
        class_names=tuple("0123456789"),
        class_counts=(178, 182, 177, 183, 181, 182, 181, 179, 174, 180),
        target_name="digit",
        origin="bundled",
        source=(
            "Alpaydin, E. and Kaynak, C. (1998). Optical Recognition of Handwritten Digits (the "
            "test part). UCI Machine Learning Repository. https://doi.org/10.24432/C50P49. "
            "Shipped with scikit-learn."
        ),
        licence=_CC_BY,
        load=_load_digits,
    ),
    DatasetSpec(
        name="breast_cancer",
        title="Breast cancer",
        summary=(
            "Measurements of cell nuclei in a tissue sample; tell whether the tumour is "
            "malignant or benign."
        ),
        task="binary",
        num_samples=569,
        input_shape=(30,),
        class_names=("malignant", "benign"),
        class_counts=(212, 357),
        feature_names=(
            *(f"mean {measure}" for measure in _CELL_MEASURES),
            *(f"{measure} error" for measure in _CELL_MEASURES),
            *(f"worst {measure}" for measure in _CELL_MEASURES),
        ),
        target_name="diagnosis",
        origin="bundled",
        source=(
            "Wolberg, W., Mangasarian, O., Street, N. and Street, W. (1993). Breast Cancer "
            "Wisconsin (Diagnostic). UCI Machine Learning Repository. "
            "https://doi.org/10.24432/C5DW2B. Shipped with scikit-learn."
        ),
        licence=_CC_BY,
        standardize=True,
        defaults={"epochs": 50},
        load=_load_breast_cancer,
    ),
    DatasetSpec(
        name="wine",
        title="Wine",
        summary="Chemical analyses of Italian wines; tell which of three growers made each one.",
        task="multiclass",
        num_samples=178,
        input_shape=(13,),
        class_names=("grower 1", "grower 2", "grower 3"),
        class_counts=(59, 71, 48),
        feature_names=(
            "alcohol",
            "malic acid",
            "ash",
            "alcalinity of ash",
            "magnesium",
            "total phenols",
            "flavanoids",
            "nonflavanoid phenols",
            "proanthocyanins",
            "color intensity",
            "hue",
            "od280/od315 of diluted wines",
            "proline",
        ),
        target_name="grower",
        origin="bundled",
        source=(
            "Aeberhard, S. and Forina, M. (1992). Wine. UCI Machine Learning Repository. "
            "https://doi.org/10.24432/C5PC7J. Shipped with scikit-learn."
        ),
        licence=_CC_BY,
        standardize=True,
        defaults={"learning_rate": 0.003, "epochs": 50},
        load=_load_wine,
    ),
    DatasetSpec(
        name="iris",
        title="Iris",
        summary="Sizes of iris flowers in centimetres; tell which of three species each one is.",
        task="multiclass",
        num_samples=150,
        input_shape=(4,),
        class_names=("setosa", "versicolor", "virginica"),
        class_counts=(50, 50, 50),
        feature_names=(
            "sepal length (cm)",
            "sepal width (cm)",
            "petal length (cm)",
            "petal width (cm)",
        ),
        target_name="species",
        origin="bundled",
        source=(
            "Fisher, R. A. (1936). The use of multiple measurements in taxonomic problems. "
            "Annals of Eugenics 7(2), 179-188. https://doi.org/10.24432/C56C76. "
            "Shipped with scikit-learn."
        ),
        licence=_CC_BY,
        standardize=True,
        defaults={"learning_rate": 0.01},
        load=_load_iris,
    ),
    DatasetSpec(
        name="diabetes",
        title="Diabetes",
        summary=(
            "Ten measurements of a patient; predict how far the disease has progressed one "
            "year later."
        ),
        task="regression",
        num_samples=442,
        input_shape=(10,),
        feature_names=(
            "age",
            "sex",
            "body mass index",
            "blood pressure",
            "total cholesterol",
            "LDL cholesterol",
            "HDL cholesterol",
            "total / HDL cholesterol",
            "log of triglycerides",
            "blood sugar",
        ),
        target_name="disease progression",
        origin="bundled",
        source=(
            "Efron, B., Hastie, T., Johnstone, I. and Tibshirani, R. (2004). Least Angle "
            "Regression. Annals of Statistics 32(2), 407-499. "
            "https://doi.org/10.1214/009053604000000067. Shipped with scikit-learn."
        ),
        licence="No explicit licence; published with the paper",
        standardize=True,
        defaults={"learning_rate": 0.01},
        load=_load_diabetes,
    ),
)
