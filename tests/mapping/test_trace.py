"""Lineage and what nothing reads."""

HEAD = "map: T\nfrom: case\n"


def test_lineage_names_the_sources_of_each_target(catalogue):
    text = (
        HEAD
        + """
each: goal in case.plan.goals
when: "{{ case.kind }}"
let:
  title: "{{ case.plan.title | strip }}"
  boss: "{{ case.manager }}"
make:
  id: "{{ goal | id('Goal') }}"
  text: "{{ title }} {{ goal.description }}"
  who: "{{ boss | reference('Practitioner') }}"
  name: "{{ boss.name }}"
  note:
    $each: p in goal.progress
    $if: "{{ p.note != 'x' }}"
    $make: {value: "{{ p.note if goal.done else goal.weight }}"}
  fixed: 1
"""
    )
    (mapping,) = catalogue(text).mappings
    assert mapping.lineage == {
        "T.id": ("case.plan.goals.id",),
        "T.text": ("case.plan.title", "case.plan.goals.description"),
        "T.who": ("case.manager",),
        "T.name": ("case.manager.name",),
        "T.note.value": ("case.plan.goals.progress.note", "case.plan.goals.weight"),
    }
    assert mapping.conditions == {
        "T": ("case.plan.goals", "case.kind"),
        "T.note": ("case.plan.goals.progress", "case.plan.goals.progress.note"),
        "T.note.value": ("case.plan.goals.done",),
    }
    assert (mapping.name, mapping.target, mapping.source, mapping.file) == (
        "T",
        "T",
        "case",
        "outbound/T.yaml",
    )


def test_unread_lists_the_leaves_nothing_reads(catalogue):
    text = (
        HEAD
        + """
make:
  a: "{{ case.extra }}"
  b: "{{ case.manager.name }}"
  c: "{{ case.period.start }}"
  d: {$each: g in case.plan.goals, $if: "{{ g.done }}", $make: "{{ g.id }}"}
  e: "{{ case.carer | reference('RelatedPerson') }}"
"""
    )
    assert catalogue(text).unread_paths("case") == [
        "case.status",
        "case.kind",
        "case.note",
        "case.period.end",
        "case.helpers",
        "case.plan.id",
        "case.plan.title",
        "case.plan.goals.description",
        "case.plan.goals.weight",
        "case.plan.goals.tags",
        "case.plan.goals.progress.id",
        "case.plan.goals.progress.note",
        "case.plan.goals.owner",
    ]


def test_what_a_mapping_of_another_source_reads_counts_too(catalogue):
    assert "client.family" not in catalogue(HEAD + 'make: {a: "{{ client.family }}"}\n').unread_paths(
        "client"
    )


def test_a_value_given_whole_reads_all_of_it_and_a_test_only_itself(catalogue):
    whole = catalogue(HEAD + 'make: {a: "{{ case.plan }}"}\n').unread_paths("case")
    test = catalogue(HEAD + 'when: "{{ case.plan }}"\nmake: {a: 1}\n').unread_paths("case")
    assert not [path for path in whole if path.startswith("case.plan")]
    assert "case.plan.title" in test


def test_a_recursive_schema_ends(tmp_path, write):
    from service.mapping.catalogue import load

    node = {"type": "object", "properties": {"name": {"type": "string"}, "child": {"$ref": "#"}}}
    write("outbound/T.yaml", 'map: T\nfrom: n\nmake: {a: "{{ n.child.child.name }}"}\n')
    assert load(tmp_path, sources={"n": {"n": node}}, links={}).unread_paths("n")
