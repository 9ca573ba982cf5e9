"""Robust statistics: centre and spread that a few wild values cannot move, and how far is far.

Sources: B. Iglewicz, D. C. Hoaglin, "How to Detect and Handle Outliers" (1993), section 3.3, for the modified z-score;
P. J. Rousseeuw, C. Croux, "Alternatives to the Median Absolute Deviation" (1993), table 1, for the efficiency of the MAD;
D. P. Gaver, K. Kafadar, "A retrievable recipe for inverse t" (1984), for the quantile of Student's t.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from statistics import NormalDist

__all__ = [
    "MAD_TO_SIGMA",
    "OUTLIER",
    "RunningMedian",
    "mad_sigma",
    "median",
    "quantile",
    "spread",
    "threshold",
]

MAD_TO_SIGMA = 1 / NormalDist().inv_cdf(0.75)
"""The standard deviation of a normal distribution over its median absolute deviation: 1.4826 (Iglewicz and Hoaglin's 1 / 0.6745)."""

_MEAN_TO_SIGMA = math.sqrt(math.pi / 2)
"""The same over its mean absolute deviation: 1.2533, for where the MAD is 0 (more than half of the values are equal)."""

OUTLIER = 3.5
"""Iglewicz and Hoaglin's limit of the modified z-score, beyond which a value is an outlier."""

_VALUES_FOR_TAIL = 20
_MAD_EFFICIENCY = 0.3674
"""Variance of the standard deviation's estimate over that of the MAD's, normal values: what n values tell is worth this much of n."""

_LEAST_FREEDOM = 2.5
"""The quantile's approximation needs more than 2 degrees of freedom."""


def median(ordered: Sequence[float]) -> float:
    """The median of values that are in order already.

    >>> median([1, 2, 10]), median([1, 2, 4, 10])
    (2, 3.0)
    """
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def mad_sigma(values: Iterable[float], centre: float) -> float:
    """The standard deviation that the median absolute deviation from `centre` stands for; 0 where most values are equal.

    >>> round(mad_sigma([1, 2, 3, 4, 100], 3), 4)
    1.4826
    """
    return MAD_TO_SIGMA * median(sorted(abs(value - centre) for value in values))


def spread(values: Sequence[float], centre: float) -> float:
    """A standard deviation in which the tails count as far as they are ordinary.

    The MAD is the 50 % quantile of the absolute deviations. From 20 values on the 95 % quantile of those that Iglewicz and Hoaglin's rule
    does not call outliers counts too: for normal values both say the same, for heavier tails the second says more. Where half of
    the values are equal and the MAD is 0, it is the 90 % quantile, and of few values the mean absolute deviation.

    >>> round(spread([0.0] * 9 + [1.0], 0.0), 3)
    0.125
    """
    deviations = sorted(abs(value - centre) for value in values)
    sigma = MAD_TO_SIGMA * median(deviations)
    if len(deviations) < _VALUES_FOR_TAIL:
        return sigma or _MEAN_TO_SIGMA * math.fsum(deviations) / len(deviations)
    if sigma == 0:
        return quantile(deviations, 0.9) / NormalDist().inv_cdf(0.95)
    ordinary = deviations[: bisect_right(deviations, OUTLIER * sigma)]
    return max(sigma, quantile(ordinary, 0.95) / NormalDist().inv_cdf(0.975))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that this share of the values in order does not exceed.

    >>> quantile([1, 2, 3, 4], 0.5), quantile([1, 2, 3, 4], 0.9)
    (2, 4)
    """
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@lru_cache(maxsize=4096)
def threshold(values: int, false_alarms: float) -> float:
    """How many spreads away a value is that normal values reach with the probability `false_alarms`, on either side.

    The spread comes from `values` values by the MAD, so the quotient has Student's t distribution with about 0.37 `values` degrees
    of freedom: little history gives a high threshold.

    >>> round(threshold(10_000, 0.0005), 2), round(threshold(30, 0.0005), 2)
    (3.48, 4.87)
    """
    freedom = max(_LEAST_FREEDOM, _MAD_EFFICIENCY * values)
    z = NormalDist().inv_cdf(1 - false_alarms / 2)
    # Gaver and Kafadar (1984): t = sqrt(f * (exp(z^2 * (f - 1.5) / (f - 1)^2) - 1)).
    return math.sqrt(freedom * math.expm1(z * z * (freedom - 1.5) / (freedom - 1) ** 2))


class RunningMedian:
    """The median of the last `size` values that were added."""

    def __init__(self, size: int) -> None:
        self._values: deque[float] = deque(maxlen=size)
        self._ordered: list[float] = []

    def add(self, value: float) -> None:
        """Add a value; the oldest goes where there are too many."""
        if len(self._values) == self._values.maxlen:
            del self._ordered[bisect_left(self._ordered, self._values[0])]
        self._values.append(value)
        insort(self._ordered, value)

    @property
    def value(self) -> float:
        """The median; there must be a value."""
        return median(self._ordered)

    def __len__(self) -> int:
        return len(self._values)
