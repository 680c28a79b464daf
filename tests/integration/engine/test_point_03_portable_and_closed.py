from integration.engine.rig import Rig


async def test_smoke(rig: Rig) -> None:
    await rig.hold_units(2)
    assert await rig.available() == 8
    rig.assert_ledger_is_sound()
