"""casebridge mappings plan and apply: what changed mappings would do to live resources, and doing it."""

import sys
import time
from collections import Counter
from typing import Any

import click

from service.cli.progress import progress
from service.flows.projection.remap import Difference
from service.mapping.compiler.explain import value_at
from service.settings import Settings
from service.wire.json import dump
from service.wiring import operator


@click.command()
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many differences to show; 0 for all.",
)
@click.option("--values", is_flag=True, help="Show the values too: they are personal data.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a difference, then the counts.")
def plan(sample: int, values: bool, as_json: bool) -> None:
    """Tell which live resources these mappings would change, and how. Nothing is written.

    \b
    Example:
      CASEBRIDGE_OVERLAYS=us-core casebridge mappings plan
      casebridge mappings plan --json --sample 0 > plan.jsonl
    """  # noqa: D301  click reads \b
    counts: Counter[str] = Counter()
    began, lines_out = time.monotonic(), 0
    with operator.remapping(Settings.from_env()) as work:
        for result, differences in progress(work.plan(), work.count_left(), "Planning"):
            counts["documents"] += 1
            if result.failed:
                counts["failed"] += 1
                _tell({"document": f"{result.kind}/{result.document}", "failed": result.failed}, as_json)
            for difference in differences:
                counts[f"{difference.reference.partition('/')[0]} {difference.happened}"] += 1
                if not sample or lines_out < sample:
                    lines_out += 1
                    _tell(_difference_as_json(difference, values), as_json)
    _sum("would change", counts, time.monotonic() - began, as_json)
    sys.exit(1 if counts["failed"] else 0)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The counts as one JSON object.")
def apply(as_json: bool) -> None:
    """Let these mappings change the live resources, one document a transaction.

    It may be interrupted and started again, and cases may be written meanwhile. One that cannot be mapped is
    named and stays as it is.

    \b
    Example:
      casebridge mappings apply
    """  # noqa: D301  click reads \b
    counts: Counter[str] = Counter()
    began = time.monotonic()
    with operator.remapping(Settings.from_env()) as work:
        for result in progress(work.apply(), work.count_left(), "Applying"):
            counts["documents"] += 1
            counts["resources"] += result.changed
            if result.failed:
                counts["failed"] += 1
                _tell({"document": f"{result.kind}/{result.document}", "failed": result.failed}, as_json)
    _sum("changed", counts, time.monotonic() - began, as_json)
    sys.exit(1 if counts["failed"] else 0)


def _difference_as_json(difference: Difference, values: bool) -> dict[str, Any]:
    members: dict[str, Any] = {
        "view": difference.view,
        "reference": difference.reference,
        "happened": difference.happened,
    }
    members |= {"changed": list(difference.changed)} if difference.changed else {}
    return members | ({"before": difference.before, "after": difference.after} if values else {})


def _tell(remark: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(dump(remark))
        return
    if "failed" in remark:
        click.echo(f"{remark['document']} cannot be mapped: {remark['failed']}")
        return
    changed = ", ".join(remark.get("changed", []))
    head = f"{remark['reference']} ({remark['view']}) {remark['happened']}"
    click.echo(f"{head}: {changed}" if changed else head)
    if remark.get("after") and not remark.get("before"):
        click.echo(f"  {dump(remark['after']).decode()}")
        return
    for path in remark.get("changed", []) if "after" in remark else []:
        before, after = (_shown_value(path, remark[side]) for side in ("before", "after"))
        click.echo(f"  {path}: {before} -> {after}")


def _shown_value(path: str, resource: dict[str, Any]) -> str:
    value = value_at(path, resource)
    return "nothing" if value is None else dump(value).decode()


def _sum(what: str, counts: Counter[str], seconds: float, as_json: bool) -> None:
    rate = round(counts["documents"] / seconds) if seconds else 0
    if as_json:
        click.echo(dump({"counts": dict(counts), "documents_per_second": rate}))
        return
    parts = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if name != "documents")
    click.echo(f"{counts['documents']} documents looked at ({rate}/s); {what}: {parts or 'nothing'}")
