"""Canary on real histories: features are bit for bit what they are where the future was never recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.shared_data import shared_data
from training.births import births
from training.recorded import FILES, read_histories
from training.task import features_of, see

pytestmark = [pytest.mark.data, pytest.mark.slow]
CUTOFF = datetime(2024, 3, 4, tzinfo=UTC)
REPOS = frozenset({"cloud-gov/terraform-provision", "equinor/radix-platform", "pypi/infra"})


def test_deleting_the_future_changes_no_feature_of_real_histories(tmp_path: Path) -> None:
    folder = shared_data("iac_history")
    for name in FILES:
        table = pl.read_parquet(folder / name)
        table.filter(pl.col("time") <= CUTOFF).write_parquet(tmp_path / name)
    whole, cut = (read_histories(one, only=REPOS).timelines for one in (folder, tmp_path))
    (seen, prior), (seen_cut, prior_cut) = see(whole, CUTOFF), see(cut, CUTOFF)
    for one, other in zip(seen, seen_cut, strict=True):
        ours, theirs = features_of(one, prior), features_of(other, prior_cut)
        assert len(ours.values) > 40
        np.testing.assert_array_equal(ours.values, theirs.values)
    born, born_cut = (births([one.until(CUTOFF) for one in histories]) for histories in (whole, cut))
    np.testing.assert_array_equal(born.values, born_cut.values)
