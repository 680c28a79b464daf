"""The migrations, run one after the other, make exactly the tables that the queries are written for."""

from __future__ import annotations

from importlib import resources

import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from holdfast_server.ledger import tables
from holdfast_server.ledger.migrate import migrate, sqlalchemy_url
from integration.ledger.entries import Ledger
from support.servers import Servers

_FOLDER = resources.files("holdfast_server.ledger").joinpath("migrations")


def test_migrations_replayed_equal_the_declared_tables(ledger: Ledger) -> None:
    engine = sqlalchemy.create_engine(sqlalchemy_url(ledger.settings.postgres_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()


def test_a_difference_between_the_two_would_be_seen(ledger: Ledger) -> None:
    ledger.query("ALTER TABLE item ADD COLUMN colour text")
    ledger.query("ALTER TABLE movement ALTER COLUMN kind TYPE integer")
    engine = sqlalchemy.create_engine(sqlalchemy_url(ledger.settings.postgres_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert len(compare_metadata(context, tables.metadata)) == 2
    engine.dispose()


def test_migrations_are_numbered_without_a_gap_and_each_has_its_sql() -> None:
    names = [file.name for file in _FOLDER.joinpath("versions").iterdir() if not file.name.startswith("__")]
    scripts = sorted(name for name in names if name.endswith(".py"))
    assert [name[:4] for name in scripts] == [f"{number:04d}" for number in range(1, len(scripts) + 1)]
    assert sorted(name for name in names if name.endswith(".sql")) == [name[:-3] + ".sql" for name in scripts]


def test_each_migration_follows_the_one_before_it_and_bears_the_number_of_its_file() -> None:
    with resources.as_file(_FOLDER) as folder:
        found = list(ScriptDirectory(str(folder)).walk_revisions())[::-1]
    numbers = [f"{number:04d}" for number in range(1, len(found) + 1)]
    assert [script.revision for script in found] == numbers
    assert [script.down_revision for script in found] == [None, *numbers[:-1]]
    assert all(script.path.rsplit("/", 1)[1].startswith(script.revision) for script in found)


def test_migrating_twice_changes_nothing(servers: Servers, ledger: Ledger) -> None:
    before = ledger.query("SELECT * FROM alembic_version")
    migrate(ledger.settings.postgres_url)
    assert ledger.query("SELECT * FROM alembic_version") == before
