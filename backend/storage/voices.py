"""The rows of the stored voices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import DateTime, Engine, String, delete, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from backend.errors import StorageError, VoiceExistsError
from backend.storage.database import Base


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class VoiceRow(Base):
    """A stored voice. `folder` names its blobs and is never used twice.

    `bundle` names the weights that speak in it; empty means the server's first.
    """

    __tablename__ = "voices"

    voice_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    folder: Mapped[str] = mapped_column(String(32), unique=True)
    display_name: Mapped[str]
    description: Mapped[str]
    language: Mapped[str] = mapped_column(String(16))
    transcript: Mapped[str]
    consent_speaker: Mapped[str]
    consent_text: Mapped[str]
    bundle: Mapped[str] = mapped_column(String(63), default="", server_default="")
    created: Mapped[datetime] = mapped_column(DateTime, default=_now)

    @property
    def created_utc(self) -> datetime:
        """When the voice was created; SQLite keeps no time zone, so it is put back here."""
        return self.created.replace(tzinfo=UTC)


class VoiceTable:
    """Reads and writes the rows. Rows come back detached and must not be changed.

    Every method raises StorageError where the database refuses.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, row: VoiceRow) -> None:
        """Store a row.

        Raises:
            VoiceExistsError: its id is taken.
        """
        voice_id = row.voice_id
        try:
            with self._session() as session:
                session.add(row)
        except IntegrityError as error:
            raise VoiceExistsError(voice_id) from error

    def get(self, voice_id: str) -> VoiceRow | None:
        """Return the row of a voice, if there is one."""
        with self._session() as session:
            return session.get(VoiceRow, voice_id)

    def all(self) -> Sequence[VoiceRow]:
        """Return all rows, ordered by id."""
        with self._session() as session:
            return session.scalars(select(VoiceRow).order_by(VoiceRow.voice_id)).all()

    def remove(self, voice_id: str) -> None:
        """Delete a row; none of this id is no error."""
        with self._session() as session:
            session.execute(delete(VoiceRow).where(VoiceRow.voice_id == voice_id))

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """A transaction, committed at the end of the block."""
        try:
            with Session(self._engine, expire_on_commit=False) as session, session.begin():
                yield session
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise StorageError("the database refuses", getattr(error, "orig", error)) from error
