"""Who may see what: (partner, purpose of use) to rights and scope. Pure: no clock, no store, no request."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from service.errors import Rejected
from service.values.access.emergencies import PURPOSE
from service.values.access.labels import withheld_from
from service.values.access.purposes import PARENTS, code_of, is_a, mask
from service.values.access.scope import SENDER, Partner, Scope

RESOURCES: Final = "resources"
"""The right to interactions of FHIR; which ones and with which types, scopes say."""
RIGHTS: Final[dict[str, frozenset[str]]] = {
    "operator": frozenset(
        {
            "administer",
            "audit",
            "bodies",
            "documents",
            "erase",
            "events",
            "metrics",
            "preview",
            "quarantine",
            "replay",
            RESOURCES,
        }
    ),
    "case-system": frozenset({"documents", "preview", RESOURCES}),
    "insurer": frozenset({RESOURCES}),
    "hospital": frozenset({RESOURCES, "bodies", "discharges", "quarantine"}),
    "engineer": frozenset({"events"}),
}
PURPOSES: Final[dict[str, tuple[str, ...]]] = {
    "operator": ("HOPERAT",),
    "case-system": ("CAREMGT", "HOPERAT", "TREAT", "HPAYMT"),
    "insurer": ("HPAYMT", "HOPERAT"),
    "hospital": ("TREAT", "HOPERAT"),
    "engineer": ("HSYSADMIN",),
}
"""What each kind may want data for, with all kinds of that; the first unless it says so. None is BTG, which
is for the partners whose entry has it, and for nothing else beside it.
"""
LOCAL: Final = Partner(name="local", kind="operator")


def allows(partner: Partner, right: str) -> bool:
    """Tell whether a partner of this kind has a right at all; what it then sees is its scope's business."""
    return right in RIGHTS[partner.kind]


def purposes(partner: Partner, said: Sequence[str]) -> tuple[str, ...]:
    """Return what a partner wants data for: the codes that it said, else its own, else that of its kind.

    Raises:
        Rejected: one is no purpose of use that is known here, or one that its kind has not.
    """
    if not said:
        return (partner.purpose or PURPOSES[partner.kind][0],)
    if partner.breaks_glass and any(_is_emergency(code) for code in said):
        if not all(_is_emergency(code) for code in said):
            raise Rejected(f"expected {PURPOSE} alone: a token for an emergency is for nothing else")
        return (PURPOSE,)
    return tuple(dict.fromkeys(_purpose(partner.kind, code) for code in said))


def _is_emergency(said: str) -> bool:
    try:
        return code_of(said) == PURPOSE
    except KeyError:
        return False


@lru_cache(1_000)
def _purpose(kind: str, said: str) -> str:
    every = [code for code in PARENTS if may_want(kind, code)]
    try:
        code = code_of(said)
    except KeyError:
        code = ""
    if code not in every:
        raise Rejected(f"expected codes of PurposeOfUse that this client may use: {', '.join(every)}")
    return code


def may_want(kind: str, code: str) -> bool:
    """Tell whether a kind of partner may want data for a purpose."""
    return code != PURPOSE and any(is_a(code, root) for root in PURPOSES[kind])


def scope(partner: Partner, wanted: Sequence[str] = (), opened: Sequence[str] = ()) -> Scope:
    """Return the part of the truth a partner may see, for what it wants it for.

    Whoever broke the glass of some clients, `opened`, sees these and nobody else.

    An operator sees all; an engineer all messages, which carry no personal data; a case system what it owns;
    an insurer the clients whose coverage names it and covers now; a hospital the clients it treats: whose
    stay it sent, or in whose case the case system names it; both for `run_out_days` longer.
    """
    if opened:
        names = ((SENDER, partner.name), *partner.identifiers)
        return Scope(partner.view, hospitals=names, purposes=mask((PURPOSE,)), opened=tuple(opened))
    if partner.kind in {"operator", "engineer"}:
        return Scope(view=partner.view, everything=True)
    if partner.kind == "case-system":
        closed = partner.assertions.closed_to(partner.name)
        own = Scope(view=partner.view, source=partner.name, closed=closed)
        return replace(own, offered=partner.offered, common=partner.common)
    if partner.kind == "insurer":
        related = Scope(payers=partner.identifiers)
    else:
        related = Scope(hospitals=((SENDER, partner.name), *partner.identifiers))
    return replace(
        related,
        view=partner.view,
        run_out_days=partner.run_out_days,
        purposes=mask(purposes(partner, wanted)),
        withheld=withheld_from(partner.labels),
    )
