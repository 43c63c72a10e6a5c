"""The services that the platform runs, with what each may use, reach and keep."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from catalog.types import Fact, FundingSourceId, Names, Sentence, ServiceId

DatabaseId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", min_length=3, max_length=40)]
"""A database's name: an SQL identifier that needs no quotes."""
BucketId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", min_length=3, max_length=40)]
"""A bucket's name: as S3 allows, without dots."""


class Quota(Fact):
    """The most that a service's namespace may ask for."""

    cpu_cores: Annotated[float, Field(gt=0, le=10_000)]
    """CPU, cores."""
    memory_mib: Annotated[int, Field(gt=0, le=100_000_000)]
    """Memory, MiB."""
    storage_gib: Annotated[int, Field(ge=0, le=10_000_000)]
    """Volumes, GiB."""
    pods: Annotated[int, Field(gt=0, le=10_000)]
    """Pods, jobs included."""


class Bucket(Fact):
    """A place for objects."""

    id: BucketId
    """Its name in the object store; unique in the city."""
    versioned: bool
    """Whether earlier versions are kept."""
    expire_days: Annotated[int, Field(ge=1, le=3650)] | None
    """Days after which an object is deleted; ``null`` keeps it."""
    locked_days: Annotated[int, Field(ge=1, le=3650)] | None
    """Days during which the store refuses to delete or change an object, whoever asks; ``null`` locks nothing."""
    holds: Sentence
    """What is in it."""


class Database(Fact):
    """A database in the platform's PostgreSQL, with a role that owns it and one that reads it."""

    id: DatabaseId
    """Its name; unique in the city."""
    holds: Sentence
    """What is in it."""


class Service(Fact):
    """One service: a namespace of its own."""

    id: ServiceId
    """Short id; also its namespace."""
    name: Names
    """Its name."""
    funding: FundingSourceId
    """The source that pays for it."""
    quota: Quota
    """The most it may ask for."""
    reaches: tuple[ServiceId, ...]
    """The services that it talks to; everything else is cut off."""
    buckets: tuple[Bucket, ...]
    """The buckets that it owns."""
    databases: tuple[Database, ...]
    """The databases that it owns."""
    public: bool
    """Whether the gateway has a route to it."""
