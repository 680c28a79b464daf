"""One cluster for the tests of this folder. Whoever kills a part of it gets it back whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.cluster import ValkeyCluster
from support.folders import new_folder

# Their slots lie on three different masters.
SEGMENTS = ("a", "b", "c")


@pytest.fixture(scope="session")
def running_cluster() -> Iterator[ValkeyCluster]:
    with new_folder() as folder:
        running = ValkeyCluster(folder)
        yield running
        running.close()


@pytest.fixture
def cluster(running_cluster: ValkeyCluster) -> ValkeyCluster:
    """A cluster that is whole, whatever the test before did to it."""
    running_cluster.mend()
    return running_cluster
