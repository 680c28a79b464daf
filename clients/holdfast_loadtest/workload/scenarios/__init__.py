"""The scenarios, each a small file that says what arrives when."""

from __future__ import annotations

from typing import Final

from holdfast_loadtest.workload.scenario import Scenario
from holdfast_loadtest.workload.scenarios.baskets import BASKETS
from holdfast_loadtest.workload.scenarios.flash_sale import FLASH_SALE
from holdfast_loadtest.workload.scenarios.hot_set import HOT_SET
from holdfast_loadtest.workload.scenarios.mixed_life import MIXED_LIFE
from holdfast_loadtest.workload.scenarios.real_orders import REAL_ORDERS
from holdfast_loadtest.workload.scenarios.wide_catalogue import WIDE_CATALOGUE

SCENARIOS: Final[dict[str, Scenario]] = {
    scenario.name: scenario for scenario in (FLASH_SALE, HOT_SET, WIDE_CATALOGUE, BASKETS, MIXED_LIFE, REAL_ORDERS)
}
