"""The measurement of `pace.py`, with deletions of seconds."""

from collections import Counter

import pytest

from tests.integration.api_harness import CallRecorder
from tests.openstack.cloud import Cloud
from tests.openstack.pace import measure

pytestmark = pytest.mark.openstack


def test_slow_deletions_are_proven_after_cinder_has_deleted_and_every_get_is_counted(cloud: Cloud) -> None:
    recorder = CallRecorder()
    watched = measure(cloud, [1.0, 3.0], 3, recorder, base_s=6)
    assert all(len(each.lags_s) == 3 and min(each.lags_s) > 0 for each in watched.values())
    assert all(each.looks >= 1 for each in watched.values())
    calls = Counter(operation for operation, _ in recorder.calls)
    assert calls["DeleteBackup"] == 6
    before_deletes = calls["ShowBackup"] - sum(len(each.looks_at_s) for each in watched.values())
    assert 6 <= before_deletes <= 12  # a second one, if the first is older than two seconds
