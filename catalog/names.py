"""The one vocabulary: every derived namespace, label, bucket, object, job, metric and alert name is spelt here and nowhere else.

No random suffixes, and no city in a name: the cluster belongs to one city.
"""

from __future__ import annotations

from typing import Final

MANAGED_BY: Final = "huiju"
"""Value of ``app.kubernetes.io/managed-by`` on everything that the kit makes."""
LABEL_PREFIX: Final = "huiju.dev"
"""Prefix of the kit's own labels and annotations."""
METRIC_PREFIX: Final = "city_"
"""Prefix of every metric of ours: ``city_<noun>_<unit>``."""

LABEL_CITY: Final = f"{LABEL_PREFIX}/city"
LABEL_DISTRICT: Final = f"{LABEL_PREFIX}/district"
LABEL_SERVICE: Final = f"{LABEL_PREFIX}/service"
LABEL_FUNDING: Final = f"{LABEL_PREFIX}/funding"
LABEL_PUBLIC: Final = f"{LABEL_PREFIX}/public"
"""Label of a namespace that the gateway may reach: ``true`` or ``false``."""
LABEL_PART: Final = f"{LABEL_PREFIX}/part"
"""Label of the pods of a component that runs in parts which are told apart: the part's number."""
LABEL_API_CLIENT: Final = f"{LABEL_PREFIX}/api-client"
"""Label of pods that may talk to the Kubernetes API: ``true``."""
ANNOTATION_DIGEST: Final = f"{LABEL_PREFIX}/catalog-digest"
"""Annotation that carries ``City.digest``."""

ANNOTATION_FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
"""The Kubernetes provider's own annotation: the server-side-apply manager to write an object as."""

GATEWAY: Final = "gateway"
OBJECT_STORE: Final = "object-store"
VIDEO_LIBRARY: Final = "video-library"
PORTAL: Final = "portal"
SHIELD: Final = "shield"
"""The cache in front of the object store, in the video library's namespace."""
DISTRICT_EDGE: Final = "district-edge"
"""The cache of a district, between the boxes of its schools and the shield; a namespace in each district."""
DATABASE: Final = "database"
MONITORING: Final = "monitoring"
ENTITLEMENT: Final = "entitlement"
"""Decides who may play what, and mints video tokens."""
IDENTITY: Final = "identity"
"""Keycloak: accounts, and signing in."""
SCHOOL_EDGE: Final = "school-edge"
"""What boxes in schools are served by and report to."""
LOG_COLLECTOR: Final = "log-collector"
"""Reads what pods print, on every node: a namespace of its own, because it needs a folder of the node."""
VIEWER: Final = "viewer"
"""Shows the dashboards, in the namespace of monitoring."""
INTAKE: Final = "intake"
"""Takes the readings of boxes in, in the school edge's namespace."""
CORE_SERVICES: Final = (
    GATEWAY,
    OBJECT_STORE,
    VIDEO_LIBRARY,
    PORTAL,
    DATABASE,
    MONITORING,
    ENTITLEMENT,
    IDENTITY,
    SCHOOL_EDGE,
    LOG_COLLECTOR,
)
"""Services that every city has: the platform cannot run without them."""

