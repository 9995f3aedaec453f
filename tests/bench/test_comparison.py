"""What bench/compare makes of measurements: turns, ratios, bars, the fastest variant, the
lines of a table. Nothing is measured here.

    test_comparison.py BENCH
"""
import os
import sys
import types
import unittest

sys.path.insert(0, sys.argv.pop())

from comparison import pairs, report  # noqa: E402
from comparison.result import Result, paired  # noqa: E402
from comparison.side import Skip, one, reason  # noqa: E402


def quiet(rounds):
    return types.SimpleNamespace(rounds=rounds, say=lambda text: None)


class Comparison(unittest.TestCase):
    def test_each_side_goes_first_in_turn(self):
        order = []
        seen = pairs.take_turns(quiet(3), {
            "a": lambda: order.append("a") or len(order),
            "b": lambda: order.append("b") or len(order)})
        self.assertEqual("".join(order), "abbaab")
        self.assertEqual(seen, {"a": [1, 4, 5], "b": [2, 3, 6]})

    def test_ratio_is_the_median_over_pairs_not_of_medians(self):
        r = paired("x", "tokens/s", [10, 30, 20], [5, 10, 20], bar=2)
        self.assertEqual((r.ratio, r.lowest, r.highest), (2, 1, 3))
        self.assertEqual(r.pairs, [[10, 5], [30, 10], [20, 20]])
        self.assertTrue(r.met())

    def test_of_seconds_less_is_better(self):
        self.assertEqual(paired("x", "s", [2], [6], inverse=True).ratio, 3)

    def test_bars(self):
        self.assertFalse(Result("x", "", 1, ratio=1.99, bar=2).met())
        self.assertTrue(Result("x", "s", 0.9, bar=1, below=True, absolute=True).met())
        self.assertFalse(Result("x", "s", 1.0, bar=1, below=True, absolute=True).met())
        self.assertIsNone(Result("x", "", None, bar=2).met())
        self.assertIsNone(Result("x", "", 1, ratio=3).met())

    def test_the_fastest_variant_is_found_past_those_that_do_not_work(self):
        rates = {("a", ""): 1, ("b", ""): 3, ("b", "kept"): 2}

        def measure(variant):
            if variant["how"] == "c":
                raise Skip("no c here")
            return rates[variant["how"], variant["memory"]]

        axes = {"how": ["a", "b", "c"], "memory": ["", "kept"]}
        best, seen = pairs.best_variant(quiet(1), axes, measure)
        self.assertEqual(best, {"how": "b", "memory": ""})
        self.assertEqual(seen, [["a", 1], ["b", 3], ["c", "no c here"], ["b, kept", 2]])

    def test_no_variant_works(self):
        def measure(_):
            raise Skip("No module named 'torch'")
        with self.assertRaisesRegex(Skip, "torch"):
            pairs.best_variant(quiet(1), {"how": ["a", "b"]}, measure)

    def test_a_side_that_does_not_start_says_why(self):
        code = "raise ImportError('No module named torch')"
        with self.assertRaisesRegex(Skip, "ImportError: No module named torch"):
            one([sys.executable, "-c", code], [min(os.sched_getaffinity(0))])

    def test_the_reason_is_the_exception_not_what_follows_it(self):
        self.assertEqual(reason("Traceback\nOSError: gone\n\nmore: x\n"), "OSError: gone")
        self.assertEqual(reason("a\nsettings: no\n"), "settings: no")

    def test_table_says_what_is_not_met_and_what_was_skipped(self):
        result = paired("MiniLM | mrpc", "tokens/s", [1500], [1000], bar=2, against="it")
        rows = [{"name": "a", "title": "A", "skipped": "", "results": [result.as_dict()]},
                {"name": "b", "title": "B", "skipped": "no torch", "results": []}]
        text = report.markdown({"machine": {}, "versions": {}, "settings": {},
                                "command": "compare", "rows": rows})
        self.assertIn("| MiniLM \\| mrpc | tokens/s | 1,500 | 1,000 | 1.50 | 1.50..1.50 "
                      "| 2 | NO | it |", text)
        self.assertIn("Skipped: no torch", text)


if __name__ == "__main__":
    unittest.main()
