"""The stack's settings: where the platform runs. What the city *is* stands in the catalog.

Every key is `huiju:<key>` in `Pulumi.<stack>.yaml`; the table for users is generated from the descriptions below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from catalog import names
from catalog.errors import UserError
from derive.federation import Provider
from derive.signing import Ring
from infra.profiles import Overrides, Profile, ProfileName, profile

NAMESPACE = "huiju"
Digest = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.:/_-]*@sha256:[0-9a-f]{64}$")]
Host = Annotated[str, StringConstraints(pattern=r"^(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+)$", max_length=253)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+$", max_length=254)]
HostPort = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+:\d{1,5}$")]
Endpoint = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.-]+(:\d{1,5})?$")]
Certificates = Annotated[
    str, StringConstraints(pattern=r"^(-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?)+$")
]
_URL = re.compile(r"^https?://[^\s/]+")
StoreSecret = Annotated[SecretStr, Field(min_length=32, max_length=128)]
FormerSecrets = Annotated[SecretStr, Field(min_length=32, max_length=4096)]
"""One a line; each was a `StoreSecret`."""


class StoreAccount(BaseModel):
    """Access to an outside object store for one account that the plan names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    access: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{3,128}$")] = Field(description="Access key id.")
    secret: SecretStr = Field(description="Secret access key.")
    principal: str | None = Field(
        default=None,
        description="How bucket policies name the account, for instance an ARN; absent: the access key id.",
    )