BUCKET_UPLOADS: Final = "uploads"
BUCKET_LESSONS: Final = "lessons"
BUCKET_BACKUPS: Final = "database-backups"
BUCKET_LOGS: Final = "logs"
BUCKET_ACCESS_LOGS: Final = "access-logs"
"""What the services print that write a line for each answer: locked, object by object."""
LOG_BUCKETS: Final = (BUCKET_LOGS, BUCKET_ACCESS_LOGS)
"""Where lines that pods print are kept."""
BUCKET_PARCELS: Final = "parcels"
BUCKET_AUDIT: Final = "audit"
"""Records of what was decided and done."""
CORE_BUCKETS: Final = {
    VIDEO_LIBRARY: frozenset({BUCKET_UPLOADS, BUCKET_LESSONS}),
    DATABASE: frozenset({BUCKET_BACKUPS}),
    MONITORING: frozenset(LOG_BUCKETS),
    SCHOOL_EDGE: frozenset({BUCKET_PARCELS}),
    ENTITLEMENT: frozenset({BUCKET_AUDIT}),
}
"""Service -> buckets that it cannot do without."""
RESOURCE_LESSON: Final = "lesson"
"""Recorded lessons of the video library: what the entitlement service decides about."""
RESOURCE_LIVE: Final = "live-lesson"
"""A lesson while it is streamed live; when class has ended it is a recorded one."""
RESOURCE_PROFILE: Final = "pupil-profile"
"""What the roster keeps of one pupil; a city whose matrix lacks it shows nobody's."""
RESOURCE_READINGS: Final = "readings"
"""What Prometheus and the dashboards show."""
RESOURCE_PLATFORM: Final = "platform"
"""The platform itself: who may view or administer it may do so in the cluster too."""
RESOURCE_SCHOOL_BOX: Final = "school-box"
"""Caches and devices in schools; what answers them runs in the cluster."""
RESOURCE_AUDIT: Final = "audit-log"
"""The record of every grant, refusal and change."""
CORE_RESOURCES: Final = (RESOURCE_LESSON, RESOURCE_LIVE, RESOURCE_READINGS)
"""Classes of resources that the platform itself serves, in every city."""
OPENED_BY_ALLIANCE: Final = frozenset({RESOURCE_LIVE})
"""Classes to which being of one alliance is what an agreement is to the others: it opens them beyond a tier's own reach."""
DATABASE_LESSONS: Final = "lessons"
DATABASE_ROSTER: Final = "roster"
DATABASE_IDENTITY: Final = "identity"
CORE_DATABASES: Final = {
    VIDEO_LIBRARY: frozenset({DATABASE_LESSONS}),
    ENTITLEMENT: frozenset({DATABASE_ROSTER}),
    IDENTITY: frozenset({DATABASE_IDENTITY}),
}
"""Service -> databases that it cannot do without."""
ROLE_ROSTER_KEEPER: Final = "roster_keeper"
"""Role that takes rosters in."""
ROLE_ROSTER_SCHOOL: Final = "roster_school"
"""Role that sees one school of the roster at a time."""
ROLES_BESIDE: Final = {DATABASE_ROSTER: (ROLE_ROSTER_KEEPER, ROLE_ROSTER_SCHOOL)}
"""Database -> its roles beside owner and reader."""
ROSTER_KEY_SECRET: Final = "roster-key"  # noqa: S105  # a Secret's name, not a secret
"""Secret with the key by which ids of registers are hashed."""
ACCOUNTS_SECRET: Final = "identity-accounts"  # noqa: S105  # a Secret's name, not a secret
"""Secret of the entitlement service with what the client that keeps accounts signs in by."""

KEYCLOAK: Final = "keycloak"
"""The image of the identity service."""
POSTGRES: Final = "postgres"
"""The platform's PostgreSQL: several instances of one cluster."""

LOAD_TEST: Final = "load-test"
"""Namespace of a load test from inside the cluster; made for the run and gone with it, so no service of any city."""

STORE_ADMIN_SECRET: Final = "object-store-admin"  # noqa: S105  # a Secret's name, not a secret
"""Secret with the object store's administrator keys."""
CACHE_TLS_SECRET: Final = "cache-tls"  # noqa: S105  # a Secret's name, not a secret
"""Secret by which a cache is known to the cache that it asks, or that asks it."""
TLS_SECRET: Final = "gateway-tls"  # noqa: S105  # a Secret's name, not a secret
"""Secret with the gateway's certificate."""


def namespace(service_id: str) -> str:
    """Namespace of a service: its id."""
    return service_id


def field_manager(stack: str) -> str:
    """Server-side-apply manager of all that one stack writes: tells its objects from another stack's on the same cluster."""
    return f"{MANAGED_BY}-{stack}"


def tier_group(tier_id: str) -> str:
    """Group by which the Kubernetes API knows people of a tier."""
    return f"{MANAGED_BY}:{tier_id}"


EDGE_PREFIX: Final = "edge-"
"""How the namespaces of districts' edges begin; no service's id does."""


def edge_namespace(district_id: str) -> str:
    """Namespace of a district's edge."""
    return f"{EDGE_PREFIX}{district_id}"


def shield_part(number: int) -> str:
    """Name of one part of the shield, counted from 0: each keeps lessons of its own, so that every one is kept once."""
    return f"{SHIELD}-{number}"


def labels(service_id: str, component: str | None = None, part: str | None = None) -> dict[str, str]:
    """Standard labels of an object of ``service_id``."""
    return {
        **({LABEL_PART: part} if part else {}),
        "app.kubernetes.io/name": component or service_id,
        "app.kubernetes.io/part-of": service_id,
        "app.kubernetes.io/managed-by": MANAGED_BY,
        LABEL_SERVICE: service_id,
    }


