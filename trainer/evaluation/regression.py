"""The figures of a regression, from its counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainer.evaluation.counts import RegressionCounts


@dataclass(frozen=True, kw_only=True)
class RegressionReport:
    """How far predictions are off; NaN is undefined. Exact, not read off the bins.

    Attributes:
        mean_absolute_error: Mean size of the errors, in the target's unit.
        root_mean_squared_error: Square root of the mean squared error, in the target's unit.
        r2: Coefficient of determination; undefined where all targets are the same.
        bias: Mean error, prediction minus target, in the target's unit.
        support: Number of rows.
    """

    mean_absolute_error: float
    root_mean_squared_error: float
    r2: float
    bias: float
    support: float


def regression_report(counts: RegressionCounts) -> RegressionReport:
    """Return the figures of some counts."""
    n = counts.count
    if n == 0:
        nan = math.nan
        return RegressionReport(
            mean_absolute_error=nan, root_mean_squared_error=nan, r2=nan, bias=nan, support=0.0
        )
    spread = counts.total_squares - counts.total**2 / n
    # What rounding leaves of targets that are all the same is no spread.
    has_spread = spread > 1e-12 * counts.total_squares
    return RegressionReport(
        mean_absolute_error=counts.absolute_error / n,
        root_mean_squared_error=math.sqrt(counts.squared_error / n),
        r2=1 - counts.squared_error / spread if has_spread else math.nan,
        bias=counts.error / n,
        support=n,
    )