class StackSettings(BaseModel):
    """Every stack config key, with what it is for."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    city: str = Field(default="tiny", description="Catalog to deploy: a folder of `catalog/data/`, or a path.")
    profile: ProfileName = Field(description="`local` (one machine, nothing kept) or `prod` (replicated, protected).")
    overrides: Overrides = Field(default=Overrides(), description="Cells of the profile that this stack sets itself.")
    domain: Host = Field(description="Host name of the platform, as browsers type it.")
    public_port: int = Field(default=443, ge=1, le=65535, description="Port that browsers type.")
    images: dict[Slug, Digest] = Field(
        description="Image name to reference by digest; `huiju images push` or `huiju up` writes it."
    )
    storage_class: Slug | None = Field(
        default=None, description="StorageClass of every volume; absent: the cluster's default."
    )
    gateway_chart: str = Field(
        min_length=1,
        description="Envoy Gateway's Helm chart: an OCI address (`oci://...`) or a folder (absolute); `huiju up` sets it.",
    )
    gateway_chart_version: str | None = Field(
        default=None, description="Version of the chart; required with an OCI address, absent with a folder."
    )
    kubeconfig: str | None = Field(
        default=None, description="Path of the kubeconfig; absent: `KUBECONFIG`, then `~/.kube/config`."
    )
    context: str | None = Field(default=None, description="Context of the kubeconfig; absent: its current one.")
    store_endpoint: Endpoint | None = Field(
        default=None, description="Outside S3 endpoint; absent: the embedded object store is deployed."
    )
    store_region: Slug = Field(default="us-east-1", description="Region that S3 requests are signed for.")
    store_admin_key: StoreSecret | None = Field(
        default=None,
        description="Secret. Seed of every key of the embedded store, 32+ characters; changing it rotates them all.",
    )
    store_accounts: dict[Slug, StoreAccount] = Field(
        default={}, description="Secret. Account name to access and secret key; required with `storeEndpoint`."
    )
    access_key: StoreSecret = Field(
        description="Secret. Seed of the keys that sign sessions and video tokens, 32+ characters; changing it ends them all.",
    )
    signing_epochs: str = Field(
        default="1",
        description="Which of `accessKey`'s signing keys count: the one that signs, and one that is accepted beside it, as in `1,2`; "
        "`huiju secrets renew` changes it.",
    )
    signing_since: str | None = Field(
        default=None, description="When `signingEpochs` was changed, UTC; kept by `huiju secrets renew`."
    )
    database_key: StoreSecret = Field(
        description="Secret. Seed of the database's passwords and certificates, 32+ characters; changing it rotates them all.",
    )
    roster_key: StoreSecret = Field(
        description="Secret. Seed of the key by which ids of school registers are hashed, 32+ characters; "
        "with another one everybody in the roster is somebody else.",
    )
    identity_key: StoreSecret = Field(
        description="Secret. Seed of the secrets by which services and the set-up sign in to Keycloak, 32+ characters; "
        "how to change it: docs/engineer/operations.md.",
    )
    identity_key_before: FormerSecrets | None = Field(
        default=None,
        description="Secret. The seed before, by which the next run gets in to change it, and seeds before it that may still count, one a "
        "line; in a generated file set by `huiju secrets rotate`, and gone once a run brought `identityKey` to the platform.",
    )
    identity_providers: tuple[Provider, ...] = Field(
        default=(),
        description="Secret. Outside providers of accounts, OpenID Connect or SAML (docs/operator/identity.md); absent: none.",
    )
    database_operator: str | None = Field(
        default=None,
        description="Manifest of CloudNativePG as released (a file); `huiju up` sets it; absent: the cluster has the operator already.",
    )
    database_plugin: str | None = Field(
        default=None,
        description="Manifest of its Barman plugin as released (a file); `huiju up` sets it; absent: the cluster has the plugin already.",
    )
    database_archive: Slug = Field(
        default=names.POSTGRES,
        description="Name under which the database's backups are kept; new instances need a new one "
        "(`huiju up` sees to it in a file of its own).",
    )
    database_recover_from: Slug | None = Field(
        default=None,
        description="Archive that new instances of the database are filled from; absent: they begin empty "
        "(`huiju up --database-from` in a file of its own).",
    )
    edge_domain: Host | None = Field(
        default=None,
        description="Domain under which school boxes live (`<code>.edge.`) and reach the platform "
        "(`schools.`, `<district>.districts.`); absent: `domain`.",
    )
    school_ca: Certificates | None = Field(
        default=None,
        description="Certificates (PEM) of the authorities whose clients are boxes in schools; absent: schools are not served.",
    )
    platform_ca: Certificates | None = Field(
        default=None,
        description="Certificates (PEM) of the authorities by which boxes in schools, the prober and the commands know the platform's "
        "own; absent: for boxes this clone's, where the kit issued it (`huiju up` in a file of its own).",
    )
    derived: str | None = Field(
        default=None,
        description="Folder with what the surfaces derive from the catalog; absent: the `generated/` folders of the clone.",
    )
    tls_cert: str | None = Field(
        default=None, description="Certificate chain in PEM; absent: cert-manager issues it (`certIssuer`)."
    )
    tls_key: SecretStr | None = Field(default=None, description="Secret. Private key of `tlsCert`, in PEM.")
    cert_issuer: Slug | None = Field(
        default=None, description="cert-manager ClusterIssuer that issues the gateway's certificate."
    )
    kubelet_tls: bool = Field(
        default=True,
        description="Whether kubelets must show a certificate of the cluster's authority; `false` where each signs its own "
        "(kubeadm and kind without `serverTLSBootstrap`).",
    )

    alert_webhook: SecretStr | None = Field(
        default=None, description="Secret. URL to which alerts are posted, in Alertmanager's webhook format."
    )
    alert_mail_to: Address | None = Field(default=None, description="Address to which alerts are mailed.")
    alert_mail_from: Address | None = Field(default=None, description="Sender of these mails.")
    alert_mail_server: HostPort | None = Field(default=None, description="Mail server (`host:port`) that takes them.")
    alert_mail_user: str | None = Field(default=None, description="Account at the mail server; absent: none is needed.")
    alert_mail_password: SecretStr | None = Field(default=None, description="Secret. Password of `alertMailUser`.")
    alert_mail_tls: bool = Field(default=True, description="Whether the mail server must offer STARTTLS.")

    @model_validator(mode="after")
    def _whole(self) -> StackSettings:
        problems = "; ".join(_contradictions(self))
        if problems:
            raise ValueError(problems)
        return self

    @property
    def row(self) -> Profile:
        """The profile's row with this stack's overrides in it."""
        return profile(self.profile, self.overrides)

    @property
    def ring(self) -> Ring:
        """The epochs of the signing keys."""
        return Ring.parse(self.signing_epochs)

    @property
    def boxes_domain(self) -> str:
        """Domain of the boxes, and of the platform's hosts for them."""
        return self.edge_domain or self.domain

    @property
    def schools_host(self) -> str:
        """Host name by which school boxes reach the platform."""
        return names.schools_host(self.boxes_domain)

    @property
    def parcels_host(self) -> str:
        """Host name at which boxes find what they install."""
        return names.parcels_host(self.boxes_domain)

    @property
    def public_url(self) -> str:
        """What a browser types, without a trailing slash."""
        port = "" if self.public_port == 443 else f":{self.public_port}"  # noqa: PLR2004 - https
        return f"https://{self.domain}{port}"


