"""The benchmarks report what others read, and measure the same work on each side; no time is asserted."""

import json
import math
import os
import subprocess
import sys
from subprocess import PIPE

from click.testing import CliRunner

from service.wire.fhir.exchange.naming import content
from service.wire.hl7v2.er7.naming import keys
from service.wire.hl7v2.er7.read import read
from service.wire.json import parse
from tests.performance import discharge_in, mapping, processor
from tests.performance.__main__ import BENCHES, main
from tests.performance.by_hand import ByHand
from tests.performance.house import ROOT
from tests.performance.lines import ALLOWANCE, at_least, at_most, rounds

FIELDS = {"name": str, "value": int | float, "unit": str, "budget": int | float, "holds": bool, "detail": str}


def catalogue():
    return mapping.load(mapping.MAPPINGS, sources=mapping.sources(), links=mapping.links())


def test_the_report_is_a_list_of_lines_with_the_fixed_fields(tmp_path):
    report = tmp_path / "build" / "bench.json"
    done = CliRunner().invoke(main, ["mapping", "--report", str(report)], env={"QUICK": "1"})
    assert done.exit_code == 0, done.output
    entries = json.loads(report.read_text(encoding="utf-8"))
    assert [entry["name"] for entry in entries] == [*next(iter(BENCHES))]
    for entry in entries:
        assert entry.keys() == FIELDS.keys()
        assert all(isinstance(entry[name], kind) for name, kind in FIELDS.items())
        assert entry["name"] in done.output


def test_a_budget_holds_up_to_its_bound_and_not_beyond():
    assert [at_least("x", value, "ratio", 0.6, "")["holds"] for value in (0.59, 0.6, 2)] == [
        False,
        True,
        True,
    ]
    assert [at_most("x", value, "s", 2, "")["holds"] for value in (1, 2, 2.01)] == [True, True, False]


def test_rounds_are_cut_where_time_is_over_but_for_one():
    ALLOWANCE.give(0)
    assert rounds("x", 3, lambda: 1) == [[1]]
    assert ALLOWANCE.cut == ["x after 1 of 3 rounds"]
    ALLOWANCE.give(math.inf)
    assert rounds("x", 3, lambda: 1) == [[1, 1, 1]]
    assert ALLOWANCE.cut == []


def test_the_mappings_and_the_hand_make_the_same_of_a_case():
    compiled = catalogue()
    roots = mapping.roots(7)
    made = [result.resource for result in mapping.plan_and_team(compiled).run(roots)]
    assert [resource["resourceType"] for resource in made] == ["CarePlan", "CareTeam"]
    assert made == ByHand(compiled).run(roots)


def test_the_case_that_is_mapped_has_as_many_leaves_as_the_budget_says():
    made = [result.resource for result in mapping.plan_and_team(catalogue()).run(mapping.roots(7))]
    assert mapping.leaves(made) == mapping.LEAVES


def test_absent_is_absent_on_each_side():
    compiled = catalogue()
    whole = mapping.roots(7)
    bare = {key: whole["case"][key] for key in ("uuid", "client", "status", "team")}
    unknown = {**whole["client"], "protected_identity": True}
    club = {"id": "club", "role": "community", "name": "The cycling club"}
    deputy = {"id": "deputy", "role": "friend", "name": "A friend", "deputy_for": bare["team"][0]}
    for case in (
        bare,
        {**bare, "plan": {"title": "A plan", "status": "draft"}, "team": []},
        {**bare, "client": unknown, "team": [club, deputy, {**deputy, "deputy_for": club}]},
    ):
        roots = {"case": case, "client": case["client"]}
        made = [result.resource for result in mapping.plan_and_team(compiled).run(roots)]
        assert made == ByHand(compiled).run(roots)


def test_each_discharge_that_is_sent_is_of_another_person_and_stay_and_no_duplicate():
    one, other = (parse(discharge_in.fhir(number)) for number in ("0000001", "0000002"))
    assert content(one) != content(other)
    assert one["id"] != other["id"]
    for kind, names in (("Patient", "R-000000"), ("Encounter", "V-000000")):
        resources_ = [
            entry["resource"]["identifier"][0]["value"]
            for sent in (one, other)
            for entry in sent["entry"]
            if entry["resource"]["resourceType"] == kind
        ]
        assert resources_ == [f"{names}1", f"{names}2"]
    (message,), (another,) = (read(discharge_in.hl7v2(number)).items for number in ("0000001", "0000002"))
    assert keys(message) != keys(another)
    assert [message_.first("PID").value(3) for message_ in (message, another)] == ["R-0000001", "R-0000002"]
    assert [message_.first("PV1").value(19) for message_ in (message, another)] == ["V-0000001", "V-0000002"]


def test_the_processor_time_of_a_process_has_that_of_those_below_it_that_run_and_that_have_ended():
    work = "import sys, time\nwhile time.process_time() < 0.4: pass\nprint(flush=True)\nsys.stdin.read()"
    before = processor.seconds(os.getpid())
    with subprocess.Popen([sys.executable, "-c", work], stdin=PIPE, stdout=PIPE) as below:
        below.stdout.readline()
        running = processor.seconds(os.getpid())
        below.communicate()
    # the kernel counts in hundredths, and rounds each process down
    assert running - before >= 0.3
    assert processor.seconds(os.getpid()) >= running


def test_a_name_that_is_no_line_is_wrong_use_and_names_the_lines():
    done = CliRunner().invoke(main, ["maping"])
    assert done.exit_code == 2
    assert "mapping.vs_handwritten" in done.output


def test_help_shows_an_example():
    command = [sys.executable, "-m", "tests.performance", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "make bench QUICK=1" in done.stdout
