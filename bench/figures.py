"""The raw results: one measured value per line, asked by what it belongs to."""

import statistics
from collections import defaultdict


class Figures:
    def __init__(self, path):
        self.values = defaultdict(lambda: defaultdict(list))
        with open(path, encoding="utf-8") as file:
            for line in file:
                part, subject, query, protocol, clients, nth, metric, value = line.rstrip("\n").split("\t")
                self.values[part, subject, query, protocol, int(clients), metric][int(nth)].append(float(value))

    def by_round(self, *key):
        """The median of each round."""
        return {nth: statistics.median(values) for nth, values in self.values.get(key, {}).items()}

    def median(self, *key):
        """Over the rounds; None if it was not measured."""
        rounds = self.by_round(*key)
        return statistics.median(rounds.values()) if rounds else None

    def ratio(self, ours, theirs):
        """The median of the rounds' ratios: both were measured side by side in each round."""
        return self._paired(ours, theirs, lambda a, b: a / b)

    def difference(self, ours, theirs):
        return self._paired(ours, theirs, lambda a, b: a - b)

    def _paired(self, ours, theirs, operation):
        a, b = self.by_round(*ours), self.by_round(*theirs)
        common = a.keys() & b.keys()
        return statistics.median(operation(a[nth], b[nth]) for nth in common) if common else None
