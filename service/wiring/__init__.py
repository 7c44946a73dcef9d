"""The composition root: the one room that knows every other."""

from service.wiring.compiled import (
    catalogue,
    catalogues,
    contracts,
    each_overlay,
    golden_results,
    inbound,
    previewed,
)
from service.wiring.operator import (
    case,
    cases,
    check,
    explained,
    number,
    outbox,
    partners,
    pruning,
    quarantined,
    queued,
    remapping,
    upgrade,
)
from service.wiring.processes import application, mllp, preflight, web, worker
from service.wiring.rooms import database, now, projecting, receiving

__all__ = [
    "application",
    "case",
    "cases",
    "catalogue",
    "catalogues",
    "check",
    "contracts",
    "database",
    "each_overlay",
    "explained",
    "golden_results",
    "inbound",
    "mllp",
    "now",
    "number",
    "outbox",
    "partners",
    "preflight",
    "previewed",
    "projecting",
    "pruning",
    "quarantined",
    "queued",
    "receiving",
    "remapping",
    "upgrade",
    "web",
    "worker",
]
