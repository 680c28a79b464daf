"""The check of truth: the ledger is sound, and it holds exactly what was acknowledged."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from typing import Final

from holdfast.inventory.v1 import audit_service_pb2, catalog_pb2, inventory_service_pb2

from holdfast_client.client import HoldfastClient, availability_key, reservation_request
from holdfast_client.ledger_verdict import is_verified
from holdfast_loadtest.demand import CHANNEL, HOT_SKUS, LOCATION, POOL, SCARCE_SKU, SPREAD_SKUS
from holdfast_loadtest.pools import sold_from_pools, stock_up_pools
from holdfast_loadtest.task import Outcome

PLENTY: Final = 1_000_000_000
"""The units of a SKU that must not run out."""

SCARCE_UNITS: Final = 1_000
SCARCE_REQUESTS: Final = 1_500
_BATCH: Final = 50
_KEYS_PER_CALL: Final = 1_000


@dataclass(slots=True, kw_only=True)
class Account:
    """What the callers were told, over the whole run. Every reservation is for one unit."""

    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0

    def add(self, outcome: Outcome) -> None:
        self.acknowledged += outcome.acknowledged
        self.refused += outcome.refused
        self.unknown += outcome.unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the ledger says, next to what the callers were told."""

    acknowledged: int
    sold: int
    unknown: int
    unexpected_refusals: int
    scarce_units: int
    scarce_sold: int
    phases_checked: int
    phases_that_differed: tuple[str, ...]
    ledger_operations: int
    ledger_clean: bool
    oversold: int
    leaked: int
    findings: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Nothing is wrong and nothing is unknown."""
        return (
            self.ledger_clean
            and not (self.oversold or self.leaked or self.unknown or self.unexpected_refusals)
            and not self.phases_that_differed
            and self.sold == self.acknowledged
            and self.scarce_sold == self.scarce_units
        )

    def to_json(self) -> dict[str, object]:
        return {"sound": self.sound, **dataclasses.asdict(self)}


async def stock_up(client: HoldfastClient) -> None:
    """Puts the master data of a run into an empty authority, and its units."""
    skus = (*SPREAD_SKUS, *HOT_SKUS, SCARCE_SKU)
    for start in range(0, len(skus), _KEYS_PER_CALL):
        await client.put_items([catalog_pb2.Item(sku=sku) for sku in skus[start : start + _KEYS_PER_CALL]])
    await client.put_locations([catalog_pb2.Location(location=LOCATION)])
    await client.put_pools([catalog_pb2.Pool(pool=POOL, locations=[LOCATION])])
    await client.put_channels([catalog_pb2.Channel(channel=CHANNEL, pool=POOL)])
    for sku_units in (dict.fromkeys(SPREAD_SKUS, PLENTY), {HOT_SKUS[0]: PLENTY, SCARCE_SKU: SCARCE_UNITS}):
        lines = [
            inventory_service_pb2.ReceiptLine(sku=sku, location=LOCATION, quantity=units)
            for sku, units in sku_units.items()
        ]
        await client.receive_stock(lines)
    await stock_up_pools(client)


async def sold_units(client: HoldfastClient) -> int:
    """Returns the units that are reserved of all SKUs but the scarce one."""
    return await _reserved(client, (*SPREAD_SKUS, *HOT_SKUS)) + await sold_from_pools(client)


async def _reserved(client: HoldfastClient, skus: tuple[str, ...]) -> int:
    sold = 0
    for start in range(0, len(skus), _KEYS_PER_CALL):
        keys = [availability_key(sku, location=LOCATION) for sku in skus[start : start + _KEYS_PER_CALL]]
        answer = await client.batch_get_availability(keys)
        for availability in answer.availabilities:
            sold += availability.stock_level.held_quantity + availability.stock_level.committed_quantity
    return sold


async def sell_out(client: HoldfastClient) -> int:
    """Asks for more units than there are, many at once, and returns how many requests were granted."""

    async def batch() -> int:
        requests = [reservation_request(channel=CHANNEL, lines=[(SCARCE_SKU, 1)]) for _ in range(_BATCH)]
        answer = await client.batch_create_reservations(requests)
        return sum(result.HasField("created") for result in answer.results)

    return sum(await asyncio.gather(*(batch() for _ in range(SCARCE_REQUESTS // _BATCH))))


async def ledger_verdict(client: HoldfastClient) -> tuple[audit_service_pb2.LedgerVerdict, int]:
    """Reads the whole ledger; returns what is found, and the operations that it has."""
    verdict, operations = audit_service_pb2.LedgerVerdict(), 0
    async for progress in client.verify_ledger():
        verdict, operations = progress.verdict, progress.operation_count
    return verdict, operations


async def check_truth(
    client: HoldfastClient, account: Account, *, phases_checked: int, phases_that_differed: tuple[str, ...]
) -> Truth:
    """Sells a scarce SKU out, then reads the whole ledger."""
    scarce_granted = await sell_out(client)
    scarce_reserved = await _reserved(client, (SCARCE_SKU,))
    verdict, operations = await ledger_verdict(client)
    return Truth(
        acknowledged=account.acknowledged,
        sold=await sold_units(client),
        unknown=account.unknown,
        unexpected_refusals=account.refused,
        scarce_units=SCARCE_UNITS,
        scarce_sold=scarce_granted if scarce_granted == scarce_reserved else -1,
        phases_checked=phases_checked,
        phases_that_differed=phases_that_differed,
        ledger_operations=operations,
        ledger_clean=is_verified(verdict),
        oversold=verdict.oversold_quantity,
        leaked=verdict.leaked_quantity,
        findings=tuple(f"{finding.row}: {finding.description}" for finding in verdict.findings),
    )
