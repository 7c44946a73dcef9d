"""WWW-Authenticate: how a request is to show who asks (RFC 6750 section 3)."""

from typing import Final

from service.errors import CasebridgeError, Unauthenticated, Unscoped

HEADER: Final = "WWW-Authenticate"


def challenge(error: CasebridgeError) -> dict[str, str]:
    """Return the header that goes with an error, none with most."""
    parts = {"realm": "casebridge"}
    if isinstance(error, Unauthenticated):
        parts |= {"error": error.error, "error_description": str(error.args[0])} if error.error else {}
    elif isinstance(error, Unscoped):
        parts |= {"error": "insufficient_scope", "scope": error.scope}
    else:
        return {}
    return {HEADER: "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parts.items())}
