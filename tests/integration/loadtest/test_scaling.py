"""The benchmark of segments: what was acknowledged is held against what the ledger of each authority holds."""

from pathlib import Path

from holdfast_loadtest.authority import temporary_directory
from holdfast_loadtest.scaling import bench
from holdfast_loadtest.scaling.ways import WAYS


async def test_a_unit_that_was_acknowledged_and_is_not_there_makes_a_run_unsound() -> None:
    (split,) = (way for way in WAYS if way.name == "split")
    with temporary_directory() as directory:
        async with bench._side(Path(directory), 2) as side:
            measured = await bench._load(split, side, 0.3)
            assert measured.reservations > 0
            assert await bench._is_sound(side, measured.reservations * 2)
            assert not await bench._is_sound(side, measured.reservations * 2 + 1)
