"""What is likelier than all real music loses against what is among it, and nothing else changes."""

import numpy as np

from bridge.views.judgement import gated_cost, is_beyond_references
from losscal.references import ViewReference


def test_only_the_highest_percentile_is_beyond():
    assert is_beyond_references(100.0) and is_beyond_references(50.0, 100.0) and is_beyond_references(None, 100.0)
    assert not is_beyond_references(99.99) and not is_beyond_references(0.0, 50.0)
    assert not is_beyond_references(None) and not is_beyond_references()


def test_a_value_past_all_windows_is_beyond_whichever_way_the_statistic_points():
    nats = ViewReference.of_values("hash", "nll_nats_per_second", {10: [50.0, 60.0, 70.0]})
    ratio = ViewReference.of_values("hash", "llr_nats_per_second", {10: [50.0, 60.0, 70.0]})
    assert [is_beyond_references(nats.percentile(10, value)) for value in (49.0, 51.0, 71.0)] == [True, False, False]
    assert [is_beyond_references(ratio.percentile(10, value)) for value in (49.0, 69.0, 71.0)] == [False, False, True]


def test_what_is_beyond_comes_behind_all_others():
    versions = {"scale": (-120.0, 80.0, 100.0), "good": (-60.0, 80.0, 60.0), "bad": (-20.0, 20.0, 5.0)}
    costs = {name: gated_cost(*values) for name, values in versions.items()}
    assert costs == {"scale": np.inf, "good": -60.0, "bad": -20.0}
