"""Adds up the histograms of an interval log by their tags, with the public HdrHistogram tools."""

import json
import math
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader


def at(histogram, quantile):
    """The value of rank ceil(q n): asked by its share of n, so that no rounding takes another rank."""
    rank = math.ceil(quantile * histogram.total_count)
    return histogram.get_value_at_percentile(100 * rank / histogram.total_count)


sums = {}
reader = HistogramLogReader(sys.argv[1], HdrHistogram(1, 3_600_000_000_000, 3))
while (interval := reader.get_next_interval_histogram()) is not None:
    new = HdrHistogram(1_000, 2 * 3_600_000_000_000, 3)
    sums.setdefault(interval.get_tag(), new).add(interval)

json.dump(
    {
        tag: {"count": sum.total_count, "p50": at(sum, 0.5), "p99": at(sum, 0.99)}
        for tag, sum in sums.items()
    },
    sys.stdout,
)
