"""Outside providers of accounts (OpenID Connect or SAML): a province's or a school's own sign-in, as the stack names it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from pydantic.alias_generators import to_camel

from derive import identity

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+\S*$")]
Body = dict[str, Any]
_SAML_NAME: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


class _Provider(BaseModel):
    """What both kinds have."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    alias: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,30}$")] = Field(
        description="Short id; part of the address at which the provider sends people back."
    )
    name: Annotated[str, StringConstraints(min_length=1, max_length=60)] = Field(description="What the button says.")
    tier: str = Field(description="Tier of everybody who comes from there; nobody becomes anything else by signing in.")
    school_claim: str | None = Field(
        default=None, description="Claim or attribute with the code of somebody's school; absent: they have none."
    )
    person_claim: str | None = Field(
        default=None, description="Claim or attribute with somebody's id in the roster; absent: they are in none."
    )

    def mappers(self) -> Iterator[Body]:
        """How an account gets its attributes; looked at anew at every sign-in, so that what the provider takes back is gone."""
        given = {"attribute": identity.ATTRIBUTE_TIER, "attribute.value": self.tier}
        yield self._mapper(identity.ATTRIBUTE_TIER, "hardcoded-attribute-idp-mapper", given)
        yield self._mapper("role", "oidc-hardcoded-role-idp-mapper", {"role": self.tier})
        claims = {identity.ATTRIBUTE_SCHOOL: self.school_claim, identity.ATTRIBUTE_PERSON: self.person_claim}
        for attribute, claim in claims.items():
            if claim:
                yield self._claim(attribute, claim)

    def _claim(self, attribute: str, claim: str) -> Body:
        raise NotImplementedError

    def _mapper(self, name: str, kind: str, config: Body) -> Body:
        return {
            "name": name,
            "identityProviderAlias": self.alias,
            "identityProviderMapper": kind,
            "config": {"syncMode": "FORCE", **config},
        }

    def _common(self, provider_id: str, config: Body) -> Body:
        return {
            "alias": self.alias,
            "displayName": self.name,
            "providerId": provider_id,
            "enabled": True,
            "trustEmail": False,
            "storeToken": False,
            "config": {"syncMode": "FORCE", **config},
        }


class OidcProvider(_Provider):
    """An OpenID Connect provider."""

    kind: Literal["oidc"] = Field(description="OpenID Connect.")
    issuer: Url = Field(description="Its issuer, as its tokens name it.")
    authorization_url: Url = Field(description="Where people are sent to sign in.")
    token_url: Url = Field(description="Where the code is handed in.")
    jwks_url: Url = Field(description="Its public keys.")
    client_id: str = Field(min_length=1, description="How it knows this platform.")
    client_secret: SecretStr = Field(description="Secret. What the platform signs in with there.")

    def representation(self) -> Body:
        """The provider in Keycloak's words."""
        config = {
            "issuer": self.issuer,
            "authorizationUrl": self.authorization_url,
            "tokenUrl": self.token_url,
            "jwksUrl": self.jwks_url,
            "useJwksUrl": "true",
            "validateSignature": "true",
            "pkceEnabled": "true",
            "pkceMethod": "S256",
            "clientAuthMethod": "client_secret_basic",
            "clientId": self.client_id,
            "clientSecret": self.client_secret.get_secret_value(),
            "defaultScope": "openid",
            "disableUserInfo": "true",
        }
        return self._common("oidc", config)

    def _claim(self, attribute: str, claim: str) -> Body:
        return self._mapper(attribute, "oidc-user-attribute-idp-mapper", {"claim": claim, "user.attribute": attribute})


class SamlProvider(_Provider):
    """A SAML 2.0 provider."""

    kind: Literal["saml"] = Field(description="SAML 2.0.")
    issuer: Url = Field(description="Its entity id.")
    sign_in_url: Url = Field(description="Where people are sent to sign in (HTTP-POST binding).")
    certificate: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/=]{100,}$")] = Field(
        description="Its signing certificate: base64 in one line, without the lines around it."
    )

    def representation(self) -> Body:
        """The provider in Keycloak's words."""
        config = {
            "idpEntityId": self.issuer,
            "singleSignOnServiceUrl": self.sign_in_url,
            "postBindingAuthnRequest": "true",
            "postBindingResponse": "true",
            "nameIDPolicyFormat": _SAML_NAME,
            "principalType": "SUBJECT",
            "validateSignature": "true",
            "wantAssertionsSigned": "true",
            "signingCertificate": self.certificate,
        }
        return self._common("saml", config)

    def _claim(self, attribute: str, claim: str) -> Body:
        config = {"attribute.name": claim, "user.attribute": attribute}
        return self._mapper(attribute, "saml-user-attribute-idp-mapper", config)


Provider = Annotated[OidcProvider | SamlProvider, Field(discriminator="kind")]


def naming(providers: Iterable[Provider]) -> str:
    """Aliases of those that say which person of the roster somebody is, as the entitlement service is told: a blank between two."""
    return " ".join(sorted(each.alias for each in providers if each.person_claim))
