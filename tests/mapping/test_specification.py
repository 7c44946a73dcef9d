"""The pages say of every element where it comes from; the coverage says where every field goes."""

import re

import pytest

from service.mapping.author.specification import coverage, pages

T = """
map: T
from: case
each: goal in case.plan.goals
let: {about: "{{ goal.description | default('x') }}", stands: "{{ case.status | concept('status') }}"}
when: "{{ case.kind }}"
withdraw: {status: gone}
make:
  resourceType: T
  status: "{{ case.status | concept('status') }}"
  stands: "{{ stands }}"
  text: "{{ about }}: {{ goal.weight }}"
  who:
    $if: "{{ case.manager is present }}"
    $make: {name: "{{ case.manager.name }}"}
  notes:
    - $each: step in goal.progress
      $make: {text: "{{ step.note | default('|') }}"}
  div: {$xhtml: ["<p>{{ case.note }}</p>"]}
"""
STATUS = """
resourceType: ConceptMap
group:
  - target: http://target
    element:
      - {code: open, target: [{code: active, display: Active, equivalence: equivalent}]}
    unmapped: {mode: fixed, code: other}
"""
SYSTEM = """
resourceType: CodeSystem
url: http://system
concept: [{code: a, display: "A | B", designation: [{language: da, value: Å}]}]
"""


@pytest.fixture
def specified(write, catalogue):
    write("concepts/status.yaml", STATUS)
    write("codesystems/kind.yaml", SYSTEM)
    return catalogue(T)


def rows(page, head):
    """The rows of the table below a heading, cells stripped of their marks."""
    table = page.partition(f"## {head}\n")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][2:]
    return [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in lines]


def test_each_element_has_its_source_its_rule_its_codes_and_its_line(specified):
    page = pages(specified)["T.md"]
    assert rows(page, "Elements") == [
        ("`T.resourceType`", "", "`T`", "", "outbound/T.yaml:9"),
        (
            "`T.status`",
            "`case.status`",
            "`{{ case.status \\| concept('status') }}`",
            "[status](terminology.md#status)",
            "outbound/T.yaml:10",
        ),
        (
            "`T.stands`",
            "`case.status`",
            "`{{ stands }}`",
            "[status](terminology.md#status)",
            "outbound/T.yaml:11",
        ),
        (
            "`T.text`",
            "`case.plan.goals.description`, `case.plan.goals.weight`",
            "`{{ about }}: {{ goal.weight }}`",
            "",
            "outbound/T.yaml:12",
        ),
        (
            "`T.who.name`",
            "`case.manager.name`",
            "if `{{ case.manager is present }}`, `{{ case.manager.name }}`",
            "",
            "outbound/T.yaml:15",
        ),
        (
            "`T.notes.text`",
            "`case.plan.goals.progress.note`",
            "for each `step in goal.progress`, `{{ step.note \\| default('\\|') }}`",
            "",
            "outbound/T.yaml:18",
        ),
        ("`T.div`", "`case.note`", "narrative", "", "outbound/T.yaml:19"),
    ]


def test_a_page_says_when_and_how_often_and_what_its_names_are(specified):
    page = pages(specified)["T.md"]
    assert "One for each `goal in case.plan.goals`." in page
    assert "Made where `{{ case.kind }}` holds." in page
    assert "its last version takes on `status: gone`" in page
    assert rows(page, "Names") == [
        ("`about`", "`{{ goal.description \\| default('x') }}`"),
        ("`stands`", "`{{ case.status \\| concept('status') }}`"),
    ]


def test_the_code_tables_name_each_code_in_each_language(specified):
    page = pages(specified)["terminology.md"]
    assert rows(page, "kind") == [("`a`", "A \\| B", "Å")]
    assert rows(page, "status") == [("`open`", "`active` Active")]
    assert "Mapped to `http://target`. Other codes: `mode: fixed, code: other`." in page


def test_the_index_leads_to_every_page_and_names_what_nothing_reads(specified):
    page_of = pages(specified)
    index = page_of["README.md"]
    assert set(re.findall(r"\]\(([\w.-]+\.md)\)", index)) == set(page_of) - {"README.md"}
    assert "Nothing reads " in index
    assert "`case.plan.goals.done`" in index
    assert "`case.note`" not in index


def test_the_coverage_names_what_is_made_of_each_field_or_decided_by_it(specified):
    fields = coverage(specified)
    assert fields["case.status"] == ("T.stands", "T.status")
    assert fields["case.kind"] == ("T",)
    assert fields["case.manager"] == ("T.who", "T.who.name")
    assert fields["case.plan.goals.done"] == ()
    assert [
        path for path, targets in fields.items() if path.startswith("case.") and not targets
    ] == specified.unread_paths("case")


def test_every_link_of_every_page_of_the_shipped_mappings_leads_somewhere():
    from tests.golden.test_golden import catalogue

    for stack in ((), ("us-core",), ("minimum-necessary",)):
        page_of = pages(catalogue(stack))
        heads = {heading for page in page_of.values() for heading in re.findall(r"(?m)^## (\S+)$", page)}
        for page in page_of.values():
            for file, anchor in re.findall(r"\]\(([\w.-]+\.md)#?([\w-]*)\)", page):
                assert file in page_of
                assert not anchor or anchor in heads
