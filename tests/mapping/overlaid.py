"""The mapping T that tests of overlays lay an overlay on."""

BASE = """
map: T
from: case
let:
  title: "{{ case.plan.title | strip }}"
when: "{{ case.plan }}"
withdraw: {status: gone, extra: null}
make:
  resourceType: T
  id: "{{ case.plan.id | id('T') }}"
  title: "{{ title }}"
  kind: {code: "{{ case.kind | upper }}", note: "{{ case.note }}"}
  tags: [{a: 1}, {b: 2}]
  goal:
    $each: goal in case.plan.goals
    $if: "{{ goal.description }}"
    $make: {text: "{{ goal.description }}", tag: "{{ goal.tags }}"}
  period:
    $if: "{{ case.period }}"
    $make: {start: "{{ case.period.start }}"}
"""
OVER = "overlays/over/outbound/T.yaml"
PLAIN = {
    "title": "T",
    "kind": {"code": "HOME", "note": 'a <b> & "c"'},
    "tags": [{"a": 1}, {"b": 2}],
    "goal": [{"text": "walk", "tag": ["x", "y"]}],
    "period": {"start": "2024-02-03T04:05:06+02:00"},
}
