"""Persistence of submissions and requests: SQLite by SQLAlchemy, and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    delete,
    event,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from urbanlab_services.publisher.applications import application_from_dict
from urbanlab_services.publisher.data_releases import DataRequest, DataState
from urbanlab_services.publisher.publications import Failure, Refresh, State, Submission

_METADATA = MetaData()
# What is searched for stands in columns of its own; the record is the whole.
_SUBMISSIONS = Table(
    "submissions",
    _METADATA,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("slug", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("next_at", String, nullable=False),
    Column("submitted_at", String, nullable=False),
    Column("record", JSON, nullable=False),
    UniqueConstraint("tenant", "slug", "version"),
)
Index(
    "one_released",
    _SUBMISSIONS.c.tenant,
    _SUBMISSIONS.c.slug,
    unique=True,
    sqlite_where=_SUBMISSIONS.c.state == State.RELEASED.value,
)
_DATA_REQUESTS = Table(
    "data_requests",
    _METADATA,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("state", String, nullable=False),
    Column("requested_at", String, nullable=False),
    Column("record", JSON, nullable=False),
)


class Store:
    """The submissions and requests of all tenants."""

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _prepare)
        _METADATA.create_all(self._engine)
        path.chmod(0o600)

    @property
    def engine(self) -> Engine:
        """The database, for those who look into it."""
        return self._engine

    def create_submission(self, submission: Submission) -> Submission:
        """Keep a new submission as the next version of its publication and return it."""
        column = _SUBMISSIONS.c
        with self._engine.begin() as connection:
            last = connection.scalar(
                select(func.max(column.version)).where(
                    column.tenant == submission.tenant, column.slug == submission.slug
                )
            )
            created = dataclasses.replace(submission, version=(last or 0) + 1)
            _write(connection, _SUBMISSIONS, _submission_row(created))
        return created

    def save_submissions(self, *submissions: Submission) -> None:
        """Keep what has changed, all or nothing."""
        with self._engine.begin() as connection:
            # Of a publication one version is released at a time, also between two lines.
            for submission in sorted(submissions, key=lambda each: each.state is State.RELEASED):
                _write(connection, _SUBMISSIONS, _submission_row(submission))

    def find_submission(self, submission_id: str) -> Submission | None:
        """Return a submission, or None."""
        rows = self._read(select(_SUBMISSIONS.c.record).where(_SUBMISSIONS.c.id == submission_id))
        return _to_submission(rows[0]) if rows else None

    def list_submissions(self, tenant: str, *states: State) -> list[Submission]:
        """Return a tenant's submissions, the newest first; only those in one of the states if any is given."""
        query = select(_SUBMISSIONS.c.record).where(_SUBMISSIONS.c.tenant == tenant)
        return self._list_submissions(query, states)

    def list_versions(self, tenant: str, slug: str) -> list[Submission]:
        """Return the versions of a publication, the newest first."""
        column = _SUBMISSIONS.c
        query = select(column.record).where(column.tenant == tenant, column.slug == slug)
        return [_to_submission(row) for row in self._read(query.order_by(column.version.desc()))]

    def list_all_submissions(self, *states: State) -> list[Submission]:
        """Return the submissions of all tenants in one of the states, the newest first."""
        return self._list_submissions(select(_SUBMISSIONS.c.record), states)

    def list_notebooks(self) -> set[str]:
        """Return the digests of the notebooks that submissions name."""
        return {str(row) for row in self._read(select(_SUBMISSIONS.c.record["notebook"].as_string()))}

    def list_due(self, moment: str) -> list[Submission]:
        """Return the released versions whose pages are to be made anew, those that wait longest first."""
        column = _SUBMISSIONS.c
        query = select(column.record).where(
            column.state == State.RELEASED.value, column.next_at != "", column.next_at <= moment
        )
        return [_to_submission(row) for row in self._read(query.order_by(column.next_at))]

    def save_data_request(self, *requests: DataRequest) -> None:
        """Keep requests, all or none."""
        with self._engine.begin() as connection:
            for request in requests:
                _write(connection, _DATA_REQUESTS, _data_request_row(request))

    def find_data_request(self, request_id: str) -> DataRequest | None:
        """Return a request, or None."""
        rows = self._read(select(_DATA_REQUESTS.c.record).where(_DATA_REQUESTS.c.id == request_id))
        return _to_data_request(rows[0]) if rows else None

    def list_data_requests(self, tenant: str) -> list[DataRequest]:
        """Return a tenant's requests, the newest first."""
        column = _DATA_REQUESTS.c
        query = select(column.record).where(column.tenant == tenant)
        return [_to_data_request(row) for row in self._read(query.order_by(column.requested_at.desc()))]

    def list_data_requests_in(self, *states: DataState) -> list[DataRequest]:
        """Return the requests of all tenants in one of the states, the oldest first."""
        values = [state.value for state in states]
        query = select(_DATA_REQUESTS.c.record).where(_DATA_REQUESTS.c.state.in_(values))
        return [_to_data_request(row) for row in self._read(query.order_by(_DATA_REQUESTS.c.requested_at))]

    def list_offers(self, partner: str) -> list[DataRequest]:
        """Return the requests of others that are meant for a tenant, the newest first, however far they are."""
        column = _DATA_REQUESTS.c
        query = select(column.record).where(column.record["partner"].as_string() == partner)
        return [_to_data_request(row) for row in self._read(query.order_by(column.requested_at.desc()))]

    def delete_tenant(self, tenant: str) -> None:
        """Forget all submissions and requests of a tenant."""
        with self._engine.begin() as connection:
            for table in (_SUBMISSIONS, _DATA_REQUESTS):
                connection.execute(delete(table).where(table.c.tenant == tenant))

    def _list_submissions(self, query: Any, states: tuple[State, ...]) -> list[Submission]:
        if states:
            query = query.where(_SUBMISSIONS.c.state.in_([state.value for state in states]))
        rows = self._read(query.order_by(_SUBMISSIONS.c.submitted_at.desc(), _SUBMISSIONS.c.version.desc()))
        return [_to_submission(row) for row in rows]

    def _read(self, query: Any) -> list[Any]:
        with self._engine.connect() as connection:
            return list(connection.scalars(query))