def _contradictions(settings: StackSettings) -> Iterator[str]:
    """Keys that are right alone and wrong together."""
    if settings.store_endpoint is None and settings.store_admin_key is None:
        yield "storeAdminKey: required while the embedded object store is used (storeEndpoint is absent)"
    if (settings.tls_cert is None) != (settings.tls_key is None):
        yield "tlsCert: needs tlsKey, and the other way round"
    if (settings.tls_cert is None) == (settings.cert_issuer is None):
        yield "certIssuer: set either it or tlsCert with tlsKey"
    try:
        Ring.parse(settings.signing_epochs)
    except ValueError as error:
        yield f"signingEpochs: {error}"
    mail = (settings.alert_mail_to, settings.alert_mail_from, settings.alert_mail_server)
    if any(mail) and not all(mail):
        yield "alertMailTo: needs alertMailFrom and alertMailServer, and they need it"
    if (settings.alert_mail_user is None) != (settings.alert_mail_password is None):
        yield "alertMailUser: needs alertMailPassword, and the other way round"
    if settings.alert_webhook and not _URL.match(settings.alert_webhook.get_secret_value()):
        yield "alertWebhook: must be an http or https address"
    if settings.database_recover_from == settings.database_archive:
        yield "databaseArchive: must differ from databaseRecoverFrom, which is never written again"
    if settings.gateway_chart.startswith("oci://") and settings.gateway_chart_version is None:
        yield "gatewayChartVersion: required with an OCI chart"


SECRETS = frozenset(
    {
        "alertMailPassword",
        "alertWebhook",
        "storeAdminKey",
        "storeAccounts",
        "accessKey",
        "databaseKey",
        "rosterKey",
        "identityKey",
        "identityKeyBefore",
        "identityProviders",
        "tlsKey",
    }
)
"""Keys that are set with `pulumi config set --secret`."""
_STRUCTURED = frozenset({"images", "overrides", "storeAccounts", "identityProviders"})


def read(raw: Mapping[str, str], stack: str) -> StackSettings:
    """The settings in ``raw`` (`huiju:<key>` to text, as the engine hands it over).

    Raises `UserError` with every wrong key and the command that sets it.
    """
    own = {key.removeprefix(f"{NAMESPACE}:"): value for key, value in raw.items() if key.startswith(f"{NAMESPACE}:")}
    problems: list[str] = []
    values: dict[str, Any] = {}
    for key, text in own.items():
        try:
            values[key] = json.loads(text) if key in _STRUCTURED else text
        except json.JSONDecodeError:
            problems.append(f"{key}: must be an object\n    {_command(key, stack)}")
    try:
        settings = StackSettings.model_validate(values)
    except ValidationError as error:
        problems += [line for detail in error.errors(include_url=False) for line in _lines(detail, stack)]
    if problems:
        raise UserError(f"the config of stack {stack!r} is wrong:\n  " + "\n  ".join(problems))
    return settings


def _lines(detail: Mapping[str, Any], stack: str) -> Iterator[str]:
    """One line per problem, each with the command that mends it."""
    key = ".".join(str(part) for part in detail["loc"])
    if key:
        yield f"{key}: {_reason(detail)}\n    {_command(key, stack, remove=detail['type'] == 'extra_forbidden')}"
        return
    for problem in str(detail["ctx"]["error"]).split("; "):
        yield f"{problem}\n    {_command(problem.partition(':')[0], stack)}"


def _reason(detail: Mapping[str, Any]) -> str:
    reasons = {"missing": "is missing", "extra_forbidden": "is not a key of this kit"}
    message = str(detail["msg"])
    return reasons.get(detail["type"], message[:1].lower() + message[1:])


def _command(key: str, stack: str, *, remove: bool = False) -> str:
    """What to type to set ``key``, or to remove it; nothing secret is ever on the command line."""
    name, _, inner = key.partition(".")
    path = " --path" if inner or name in _STRUCTURED else ""
    if remove:
        return f"pulumi config rm{path} '{NAMESPACE}:{key}' --stack {stack}"
    value = " --secret" if name in SECRETS else " VALUE"
    return f"pulumi config set{path} '{NAMESPACE}:{key}'{value} --stack {stack}"
