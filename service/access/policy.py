"""Who may see what: (partner) to rights and scope. Pure: no clock, no store, no request."""

from typing import Final

from service.values.scope import SENDER, Partner, Scope

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
LOCAL: Final = Partner(name="local", kind="operator")


def allows(partner: Partner, right: str) -> bool:
    """Tell whether a partner of this kind has a right at all; what it then sees is its scope's business."""
    return right in RIGHTS[partner.kind]


def scope(partner: Partner) -> Scope:
    """Return the part of the truth a partner may see.

    An operator sees all; an engineer all messages, which carry no personal data; a case system what it owns;
    an insurer the clients whose coverage names it and covers now; a hospital the clients it treats: whose
    stay it sent, or in whose case the case system names it; both for `run_out_days` longer.
    """
    if partner.kind in {"operator", "engineer"}:
        return Scope(view=partner.view, everything=True)
    if partner.kind == "case-system":
        closed = partner.assertions.closed_to(partner.name)
        return Scope(view=partner.view, source=partner.name, offered=partner.offered, closed=closed)
    if partner.kind == "insurer":
        return Scope(view=partner.view, payers=partner.identifiers, run_out_days=partner.run_out_days)
    hospitals = ((SENDER, partner.name), *partner.identifiers)
    return Scope(view=partner.view, hospitals=hospitals, run_out_days=partner.run_out_days)
