"""Every construct of the mapping language, through the catalogue."""

import uuid
from decimal import Decimal

import pytest

from service.mapping.compiler.projector import MappingError

from_case = "map: T\nfrom: case\nmake:\n"
KIND = """
    resourceType: CodeSystem
    url: https://example.org/kind
    concept: [{code: home, display: A & B}]
"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("case.kind", "home"),
        ("case['kind']", "home"),
        ("case.plan.goals[0].weight", 0),
        ("case.plan.goals[0].done", False),
        ("case.plan.goals[1].weight", None),
        ("case.plan.goals[7].description", None),
        ("case.period.end", None),
        ("case.manager.qualifications[0].title", "RN"),
        ("case.carer.name", "Carer"),
        ("client.given", ["A", "B"]),
        ("client.given | first", "A"),
        ("(case.plan.goals | last).id", "g2"),
        ("client.given | join('+')", "A+B"),
        ("case.plan.goals[0].progress | last | default('x')", {"id": "n2", "note": "two"}),
        ("case.plan.goals[0].weight | default(5)", 0),
        ("case.plan.goals[0].done | default(true)", False),
        ("case.period.end | default('later')", "later"),
        ("case.kind | default('x') | upper", "HOME"),
        ("case.kind | upper | lower", "home"),
        ("case.plan.title | strip", "T"),
        ("case.period.start | date", "2024-02-03"),
        ("case.period.end | date", None),
        ("case.kind == 'home'", True),
        ("'home' != case.kind", False),
        ("case.period.end == none", True),
        ("case.period.end == case.kind", False),
        ("case.plan.goals[1].description == none", True),
        ("case.plan.goals[0].weight == none", False),
        ("case.kind == case.kind", True),
        ("case.plan.goals[0].weight < 1", True),
        ("case.plan.goals[0].weight <= 0.00", True),
        ("case.plan.goals[1].weight < 1", False),
        ("case.plan.goals[1].weight >= 1", False),
        ("1 > case.plan.goals[0].weight", True),
        ("case.period.start > '2023'", True),
        ("case.kind in ['home', 'x']", True),
        ("case.kind not in ['home']", False),
        ("case.period.end in ['home', '']", False),
        ("'A' in client.given", True),
        ("case.kind in client.given", False),
        ("case.period.end is absent", True),
        ("case.plan.goals[0].weight is present", True),
        ("case.plan.goals[0].done is absent", False),
        ("case.plan.goals[1].tags is present", False),
        ("not case.period.end", True),
        ("case.kind and case.status", "open"),
        ("case.period.end or case.kind", "home"),
        ("case.kind if case.period.end else case.status", "open"),
        ("case.kind if case.period.end", None),
        ("case.kind ~ '-' ~ case.period.end", "home-"),
        ("case.period.end ~ '-' ~ case.period.end", None),
        ("case.plan.goals[0].weight ~ '/' ~ case.plan.goals[0].done", "0/false"),
        ("(case.plan if case.kind else case.plan).title", " T "),
        ("1.50", Decimal("1.50")),
        ("-3", -3),
        ("1_000", 1000),
        ("15e-1", Decimal("1.5")),
        ("'a\\'b'", "a'b"),
        ("'{{'", "{{"),
        ("true", True),
        ("none", None),
        ("case.extra", {"z": 0, "f": False}),
        ("case.extra.anything.at.all", None),
    ],
)
def test_an_expression_gives_its_typed_value(make, expression: str, value: object):
    quoted = expression.replace("\\", "\\\\").replace('"', '\\"')
    made_value = make(f'x: "{{{{ {quoted} }}}}"').get("x")
    assert (made_value, type(made_value)) == (value, type(value))


@pytest.mark.parametrize(
    ("leaf", "value"),
    [
        ('"kind {{ case.kind }}"', "kind home"),
        ('" {{ case.kind }} {{ case.period.end }} "', "home"),
        ('"({{ case.period.end }})"', None),
        ('"{{ case.period.end }}{{ case.kind }}"', "home"),
        ('"{{ 1.50 }} kg"', "1.50 kg"),
        ('"n {{ case.plan.goals[0].weight }} {{ case.plan.goals[0].done }}"', "n 0 false"),
        ("NO", "NO"),
        ("12:30", "12:30"),
        ("1.10", Decimal("1.10")),
        ("0", 0),
        ("false", False),
        ("''", None),
        ("null", None),
        ("[]", None),
        ("{}", None),
        ("[null, {a: ''}]", None),
        ("[[a], [b]]", ["a", "b"]),
        ("' spaces stay '", " spaces stay "),
        ("'}} stays'", "}} stays"),
    ],
)
def test_a_leaf_gives_its_value_or_no_key(make, leaf: str, value: object):
    made = make(f"y: 1\nx: {leaf}")
    assert ("x" in made) == (value is not None)
    assert made.get("x") == value


def test_maps_and_lists_without_anything_present_leave_no_key(make):
    assert make("""
        a: {b: "{{ case.period.end }}", c: [{d: "{{ case.period.end }}"}]}
        e: ["{{ case.period.end }}", "{{ case.kind }}"]
    """) == {"e": ["home"]}


def test_keys_keep_the_order_of_the_mapping(make):
    assert list(make('z: "{{ case.kind }}"\nb: 1\na: "{{ case.status }}"')) == ["z", "b", "a"]


def test_each_makes_a_list_and_if_leaves_out(make):
    assert make("""
        x:
          $each: goal in case.plan.goals
          $if: "{{ goal.description }}"
          $make: {id: "{{ goal.id }}"}
    """) == {"x": [{"id": "g1"}]}


def test_several_blocks_in_a_list_are_put_one_behind_the_other(make):
    assert make("""
        x:
          - lit
          - $each: goal in case.plan.goals
            $make: "{{ goal.id }}"
          - $if: "{{ case.period.end }}"
            $make: never
          - $each: name in client.given
            $make: ["{{ name }}", "!"]
    """) == {"x": ["lit", "g1", "g2", "A", "!", "B", "!"]}


def test_a_path_through_lists_goes_over_all_of_them(make):
    assert make("""
        x:
          $each: note in case.plan.goals.progress
          $make: "{{ note.note }}"
    """) == {"x": ["one", "two"]}


def test_several_loops_in_one_each_see_one_another(make):
    assert make("""
        x:
          $each: [goal in case.plan.goals, tag in goal.tags]
          $make: "{{ goal.id }}{{ tag }}"
    """) == {"x": ["g1x", "g1y"]}


def test_if_with_make_is_a_conditional_value(make):
    body = "x: {$if: \"{{ case.kind == '%s' }}\", $make: {a: 1}}"
    assert make(body % "home") == {"x": {"a": 1}}
    assert make(body % "other") == {}


def test_absent_items_of_a_list_are_passed_over(make, case):
    case["case"]["plan"]["goals"].insert(0, None)
    assert (
        make('x: {$each: goal in case.plan.goals, $make: {id: "{{ goal.id }}", n: 1}}')["x"][0]["id"] == "g1"
    )


def test_xhtml_takes_literals_as_markup_and_escapes_values(make):
    made = make("""
        div:
          $xhtml:
            - <div title="{{ case.note }}">
            - $if: "{{ case.period.end }}"
              $make: <p>never</p>
            - "<p>{{ case.period.end }}</p>"
            - $each: name in client.given
              $make: ["<b>{{ name }}</b>", "<br/>"]
            - </div>
    """)
    assert made["div"] == ('<div title="a &lt;b&gt; &amp; &quot;c&quot;"><b>A</b><br/><b>B</b><br/></div>')


def test_characters_that_xml_has_no_place_for_are_dropped_from_markup(make, case):
    case["case"]["note"] = "a\x0b\ufffeb"
    assert make('x: {$xhtml: ["{{ case.note }}"]}') == {"x": "ab"}


def test_what_display_gives_is_marked_with_its_concept_in_markup_but_not_within_a_tag(make, write):
    write("codesystems/kind.yaml", KIND)
    made = make("""
        div:
          $xhtml:
            - <p title="{{ case.kind | display('kind') }}" class="a">{{ case.kind | display('kind') }}</p>
            - <i>{{ case.period.end | display('kind') }}</i>
        plain: "{{ case.kind | display('kind') }}"
    """)
    title = '<p title="A &amp; B" class="a">'
    assert made["div"] == f'{title}<span class="kind|home">A &amp; B</span></p>'
    assert made["plain"] == "A & B"


def test_a_fixed_phrase_keeps_no_part_alive(make, write):
    write("codesystems/kind.yaml", KIND)
    made = make("""
        div:
          $xhtml:
            - <p>{{ 'home' | display('kind') }}</p>
            - <i>{{ 'home' | display('kind') }} {{ case.period.end }}</i>
        text: "{{ 'home' | display('kind') }} {{ case.period.end }}"
    """)
    assert made == {"div": '<p><span class="kind|home">A &amp; B</span></p>'}


def test_each_at_the_head_makes_one_resource_per_item(make):
    head = 'each: goal in case.plan.goals\nwhen: "{{ goal.description }}"\n'
    assert make('id: "{{ goal.id }}"', head=head) == [{"id": "g1"}]


def test_let_names_expressions_in_order_also_for_when(make):
    head = """
        let:
          plan: "{{ case.plan }}"
          title: "{{ plan.title | strip }}"
          shown: "{{ title ~ '!' }}"
          chosen: "{{ case.manager if shown else case.manager }}"
        when: "{{ shown == 'T!' }}"
    """
    body = (
        'a: "{{ shown }}"\nb: "{{ plan.id }}"\nc: "{{ chosen | reference(\'P\') }}"\nd: "{{ chosen.name }}"'
    )
    made = make(body, head=head)
    assert (made["a"], made["b"], made["d"]) == ("T!", "p1", "M")
    assert made["c"] == {
        "reference": f"P/{uuid.uuid5(uuid.UUID('99999999-8888-4777-a666-555555555555'), 'P/')}"
    }


def test_when_false_makes_nothing(make):
    assert make("a: 1", head='when: "{{ case.period.end }}"\n') == {}


@pytest.mark.parametrize(
    ("subject", "owner", "key"),
    [
        ("case", "case", ""),
        ("client", "client", ""),
        ("case.plan.id", "case", "p1"),
        ("case.plan", "case", "p1"),
        ("case.plan.goals[0]", "case", "g1"),
        ("case.plan.goals | first", "case", "g1"),
        ("case.plan.goals[0].progress[1]", "case", "n2"),
        ("case.manager", "manager", ""),
        ("case.manager.qualifications[0]", "manager", "q1"),
        ("case.helpers[0]", "manager", ""),
        ("case.carer", "client", "r1"),
        ("client.related_persons[0]", "client", "r1"),
        ("case.plan.goals[0].owner", "manager", ""),
        ("case.manager if case.kind else case.carer", "manager", ""),
        ("case.period.end | default(none)", None, None),
    ],
)
def test_an_id_comes_of_the_nearest_document_with_a_uuid(make, case, subject, owner, key):
    made = (
        make(f"id: \"{{{{ {subject} | id('X') }}}}\"\nr: \"{{{{ ({subject}) | reference('X') }}}}\"")
        if " " not in (subject)
        else make(f"id: \"{{{{ ({subject}) | id('X') }}}}\"\nr: \"{{{{ ({subject}) | reference('X') }}}}\"")
    )
    if owner is None:
        assert made == {}
        return
    uuids = {"case": case["case"], "client": case["client"], "manager": case["case"]["manager"]}
    expected = str(uuid.uuid5(uuid.UUID(uuids[owner]["uuid"]), f"X/{key}"))
    assert made == {"id": expected, "r": {"reference": f"X/{expected}"}}


@pytest.mark.parametrize("path", ["manager", "carer", "plan"])
def test_the_reference_of_an_absent_value_is_absent(make, case, path):
    case["case"][path] = None
    assert (
        make(f"r: \"{{{{ case.{path} | reference('X') }}}}\"\ni: \"{{{{ case.{path} | id('X') }}}}\"") == {}
    )


def test_loop_variables_over_links_are_their_own_owners(make, case):
    made = make("x: {$each: h in case.helpers, $make: \"{{ h | id('X') }}\"}")
    assert made["x"] == [str(uuid.uuid5(uuid.UUID(case["case"]["manager"]["uuid"]), "X/"))]


def test_what_is_made_shares_nothing_with_the_source(make, case):
    make('x: "{{ case.extra }}"\ng: "{{ client.given }}"')["g"].append("Z")
    assert case["client"]["given"] == ["A", "B"]


def test_two_runs_give_equal_resources_that_share_nothing(catalogue, case):
    projector = catalogue(from_case + '  a: [{b: [1]}]\n  c: {d: "{{ case.kind }}"}\n').projector("case")
    one, two = projector.run(case)[0].resource, projector.run(case)[0].resource
    assert one == two
    one["a"][0]["b"].append(2)
    assert two["a"] == [{"b": [1]}]


def test_several_documents_in_a_file_run_in_order(catalogue, case):
    text = "map: G\nname: one\nfrom: case\nmake: {a: 1}\n---\nmap: G\nname: two\nfrom: case\nmake: {a: 2}\n"
    made = catalogue(text).projector("case").run(case)
    assert [(result.mapping, result.target, result.resource) for result in made] == [
        ("one", "G", {"a": 1}),
        ("two", "G", {"a": 2}),
    ]


def test_a_source_without_mappings_makes_nothing(catalogue, case):
    assert catalogue(from_case + "  a: 1\n").projector("client").run(case) == []


def test_withdrawal_keeps_null_as_the_word_for_removal(catalogue):
    compiled = catalogue("map: T\nfrom: case\nwithdraw: {status: entered-in-error, x: null}\nmake: {a: 1}\n")
    assert compiled.withdrawal("T") == {"status": "entered-in-error", "x": None}
    assert compiled.withdrawal("Other") == {}


def test_the_version_changes_with_any_source_text(catalogue, write):
    text = from_case + "  a: 1\n"
    first = catalogue(text).version
    assert catalogue(text).version == first
    assert catalogue(text + "# why\n").version != first
    catalogue(text)
    write("codesystems/x.yaml", "resourceType: CodeSystem\nurl: u\nconcept: [{code: a, display: A}]\n")
    assert catalogue(text).version != first


@pytest.mark.parametrize("value", [5, ["x"], {"a": 1}])
def test_a_value_of_another_kind_is_an_error_that_says_where_and_not_what(catalogue, case, value):
    case["case"]["plan"]["title"] = value
    projector = catalogue(
        from_case + '  a: 1\n  b:\n    c: "x {{ case.plan.title }} {{ case.plan.title | strip }}"\n'
    )
    with pytest.raises(MappingError) as caught:
        projector.projector("case").run(case)
    assert caught.value.issues[0].where == "outbound/T.yaml:6:8, target T.b.c, source case.plan.title"
    assert caught.value.__cause__ is None


def test_an_item_without_an_id_is_an_error(catalogue, case):
    del case["case"]["plan"]["goals"][0]["id"]
    text = from_case + "  x: {$each: g in case.plan.goals, $make: {id: \"{{ g | id('G') }}\"}}\n"
    with pytest.raises(MappingError, match="no `id`") as caught:
        catalogue(text).projector("case").run(case)
    assert caught.value.target.startswith("T.x")


def test_loops_over_independent_lists_end(catalogue, case):
    case["client"]["given"] = ["x"] * 2000
    loops = "[a in client.given, b in client.given]"
    with pytest.raises(MappingError, match="a million turns"):
        catalogue(from_case + f'  x: {{$each: {loops}, $make: "{{{{ a ~ b }}}}"}}\n').projector("case").run(
            case
        )


@pytest.mark.parametrize("made", ["case.status if case.plan is absent else 'none'", "case.status or 'none'"])
def test_what_is_made_of_several_may_be_compared_with_what_only_one_of_them_can_be(make, made):
    assert make("x: \"{{ said in ['none', 'open'] }}\"", head=f'let: {{said: "{{{{ {made} }}}}"}}\n') == {
        "x": True
    }
