"""What is likelier than all real music loses against what is among it, and nothing else changes."""

import numpy as np
import pytest

from bridge.views.declarations import VIEWS
from bridge.views.judgement import beyond_references, gated_cost, percentiles_of
from losscal.references import References, ViewReference

SPECTRAL_LM = VIEWS["spectral_lm"]


def places(percentile, llr_percentile):
    return {"percentile": percentile, "llr_percentile": llr_percentile}


def test_only_the_highest_percentile_is_beyond():
    assert "(percentile 100)" in beyond_references(SPECTRAL_LM, places(100.0, 50.0))
    assert "(llr_percentile 100)" in beyond_references(SPECTRAL_LM, places(None, 100.0))
    assert beyond_references(SPECTRAL_LM, places(99.99, 0.0)) is None
    assert beyond_references(SPECTRAL_LM, places(None, None)) is None and beyond_references(SPECTRAL_LM, {}) is None
    assert beyond_references(VIEWS["audiobox"], places(100.0, 100.0)) is None  # it has no references


@pytest.mark.parametrize(
    ("nats", "ratio", "is_beyond"),
    [(49.0, 61.0, True), (51.0, 61.0, False), (71.0, 61.0, False), (61.0, 49.0, False), (61.0, 71.0, True)],
)
def test_a_value_past_all_windows_is_beyond_whichever_way_the_statistic_points(nats, ratio, is_beyond):
    references = References(
        {
            name: ViewReference.of_values("hash", statistic, {10: [50.0, 60.0, 70.0]})
            for name, statistic in (("spectral_lm", "nll_nats_per_second"), ("spectral_lm_llr", "llr_nats_per_second"))
        }
    )
    figures = {"nll_nats_per_second": nats, "llr_nats_per_second": ratio}
    percentiles = percentiles_of(SPECTRAL_LM, figures, 10.0, references, "hash")
    assert (beyond_references(SPECTRAL_LM, percentiles) is not None) == is_beyond
    of_other_weights = percentiles_of(SPECTRAL_LM, figures, 10.0, references, "other")
    assert of_other_weights == dict.fromkeys(("percentile", "typicality", "llr_percentile"))


def test_what_is_beyond_comes_behind_all_others():
    versions = {"scale": (-120.0, 80.0, 100.0), "good": (-60.0, 80.0, 60.0), "bad": (-20.0, 20.0, 5.0)}
    costs = {name: gated_cost(SPECTRAL_LM, cost, places(*of)) for name, (cost, *of) in versions.items()}
    assert costs == {"scale": np.inf, "good": -60.0, "bad": -20.0}
