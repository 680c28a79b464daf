"""What a rebuild does: fence and read a snapshot, load piece by piece, open.

It may begin at any time and for any reason, so that no trigger of it needs to be modelled.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol.model import (
    EMPTY_SPACE,
    ENDED_LOADER,
    Level,
    Loader,
    Scenario,
    Segment,
    Space,
    Stage,
    State,
    Step,
    put,
    space_name,
)
from protocol.rules import Rules
from protocol.sequencer import KNOWS_SAFETY
from protocol.tail import may_rebuild

PIECES_BEFORE = {Stage.FENCED: 0, Stage.OUTCOMES: 1, Stage.LEVELS: 2}


def loader_steps(state: State, index: int, rules: Rules, scenario: Scenario) -> Iterator[Step]:
    """Give every step that one loader can take."""
    stage, name = state.loaders[index].stage, f"L{index + 1}"
    if stage is Stage.IDLE:
        for primary in range(len(state.primaries)):
            if scenario.may_lose_tail and not may_rebuild(state, primary, state.loaders[index].format, rules):
                continue
            place = f" for Redis {primary + 1}" if len(state.primaries) > 1 else ""
            after = _with_snapshot(state, index, primary)
            if rules.fence_with_snapshot:
                after = _fenced(after, index, scenario)
                yield f"{name} fences epoch {after.postgres.epoch} and reads its snapshot{place}", after
            else:
                yield f"{name} reads a snapshot before it fences{place}", after
    elif stage is Stage.READ:
        after = _fenced(state, index, scenario)
        yield f"{name} fences epoch {after.postgres.epoch}", after
    elif stage is Stage.OPENED:
        yield _opened_in_postgres(state, index)
    elif stage is not Stage.ENDED:
        yield _going_on(state, index, rules, scenario)


def _with_snapshot(state: State, index: int, primary: int) -> State:
    postgres = state.postgres
    loader = state.loaders[index]._replace(
        stage=Stage.READ,
        epoch=postgres.epoch,
        primary=primary,
        base=postgres.cursor,
        level=postgres.level,
        outcomes=postgres.outcomes,
    )
    return state._replace(loaders=put(state.loaders, index, loader))


def _fenced(state: State, index: int, scenario: Scenario) -> State:
    """Lock the segment's row and raise the epoch; from here no commit of an older epoch matches."""
    postgres, loader = state.postgres, state.loaders[index]
    cursor = postgres.cursor._replace(epoch=postgres.epoch + 1)
    loader = loader._replace(stage=Stage.FENCED, epoch=cursor.epoch, base=loader.base._replace(epoch=cursor.epoch))
    return state._replace(
        postgres=postgres._replace(
            cursor=cursor,
            bases=(*postgres.bases, cursor),
            homes=(*postgres.homes, state.primaries[loader.primary].process),
            segment=Segment.LOADING if scenario.may_lose_tail else Segment.OPEN,
        ),
        loaders=put(state.loaders, index, loader),
    )


def _going_on(state: State, index: int, rules: Rules, scenario: Scenario) -> Step:
    """Load the next piece, or open. A loader that finds its earlier pieces gone gives up."""
    loader, name = state.loaders[index], f"L{index + 1}"
    redis = state.primaries[loader.primary]
    key = space_name(loader.epoch, rules)
    space, pieces = redis.space(key), PIECES_BEFORE[loader.stage]
    ended = state._replace(loaders=put(state.loaders, index, ENDED_LOADER))
    if pieces and rules.load_pieces_are_counted and (space.loaded_by, space.pieces) != (loader.epoch, pieces):
        return f"{name} finds its earlier pieces gone and gives up", ended
    if loader.stage is Stage.LEVELS:
        opened = loader._replace(stage=Stage.OPENED) if scenario.may_lose_tail else ENDED_LOADER
        after = state._replace(loaders=put(state.loaders, index, opened))
        return _opened(after, ended, loader, name, rules, scenario)
    if loader.stage is Stage.FENCED:
        space, after, what = _with_outcomes(space, loader, rules, scenario), Stage.OUTCOMES, "outcomes"
    else:
        space, after, what = space._replace(level=_loaded(loader, rules)), Stage.LEVELS, "level"
    space = space._replace(loaded_by=loader.epoch, pieces=pieces + 1)
    return f"{name} loads the {what} of epoch {loader.epoch}", state._replace(
        primaries=put(state.primaries, loader.primary, redis.with_space(key, space)),
        loaders=put(state.loaders, index, loader._replace(stage=after)),
    )


def _with_outcomes(space: Space, loader: Loader, rules: Rules, scenario: Scenario) -> Space:
    """Load the window. What is left out raises the floor; any look-up from before the snapshot becomes too old."""
    kept = () if scenario.small_window else loader.outcomes
    left_out = [outcome.effective_time for outcome in loader.outcomes if outcome not in kept]
    blank = EMPTY_SPACE if rules.epoch_names_keys else space
    return blank._replace(
        outcomes=kept,
        floor=max(left_out, default=0),
        evicted_seq=loader.base.seq if rules.rebuild_raises_evicted else 0,
    )


def _loaded(loader: Loader, rules: Rules) -> Level:
    """Load the level with its rule and its holds: what this loader's format knows of them."""
    level, knows_rules = loader.level, loader.format >= KNOWS_SAFETY and rules.rebuild_loads_rules
    return level._replace(
        safety=level.safety if knows_rules else 0,
        holds=level.holds if rules.rebuild_loads_holds else (),
    )


def _opened(state: State, ended: State, loader: Loader, name: str, rules: Rules, scenario: Scenario) -> Step:
    redis, key = state.primaries[loader.primary], space_name(loader.epoch, rules)
    if rules.open_only_upwards and redis.epoch > loader.epoch:
        return f"{name} finds a higher epoch open and gives up", ended
    space = redis.space(key)._replace(seq=loader.base.seq, hash=loader.base.hash, format=loader.format)
    if scenario.may_lose_tail:
        # What lower epochs left behind is cleared away, their journals with it.
        space = space._replace(committed=loader.base.seq, counted=len(loader.outcomes))
        redis = redis._replace(spaces=tuple(pair for pair in redis.spaces if pair[0] >= key))
    else:
        space = space._replace(journal=())
    redis = redis.with_space(key, space)._replace(epoch=loader.epoch)
    state = state._replace(primaries=put(state.primaries, loader.primary, redis))
    if rules.open_waits_out_lease:
        # By now the lease of every server that has not asked since the fence has run out.
        servers = tuple(
            server._replace(fresh=server.fresh and server.epoch >= loader.epoch) for server in state.servers
        )
        state = state._replace(servers=servers)
    return f"{name} opens epoch {loader.epoch}", state


def _opened_in_postgres(state: State, index: int) -> Step:
    """Say in Postgres that the epoch is open, which lets servers decide. It comes too late if the epoch is over."""
    loader, postgres, name = state.loaders[index], state.postgres, f"L{index + 1}"
    ended = state._replace(loaders=put(state.loaders, index, ENDED_LOADER))
    if (postgres.epoch, postgres.segment) != (loader.epoch, Segment.LOADING):
        return f"{name} comes too late to say that epoch {loader.epoch} is open", ended
    return (
        f"{name} says that epoch {loader.epoch} is open",
        ended._replace(postgres=postgres._replace(segment=Segment.OPEN)),
    )