def selector(service_id: str, component: str | None = None, part: str | None = None) -> dict[str, str]:
    """The labels by which a Service, a Deployment or a NetworkPolicy selects pods: they never change."""
    numbered = {LABEL_PART: part} if part else {}
    return {"app.kubernetes.io/name": component or service_id, LABEL_SERVICE: service_id, **numbered}


def owner_role(database_id: str) -> str:
    """Role that owns a database: it may change its tables."""
    return f"{database_id}_owner"


def reader_role(database_id: str) -> str:
    """Role that reads a database."""
    return f"{database_id}_reader"


def database_roles(database_id: str) -> tuple[str, ...]:
    """Every role of a database, its owner first, then its reader."""
    return (owner_role(database_id), reader_role(database_id), *ROLES_BESIDE.get(database_id, ()))


def role_secret(role: str) -> str:
    """Secret by which pods and operators sign in as a role."""
    return f"{POSTGRES}-{role.replace('_', '-')}"


def metric(noun: str, unit: str) -> str:
    """Metric name, for instance ``city_school_uplink_mbps``."""
    return f"{METRIC_PREFIX}{noun}_{unit}"


def alert(*words: str) -> str:
    """Alert name, a statement in capitals: ``alert("school", "link", "below", "contract")``."""
    return "".join(word[:1].upper() + word[1:] for word in words)


METRIC_FETCHED: Final = metric("school_lesson_fetch_timestamp", "seconds")
"""From a box: Unix time of its last good fetch of a lesson segment through the platform's own path."""
METRIC_FETCH_SECONDS: Final = metric("school_lesson_fetch", "seconds")
"""From a box: how long that took."""
METRIC_CACHE_HITS: Final = metric("school_box_cache_hit", "ratio")
"""From a box: share of what it answered from its own cache."""
METRIC_FETCH_BYTES: Final = metric("school_lesson_fetch", "bytes")
"""From a box: how large that segment was."""
METRIC_LINK: Final = metric("school_link", "mbps")
"""From a box: bytes of lessons that its link carried in its last sample, as Mbit/s; protocols are not counted."""
METRIC_LINK_AT: Final = metric("school_link_sample_timestamp", "seconds")
"""From a box: when it took that sample; Unix time."""
METRIC_PREFETCH_PLANNED: Final = metric("prefetch_planned", "bytes")
METRIC_PREFETCH_FETCHED: Final = metric("prefetch_fetched", "bytes")
METRIC_PREFETCH_FAILED: Final = metric("prefetch_failed", "items")
"""From a box: what its plan of lessons to fetch ahead asks for, how much of it is there, and what its last try did not bring."""
METRIC_PREFETCH_MADE: Final = metric("prefetch_plan_timestamp", "seconds")
"""From a box: when that plan was made, Unix time."""
METRIC_LOG_LOSS: Final = "box_log_loss_timestamp_seconds"
"""From a box: when it last gave up lines of its cache's access log, or found a file of it gone; Unix time, 0 for never."""
READINGS: Final = (METRIC_FETCHED, METRIC_FETCH_SECONDS, METRIC_FETCH_BYTES, METRIC_CACHE_HITS)
"""What a box measures for the city."""
BOX_JOB: Final = "school-box"
"""Label `job` of everything that a box writes; nothing of the platform's own has it."""
METRIC_PREFETCH_PLAN: Final = metric("prefetch_plan", "info")
"""From a box: 1 for the version of that plan, by label."""
METRIC_HEARD: Final = metric("withdrawals_heard_timestamp", "seconds")
"""From a box: when it last asked what was withdrawn, and was told; Unix time."""
KEEPING: Final = (
    METRIC_PREFETCH_PLANNED,
    METRIC_PREFETCH_FETCHED,
    METRIC_PREFETCH_FAILED,
    METRIC_PREFETCH_MADE,
    METRIC_PREFETCH_PLAN,
    METRIC_HEARD,
    METRIC_LINK,
    METRIC_LINK_AT,
)
"""What a box tells of the lessons that it fetches ahead and gives up, and of the link over which it does."""
BOX_METRICS: Final = (*READINGS, *KEEPING, "up")
BOX_FAMILIES: Final = ("box_", "go_", "node_", "process_", "promhttp_", "scrape_", "trafficserver_")
"""Metrics that a box may write, and what the names of others begin with: all else the intake leaves out."""
METRIC_SCHOOL: Final = metric("school", "info")
"""1 for every school of the catalog, with its labels."""
METRIC_SCHOOL_COVERAGE: Final = metric("school_coverage", "ratio")
METRIC_SCHOOL_STATE: Final = metric("school_coverage", "state")
METRIC_SCHOOL_AGE: Final = metric("school_last_fetch_age", "seconds")
METRIC_SCHOOL_JUDGED: Final = metric("school_judged_timestamp", "seconds")
METRIC_SCHOOL_HEARD: Final = metric("school_last_fetch_timestamp", "seconds")
METRIC_DISTRICT_COVERAGE: Final = metric("district_coverage", "ratio")
METRIC_DISTRICT_SCHOOLS: Final = metric("district_schools", "count")
METRIC_COVERAGE: Final = metric("coverage", "ratio")
METRIC_SCHOOL_HOURS: Final = metric("school_hours", "active")
"""1 while any school has school hours, else 0."""
METRIC_REFRESHED: Final = metric("readings_refresh_timestamp", "seconds")
"""When the exporter last got the boxes' readings from Prometheus."""
METRIC_AUDIT_AGE: Final = metric("audit_unshipped_age", "seconds")
"""How long ago the oldest audit record was made that is not in the store yet; 0 when all are."""
METRIC_AUDIT_BYTES: Final = metric("audit_unshipped", "bytes")
METRIC_AUDIT_LIMIT: Final = metric("audit_unshipped_limit", "bytes")
"""Audit records that wait for the store; and at how many nothing more is decided."""
METRIC_RULES: Final = f"{METRIC_PREFIX}access_rules"
"""1 for the version of the rules of access that is in force, by label; nothing while there is none."""
METRIC_RULES_UNSOUND: Final = metric("access_rules", "unsound")

