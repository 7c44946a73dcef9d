"""A partner shows who it is by a client assertion, and is granted a token.

https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html · https://www.rfc-editor.org/rfc/rfc6749#section-4.4
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import structlog

from service.access import access_tokens, client_assertions, policy
from service.access.access_tokens import AccessToken
from service.access.client_assertions import B2B_AT, PURPOSES_AT, SKEW, ClientAssertion
from service.access.compact import LONGEST
from service.access.smart_scopes import READING, Grant, at_most, parse
from service.errors import Rejected, Ungranted
from service.flows.authorization.emergencies import Emergencies
from service.flows.authorization.key_sets import KeySets
from service.flows.authorization.signing import Signing
from service.flows.ports import Clock
from service.flows.ports.credentials import CredentialsPort
from service.values.access.emergencies import PURPOSE
from service.values.access.scope import Partner
from service.values.audit import Origin

GRANT_TYPE: Final = "client_credentials"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
NOWHERE: Final = Origin(None, "")
_UNPROVEN: Final = (
    "client_assertion: it is not signed by a key that is registered for its iss; look at iss, the kid of the "
    "header, the key, and what the registry names."
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Granted:
    """A token as text, its scopes, and how many seconds it is good for."""

    token: str
    scope: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Granting:
    """The story of a token; `partners` are those of the registry, `address` is ours.

    Without `emergencies` no glass is broken.
    """

    store: CredentialsPort
    signing: Signing
    key_sets: KeySets
    partners: Mapping[str, Partner]
    address: str
    token_url: str
    clock: Clock
    emergencies: Emergencies | None = None

    def grant(
        self,
        parameters: Iterable[tuple[str, str]],
        certificate: str | None = None,
        origin: Origin = NOWHERE,
    ) -> Granted:
        """Return a token for the parameters of a request, which came from `origin`.

        `certificate` is the thumbprint of the client's certificate, which the token is then bound to.

        Raises:
            Ungranted: with the error code of RFC 6749. Who the assertion is not proven to be of is not told
                whether its iss is known.
        """
        form = _form(parameters)
        try:
            return self._granted(form, certificate, origin)
        except Ungranted as refusal:
            named = client_assertions.named_client(form["client_assertion"])
            refusal.partner = named if named in self.partners else ""
            raise

    def _granted(self, form: Mapping[str, str], certificate: str | None, origin: Origin) -> Granted:
        now = self.clock()
        assertion = client_assertions.read(form["client_assertion"], self.token_url, int(now.timestamp()))
        if form.get("client_id", assertion.client) != assertion.client:
            raise Ungranted("invalid_request", "client_id: expected the same as iss, or leave it out.")
        partner = self._proven(assertion)
        self._use(assertion, now)
        purposes = _purposes_of(partner, assertion.purposes)
        had = at_most(partner) & READING if PURPOSE in purposes else at_most(partner)
        grant = _grant_of(had, form.get("scope"))
        opened = self._break_glass(partner, assertion, origin) if PURPOSE in purposes else ()
        token = AccessToken(
            jti=str(uuid4()),
            partner=partner.name,
            scope=str(grant),
            issued=int(now.timestamp()),
            expires=int(now.timestamp()) + access_tokens.SECONDS,
            purposes=purposes,
            certificate=certificate,
            opened=opened,
        )
        text = access_tokens.issue(self.signing.signer(), self.address, token)
        if len(text) > LONGEST:
            raise Ungranted("invalid_scope", "scope: a token that says all this is too long; ask for less.")
        log.info("token_granted", partner=partner.name, token=token.jti)
        return Granted(text, token.scope, access_tokens.SECONDS)

    def _break_glass(self, partner: Partner, assertion: ClientAssertion, origin: Origin) -> tuple[str, ...]:
        """Break the glass; return whose it was, by uuid."""
        if assertion.emergency is None or self.emergencies is None:
            what = f"{PURPOSE} wants `reason`, a text, and `patient`, a number with `system` and `value`"
            raise Ungranted("invalid_request", f"client_assertion: {B2B_AT}: {what}")
        return self.emergencies.open(partner, assertion.emergency, origin)

    def _proven(self, assertion: ClientAssertion) -> Partner:
        """Return the partner that an assertion is of; raises Ungranted, alike for all that is not so."""
        partner, jku = self.partners.get(assertion.client), assertion.jku
        key = None
        if partner is not None and jku in {None, partner.credentials.jwks_url}:
            key = self.key_sets.find(partner, assertion.kid)
        if key is not None and key.expires is not None and key.expires <= self.clock().timestamp():
            key = None
        if partner is not None and key is not None and assertion.signed.is_signed_by(key):
            return partner
        if key is None:
            # as much work as for a key that is known, which the time that it takes would tell else
            assertion.signed.is_signed_by(self.signing.own())
        if partner is not None:
            log.warning("assertion_unproven", partner=partner.name, has_key=key is not None)
        raise Ungranted("invalid_client", _UNPROVEN)

    def _use(self, assertion: ClientAssertion, now: datetime) -> None:
        """Raise Ungranted when an assertion was used before, in whatever process."""
        # once more for our own clocks: another process may be behind, and take the assertion still
        until = datetime.fromtimestamp(assertion.expires + 2 * SKEW, UTC)
        if not self.store.use_assertion(assertion.client, assertion.jti, until, now):
            log.warning("assertion_replayed", partner=assertion.client)
            raise Ungranted(
                "invalid_client", "client_assertion: claim jti: it was used before; each is used once."
            )


def _form(parameters: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the parameters by name; those that nobody knows are not heeded (RFC 6749 section 3.2)."""
    pairs = list(parameters)
    if len({name for name, _ in pairs}) < len(pairs):
        raise Ungranted("invalid_request", "A parameter stands twice; give each once.")
    # what is sent without a value is as if it were left out
    form = {name: value for name, value in pairs if value}
    if "grant_type" not in form:
        raise Ungranted("invalid_request", f"grant_type: expected {GRANT_TYPE}.")
    if form["grant_type"] != GRANT_TYPE:
        raise Ungranted("unsupported_grant_type", f"grant_type: expected {GRANT_TYPE}.")
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise Ungranted("invalid_request", f"client_assertion_type: expected {ASSERTION_TYPE}.")
    if "client_assertion" not in form:
        raise Ungranted("invalid_request", "client_assertion: expected a signed JWT.")
    return form


def _purposes_of(partner: Partner, said: tuple[str, ...]) -> tuple[str, ...]:
    """Return the purposes of use as codes, none where none are said."""
    try:
        return policy.purposes(partner, said) if said else ()
    except Rejected as exc:
        raise Ungranted("invalid_request", f"client_assertion: {PURPOSES_AT}: {exc}") from exc


def _grant_of(had: Grant, scope: str | None) -> Grant:
    """Return what is granted of what is asked for; all that may be had where nothing is named."""
    try:
        grant = had if scope is None else parse(scope) & had
        grant.check_size()
    except Rejected as exc:
        raise Ungranted("invalid_scope", f"scope: {exc}") from exc
    if not grant:
        raise Ungranted("invalid_scope", f"scope: none of it may be had; this client may ask for: {had}")
    return grant
