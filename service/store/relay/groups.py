"""Targeted groups: whose case is of which, asked of many messages at a time before they are published."""

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from sqlalchemy import text

from service.store.sql.engine import Executor
from service.wire.json import dump

# a list of keys to join with, each looked up by itself
_OF: Final = {
    "postgresql": (
        "SELECT d.uuid, d.client, CAST(convert_from(d.body, 'UTF8') AS json) ->> 'targeted_group'"
        " AS targeted_group FROM json_array_elements_text(CAST(:{0}s AS json)) AS k (key)"
        " JOIN document d ON d.{1} = k.key WHERE d.kind = 'case'"
    ),
    "sqlite": (
        "SELECT d.uuid, d.client, json_extract(CAST(d.body AS TEXT), '$.targeted_group') AS targeted_group"
        " FROM json_each(:{0}s) AS k JOIN document d ON d.{1} = k.value WHERE d.kind = 'case'"
    ),
}
_GROUPS: Final = {
    dialect: text(f"{of.format('case', 'uuid')} UNION ALL {of.format('client', 'client')}")
    for dialect, of in _OF.items()
}


def groups(connection: Executor, owners: Collection[str]) -> dict[str, frozenset[str]]:
    """Return the targeted groups of cases, and of clients those of their cases, by owner: `case/<uuid>`."""
    asked = {
        f"{kind}s": dump(
            [owner.partition("/")[2] for owner in owners if owner.startswith(f"{kind}/")]
        ).decode()
        for kind in ("case", "client")
    }
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in connection.execute(_GROUPS[connection.dialect.name], asked):
        if row.targeted_group is not None:
            found[f"case/{row.uuid}"].add(row.targeted_group)
            found[f"client/{row.client}"].add(row.targeted_group)
    return {owner: frozenset(found[owner]) for owner in owners if owner in found}
