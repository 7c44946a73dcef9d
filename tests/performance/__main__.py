"""Measures the budgets on private servers, prints a table and writes build/bench.json."""

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import click

from tests.performance import (
    backlog,
    case_in,
    cost,
    discharge_in,
    export,
    far,
    growth,
    hl7v2,
    latency,
    mapping,
    peer,
    pulls,
    read,
    relay,
    secured,
    start,
)
from tests.performance.house import ROOT, Servers
from tests.performance.lines import ALLOWANCE, Entry, tell

Benches = dict[tuple[str, ...], Callable[[bool, Servers], list[Entry]]]
BENCHES: Benches = {
    ("mapping.vs_handwritten", "mapping.linear"): mapping.run,
    ("relay.vs_raw", "relay.rate_2ms"): relay.run,
    ("backlog.linear", "backlog.memory"): backlog.run,
    ("latency.p50_vs_bare", "latency.p99_vs_bare"): latency.run,
    ("read.vs_floor", "pull.vs_floor", "cpu.read", "cpu.pull", "cpu.empty_request"): read.run,
    ("secured_read.vs_open", "secured_pull.vs_open", "token.rate"): secured.run,
    ("growth.scope",): growth.run,
    ("whole_pull.vs_floor", "growth.resources", "localised.vs_plain"): pulls.run,
    ("export.vs_copy", "memory.export"): export.run,
    ("discharge_fhir.vs_rows", "discharge_mllp.vs_rows"): discharge_in.run,
    ("case.vs_rows", "case_changed.vs_rows"): case_in.run,
    ("cpu.case", "cpu.goal", "cpu.discharge", "wal.per_case", "disk.per_resource"): cost.run,
    ("case.rate_1ms", "discharge.rate_1ms"): far.run,
    ("hl7v2.read",): hl7v2.run,
    ("memory.worker",): start.memory,
    ("start.first_answer", "memory.parent"): start.first_answer,
}
PEERS: dict[str, Benches] = {"hapi": {peer.LINES: peer.run}}
"""What is measured beside the service of somebody else, when it is named."""
SECONDS = 170
"""How long a quick run may take, but for the last round and for what is ended after it."""
REPORT = ROOT / "build" / "bench.json"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1)
@click.option(
    "--report", type=click.Path(path_type=Path), default=REPORT, help="Where the report is written."
)
def main(names: tuple[str, ...], report: Path) -> None:
    """Measure the budgets; NAMES choose lines, whole or by what stands before the dot.

    What is measured with a chosen line is reported too. QUICK=1 in the environment takes a smaller load and
    ends within three minutes: a bench has its share of the time that is left, and what is `cut` says so. With
    PEER=hapi the same work is measured on HAPI, too, and nothing else, for as long as it takes: of the source
    folder of its starter that HAPI_HOME names, or as it runs at HAPI_URL.

    \b
    Example:
      make bench QUICK=1 ARGS="mapping read.vs_floor"
      make bench PEER=hapi HAPI_HOME=../hapi-fhir-jpaserver-starter
    """
    quick, peer_name = os.environ.get("QUICK", "0") not in {"", "0"}, os.environ.get("PEER", "")
    if peer_name and peer_name not in PEERS:
        raise click.BadParameter(f"PEER={peer_name} is unknown; known are {', '.join(PEERS)}.")
    until = time.monotonic() + (SECONDS if quick and not peer_name else math.inf)
    entries: list[Entry] = []
    with Servers() as servers:
        chosen = _chosen(names, PEERS.get(peer_name, BENCHES))
        for number, (lines, measure) in enumerate(chosen.items()):
            tell(f"Measuring {', '.join(lines)}")
            ALLOWANCE.give((until - time.monotonic()) / (len(chosen) - number))
            measured = measure(quick, servers)
            assert [entry["name"] for entry in measured] == list(lines)
            for entry in measured:
                cut = [f"cut: {what}" for what in ALLOWANCE.cut]
                entry["detail"] = "; ".join([str(entry["detail"]), *cut])
            entries += measured
            for entry in measured:
                click.echo(_row(entry))
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    missed = sum(not entry["holds"] for entry in entries)
    click.echo(f"{len(entries)} lines, {missed} over budget; written to {report}")


def _chosen(names: tuple[str, ...], benches: Benches) -> Benches:
    """The benches that measure a line of a chosen name; all of them when none is chosen."""
    known = {line for lines in benches for line in lines}
    known |= {line.partition(".")[0] for line in known}
    for name in names:
        if name not in known:
            raise click.BadParameter(f"{name} is no line; known are {', '.join(sorted(known))}.")
    return {
        lines: measure
        for lines, measure in benches.items()
        if not names or {part for line in lines for part in (line, line.partition(".")[0])} & {*names}
    }


def _row(entry: Entry) -> str:
    value, budget = f"{entry['value']} {entry['unit']}", f"budget {entry['budget']}"
    holds = "holds" if entry["holds"] else "MISSED"
    return f"{entry['name']:<23} {value:>14} {budget:>12} {holds:<6}  {entry['detail']}"


if __name__ == "__main__":
    main()