def _prepare(connection: Any, _: object) -> None:
    # What has been acknowledged survives a loss of power.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


def _write(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    statement = insert(table).values(**row)
    connection.execute(statement.on_conflict_do_update(index_elements=[table.c.id], set_=row))


def _submission_row(submission: Submission) -> dict[str, Any]:
    return {
        "id": submission.id,
        "tenant": submission.tenant,
        "slug": submission.slug,
        "version": submission.version,
        "state": submission.state.value,
        "next_at": submission.refresh.next_at,
        "submitted_at": submission.submitted_at,
        "record": dataclasses.asdict(submission),
    }


def _data_request_row(request: DataRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "tenant": request.tenant,
        "state": request.state.value,
        "requested_at": request.requested_at,
        "record": dataclasses.asdict(request),
    }


def _to_submission(record: dict[str, Any]) -> Submission:
    refresh = record["refresh"]
    return Submission(
        **{
            **record,
            "state": State(record["state"]),
            "application": application_from_dict(record["application"]),
            "failure": _to_failure(record["failure"]),
            "undescribed": tuple(record.get("undescribed", ())),
            "refresh": Refresh(**{**refresh, "failure": _to_failure(refresh["failure"])}),
        }
    )


def _to_failure(values: dict[str, Any] | None) -> Failure | None:
    return Failure(**{**values, "needs": tuple(values["needs"])}) if values else None


def _to_data_request(record: dict[str, Any]) -> DataRequest:
    return DataRequest(
        **{**record, "state": DataState(record["state"]), "columns": tuple(record.get("columns", ()))}
    )
