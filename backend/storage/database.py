"""The database: SQLite in the data folder, by SQLAlchemy."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateColumn

from backend.errors import ConfigurationError

FILE_NAME = "gptsovits.db"


class Base(DeclarativeBase):
    """What all tables derive from."""


def open_database(data_dir: Path) -> Engine:
    """Return the engine of `data_dir`'s database, its tables made if they were missing.

    Deleted rows are overwritten, not only unlinked, and a commit has reached the disk before
    it returns.

    Raises:
        ConfigurationError: there is a file, and it is no database of ours or damaged.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / FILE_NAME
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _configure)
    try:
        _check(engine)
        Base.metadata.create_all(engine)
        _add_missing_columns(engine)
    except DBAPIError as error:
        raise ConfigurationError(
            f"the database {path} cannot be used ({error.orig}): put a copy of it back, or move "
            "it and the folder voices beside it away, to begin without voices"
        ) from error
    return engine


def _check(engine: Engine) -> None:
    """Read all of the database once.

    Raises:
        DBAPIError: it is damaged.
    """
    with engine.connect() as connection:
        found = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
    if found != "ok":
        raise DatabaseError("PRAGMA quick_check", {}, Exception(found.splitlines()[-1]))


def _add_missing_columns(engine: Engine) -> None:
    """Give tables of an older version the columns that came since; each has a default."""
    for table in Base.metadata.tables.values():
        present = {column["name"] for column in inspect(engine).get_columns(table.name)}
        for column in table.columns:
            if column.name not in present:
                column_text = CreateColumn(column).compile(engine)
                with engine.begin() as connection:
                    connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column_text}"))


def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("synchronous = FULL", "secure_delete = ON", "busy_timeout = 5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
