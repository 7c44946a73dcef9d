"""What bounds work on PostgreSQL: said once to a session of ours, through a pooler within each transaction.

There it is one statement, sent with the first of the transaction, so nobody waits for it by itself.

https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SET
"""

from typing import Final

# To compile a statement takes longer than most would last, and what many rows are looked up for seems dear.
_OF_STATEMENTS: Final = {"statement_timeout": "60s", "lock_timeout": "30s", "jit": "off"}
# One that has vanished, or says nothing more, does not hold its locks for long.
_OF_TRANSACTIONS: Final = {
    "idle_in_transaction_session_timeout": "60s",
    "tcp_user_timeout": "10000",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}


def _saying(settings: dict[str, str], is_local: str = "true") -> bytes:
    said = (f"set_config('{name}', '{value}', {is_local})" for name, value in settings.items())
    return f"SELECT {', '.join(said)}".encode()


OF_STATEMENT: Final = _saying(_OF_STATEMENTS)
"""Where each statement is a transaction of its own."""
OF_TRANSACTION: Final = _saying({**_OF_STATEMENTS, **_OF_TRANSACTIONS})
"""Where one is begun, and keeps its locks until it ends."""
OF_SESSION: Final = _saying({**_OF_STATEMENTS, **_OF_TRANSACTIONS}, "false")
"""Where a session is nobody else's."""
