"""Who shows a token: verified once, remembered by its hash until it is past, and looked up each time.

https://www.rfc-editor.org/rfc/rfc6750
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock
from typing import Final

import structlog

from service.access import access_tokens, policy
from service.access.access_tokens import AccessToken
from service.access.smart_scopes import Grant, at_most, parse
from service.errors import Rejected, Unauthenticated
from service.flows.authorization.issued import IssuedTokens
from service.flows.authorization.signing import Signing
from service.flows.ports import Clock
from service.values.access.emergencies import PURPOSE
from service.values.access.scope import Narrowing, Partner, Scope

log = structlog.get_logger()

REMEMBERED: Final = 1_000
"""How many tokens a process remembers; past them the one longest not shown is verified anew.

One that names each type of FHIR takes 40 KB, and who may ask for it may ask for many.
"""
INVALID: Final = "invalid_token"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who shows a token, what it lets them do, and what data is wanted for.

    `opened` are the clients, by uuid, whose glass was broken. `scope` is what of all data may be seen,
    `narrowings` are those of the grant, by the letter of an interaction.
    """

    partner: Partner
    grant: Grant
    purposes: tuple[str, ...]
    opened: tuple[str, ...] = ()
    scope: Scope = field(init=False)
    narrowings: Mapping[str, tuple[Narrowing, ...]] = field(init=False)

    def __post_init__(self) -> None:
        """Have worked out once what each request asks for; of a partner that changes another is made."""
        object.__setattr__(self, "scope", policy.scope(self.partner, self.purposes, self.opened))
        object.__setattr__(self, "narrowings", self.grant.narrowings())

    def narrowed(self, letter: str) -> tuple[Narrowing, ...]:
        """Return what an interaction is narrowed by; an update by what reading is, for its answer is read."""
        return self.narrowings.get("r" if letter == "u" else letter, ())


Known = tuple[AccessToken, Bearer]


class Bearers:
    """The partners that show tokens, of ours or of issuers that the registry names."""

    def __init__(
        self,
        signing: Signing,
        partners: Mapping[str, Partner],
        address: str,
        clock: Clock,
        issued: IssuedTokens | None = None,
    ) -> None:
        """Take our keys, who is registered, our address, what tells the time, and who reads other tokens."""
        self._issued = issued
        self._signing = signing
        self._partners = partners
        self._address = address
        self._clock = clock
        self._lock = Lock()
        self._known: OrderedDict[bytes, Known] = OrderedDict()

    def bearer(self, text: str, certificate: str | None = None) -> Bearer:
        """Return whose token it is; `certificate` is the thumbprint of the client's, where it showed one.

        What a partner may ask for at most by now bounds what it was granted before.

        Raises:
            Unauthenticated: it is no token of ours, or past, or bound to another certificate, or its partner
                is registered no more, or may not want data for what it says.
        """
        digest = sha256(text.encode()).digest()
        now = int(self._clock().timestamp())
        with self._lock:
            known = self._known.get(digest)
            if known is not None:
                self._known.move_to_end(digest)
        if known is None or known[0].expires <= now or not self._is_current(known[1]):
            known = self._renewed(text, now, known)
            self._remember(digest, known)
        token, bearer = known
        if token.certificate is not None and token.certificate != certificate:
            what = "The token is bound to another certificate; show that."
            raise Unauthenticated(what, INVALID, token.partner)
        return bearer

    def _is_current(self, bearer: Bearer) -> bool:
        """Tell whether the registry still has what a bearer was made of."""
        return self._partners.get(bearer.partner.name) is bearer.partner

    def _renewed(self, text: str, now: int, known: Known | None) -> Known:
        """Verify a token; when it was known it is told whose it was. Raises as `bearer`."""
        try:
            return self._verify(text, now)
        except Unauthenticated as exc:
            if known is None or exc.partner:
                raise
            raise _invalid(known[0].partner) from exc

    def _verify(self, text: str, now: int) -> Known:
        token = access_tokens.read(text, self._signing.verifier, self._address, now)
        is_ours = token is not None
        if token is None and self._issued is not None:
            token = self._issued.read(text, now)
        partner = None if token is None else self._partners.get(token.partner)
        if token is None or partner is None or partner.revoked:
            raise _invalid()
        if is_ours and not (partner.credentials.keys or partner.credentials.jwks_url):
            raise _invalid(partner.name)
        try:
            purposes = policy.purposes(partner, token.purposes)
            if (PURPOSE in purposes) != bool(token.opened):
                raise Rejected(PURPOSE)
        except Rejected as exc:
            log.warning("token_for_no_purpose", partner=partner.name, token=token.jti)
            what = "This client may not want data for the purpose of use that the token says."
            raise Unauthenticated(what, INVALID, partner.name) from exc
        grant = parse(token.scope) & at_most(partner) if token.scope else Grant()
        return token, Bearer(partner, grant, purposes, token.opened)

    def _remember(self, digest: bytes, known: Known) -> None:
        with self._lock:
            self._known[digest] = known
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


def _invalid(partner: str = "") -> Unauthenticated:
    return Unauthenticated("The token is none of ours, or past; ask for a new one.", INVALID, partner)
