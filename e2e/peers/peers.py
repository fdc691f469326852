"""Runs the suites of real peers and prints their figures; exits 1 if a check failed. Usage: peers.py [SUITE...]"""

import collections
import importlib
import sys
import time

SUITES = ["matrix", "frames", "ends", "apps", "http_checks", "smuggling", "leaks"]
SHOWN_MAX = 40


class Report:
    """Counts the checks of one suite."""

    def __init__(self, suite):
        self._suite = suite
        self._begun = time.monotonic()
        self._checks = 0
        self._failures = []
        self._unsupported = set()
        self._table = collections.defaultdict(collections.Counter)

    def check(self, name, passed, found):
        self._checks += 1
        row, _, column = name.partition(" -> ")
        self._table[row][column.split(" ")[0]] += 0 if passed else 1
        if not passed:
            self._failures.append(f"{name}: {found}")

    def unsupported(self, what):
        self._unsupported.add(what)

    def figure(self, text):
        print(f"figure: {self._suite}: {text}", flush=True)

    def end(self):
        columns = list(dict.fromkeys(column for row in self._table.values() for column in row))
        if any(columns):
            width = max(len(row) for row in self._table) + 2
            print(f"\n{self._suite}: failures, client by row, backend by column")
            print(" " * width + "".join(f"{column:>15}" for column in columns))
            for row, counts in self._table.items():
                print(f"{row:<{width}}" + "".join(f"{counts.get(column, '-'):>15}" for column in columns))
        for what in sorted(self._unsupported):
            print(f"  the library cannot: {what}")
        for failure in self._failures[:SHOWN_MAX]:
            print(f"  FAILED {failure[:1000]}")
        if len(self._failures) > SHOWN_MAX:
            print(f"  ... and {len(self._failures) - SHOWN_MAX} more")
        self.figure(f"{self._checks} checks, {len(self._failures)} failures, {time.monotonic() - self._begun:.0f} s")
        return not self._failures


def main():
    green = True
    for suite in sys.argv[1:] or SUITES:
        report = Report(suite)
        importlib.import_module(suite).run(report)
        green = report.end() and green
    sys.exit(0 if green else 1)


if __name__ == "__main__":
    main()