ALERT_SCHOOL: Final = alert("school", "uncovered")
ALERT_DISTRICT: Final = alert("district", "uncovered")
ALERT_BUDGET: Final = alert("lesson", "path", "budget", "burns")
ALERT_PAGES: Final = alert("front", "page", "unreachable")
ALERT_VOLUME: Final = alert("volume", "fills", "up")
ALERT_BLIND: Final = alert("monitoring", "blind")
ALERT_AUDIT: Final = alert("audit", "records", "wait")
ALERT_RULES: Final = alert("access", "rules", "unsound")
ALERT_LOG: Final = alert("school", "log", "lost")
ALERT_PLATFORM_LOGS: Final = alert("platform", "logs", "wait")
ALERTS: Final = (
    ALERT_SCHOOL,
    ALERT_DISTRICT,
    ALERT_BUDGET,
    ALERT_PAGES,
    ALERT_VOLUME,
    ALERT_BLIND,
    ALERT_AUDIT,
    ALERT_RULES,
    ALERT_LOG,
    ALERT_PLATFORM_LOGS,
)
"""Every alert; each has a runbook of its name."""

PROMETHEUS: Final = "prometheus"
ALERTMANAGER: Final = "alertmanager"
BLACKBOX: Final = "blackbox"
"""Asks the platform's own addresses as a browser would."""
FRONT_DOOR: Final = "front-door"
"""Job of its questions to the public routes; the label below says what each is needed for."""
NEEDED_FOR: Final = "needed_for"
LESSONS, SIGN_IN, REST = "lessons", "sign-in", "rest"
"""Values of that label: without it no lesson plays (the objective counts these alone), nobody signs in, or neither."""
EXPORTER: Final = "exporter"
"""Judges and publishes coverage."""


def package_job(lesson_id: str, content_hash: str) -> str:
    """Name of the Job that packages one version of a lesson (63 characters at most)."""
    return f"package-{lesson_id[:40]}-{content_hash[:12]}"


def live_class(lesson_id: str) -> str:
    """Name of the Job, Service and Secret of one live class."""
    return f"live-{lesson_id[:40]}"


def edge_host(school_code: str, domain: str) -> str:
    """Host name to which a school's cache answers."""
    return f"{school_code}.edge.{domain}"


def schools_host(domain: str) -> str:
    """Host name by which school boxes reach the platform."""
    return f"schools.{domain}"


def district_host(district_id: str, domain: str) -> str:
    """Host name by which the boxes of a district reach its edge."""
    return f"{district_id}.districts.{domain}"


def parcels_host(domain: str) -> str:
    """Host name at which boxes find what they install, before they have a certificate."""
    return f"parcels.{domain}"
