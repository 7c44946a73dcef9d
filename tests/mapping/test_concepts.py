"""Code systems, concept maps and the filters over them."""

import pytest

from service.mapping.compiler.projector import MappingError

HEAD = "map: T\nfrom: case\nmake:\n"
SYSTEM = """
    resourceType: CodeSystem
    id: kind
    url: https://example.org/kind
    name: Kind
    status: active
    content: complete
    concept:
      - code: home
        display: At home
        designation: [{language: da, value: I hjemmet}]
        concept:
          - {code: visit, display: Visit}
"""
STATUS = """
    resourceType: ConceptMap
    url: https://example.org/status
    group:
      - source: https://example.org/case-status
        target: http://example.org/fhir-status
        element:
          - code: open
            target: [{code: active, display: Active, equivalence: equivalent}]
          - code: closed
            target: [{code: finished, equivalence: wider}]
"""


KIND = """
    resourceType: ConceptMap
    group:
      - target: http://example.org/fhir-kind
        element:
          - code: home
            target: [{code: HH, equivalence: equivalent}]
"""


@pytest.fixture
def concepts(write):
    write("codesystems/kind.yaml", SYSTEM)
    write("concepts/status.yaml", STATUS)
    return write


def made(catalogue, case, leaf):
    return catalogue(HEAD + f'  x: "{leaf}"\n').projector("case").run(case)


def test_concept_gives_the_target_code(concepts, make):
    assert make("""x: "{{ case.status | concept('status') }}" """) == {"x": "active"}


def test_a_map_serves_coding_and_codeable(concepts, make):
    coding = {"system": "http://example.org/fhir-status", "code": "active", "display": "Active"}
    assert make("""
        x: "{{ case.status | coding('status') }}"
        y: "{{ case.status | codeable('status') }}"
    """) == {"x": coding, "y": {"coding": [coding]}}


def test_our_own_coding_stands_before_the_targets_of_the_map_of_its_name(concepts, make):
    concepts(
        "concepts/kind.yaml",
        """
        resourceType: ConceptMap
        group:
          - {target: "http://snomed.info/sct", element: [{code: home, target: [
              {code: "1", equivalence: equivalent}, {code: "2", equivalence: equivalent}]}]}
          - {target: "http://loinc.org", element: [
              {code: home, target: [{code: "3", equivalence: equivalent}]}]}
    """,
    )
    own = {"system": "https://example.org/kind", "code": "home", "display": "At home"}
    values = make("""
        x: "{{ case.kind | codeable('kind') }}"
        y: "{{ case.kind | coding('kind') }}"
        z: "{{ case.kind | display('kind') }}"
    """)
    assert values["x"]["coding"] == [
        own,
        {"system": "http://snomed.info/sct", "code": "1"},
        {"system": "http://snomed.info/sct", "code": "2"},
        {"system": "http://loinc.org", "code": "3"},
    ]
    assert (values["y"], values["z"]) == (own, "At home")


def test_a_code_of_ours_without_a_public_code_keeps_its_own_coding(concepts, make, case):
    concepts("concepts/kind.yaml", "resourceType: ConceptMap\ngroup: []\n")
    case["case"]["kind"] = "visit"
    assert make("""x: "{{ case.kind | codeable('kind') }}" """)["x"]["coding"][0]["code"] == "visit"


def test_what_the_filters_give_is_not_shared(concepts, make):
    body = """x: "{{ case.status | codeable('status') }}"\ny: "{{ case.status | coding('status') }}" """
    first = make(body)
    first["x"]["coding"][0]["code"] = first["y"]["code"] = "changed"
    assert make(body)["x"]["coding"][0]["code"] == "active"


@pytest.mark.parametrize("name", ["concept", "coding", "codeable"])
def test_an_absent_code_stays_absent(concepts, make, case, name):
    case["case"]["status"] = None
    assert make(f"""x: "{{{{ case.status | {name}('status') }}}}" """) == {}


@pytest.mark.parametrize(
    ("unmapped", "expected"),
    [
        ("{mode: provided}", {"system": "http://t", "code": "home"}),
        (
            "{mode: fixed, code: other, display: Other}",
            {"system": "http://t", "code": "other", "display": "Other"},
        ),
        ("{mode: other-map, url: 'https://example.org/second'}", {"system": "http://u", "code": "h"}),
    ],
)
def test_unmapped_codes_follow_the_policy_of_the_map(concepts, make, unmapped, expected):
    group = f"{{target: 'http://t', element: [], unmapped: {unmapped}}}"
    concepts("concepts/first.yaml", f"resourceType: ConceptMap\ngroup: [{group}]\n")
    second = "[{target: 'http://u', element: [{code: home, target: [{code: h, equivalence: equivalent}]}]}]"
    concepts(
        "concepts/second.yaml",
        f"resourceType: ConceptMap\nurl: https://example.org/second\ngroup: {second}\n",
    )
    assert make("""
        x: "{{ case.kind | coding('first') }}"
        y: "{{ case.kind | concept('first') }}"
    """) == {"x": expected, "y": expected["code"]}


@pytest.mark.parametrize("equivalence", ["unmatched", "disjoint"])
def test_an_element_that_has_no_match_makes_nothing(concepts, make, equivalence):
    element = f"{{code: home, target: [{{equivalence: {equivalence}}}]}}"
    concepts("concepts/none.yaml", f"resourceType: ConceptMap\ngroup: [{{element: [{element}]}}]\n")
    assert (
        make("""
        x: "{{ case.kind | concept('none') }}"
        y: "{{ case.kind | codeable('none') }}"
        z: "{{ case.kind | coding('none') }}"
    """)
        == {}
    )


def test_an_enumerated_code_without_target_or_policy_is_a_load_error(concepts, mistakes):
    concepts("concepts/status.yaml", STATUS.replace("code: closed", "code: shut"))
    leaf = "{{ case.plan.title }} {{ case.status | concept('status') }}"
    ((where, what),) = mistakes(HEAD + f'  x: "{leaf}"\n')
    assert where == "outbound/T.yaml:4:46"
    assert "`status` says nothing about `closed`; map the code, or say with `unmapped`" in what


def test_a_constant_code_is_checked_at_load_too(concepts, mistakes):
    ((_, what),) = mistakes(HEAD + "  x: \"{{ 'gone' | codeable('kind') }}\"\n")
    assert "says nothing about `gone`" in what


def test_several_targets_are_refused_only_where_one_is_needed(concepts, mistakes, catalogue):
    concepts(
        "concepts/status.yaml",
        STATUS.replace("[{code: active", "[{code: extra, equivalence: equal}, {code: active"),
    )
    catalogue(HEAD + "  x: \"{{ case.status | codeable('status') }}\"\n")
    for name in ("concept", "coding"):
        ((_, what),) = mistakes(HEAD + f"  x: \"{{{{ case.status | {name}('status') }}}}\"\n")
        assert "several targets for `open` where one is needed" in what


def test_an_open_code_without_target_is_an_error_that_does_not_say_the_code(concepts, catalogue, case):
    case["case"]["kind"] = "private"
    with pytest.raises(MappingError) as caught:
        made(catalogue, case, "{{ case.kind | codeable('kind') }}")
    assert "the code has no target in `kind`" in str(caught.value)
    assert "private" not in repr(caught.value.issues)
    assert caught.value.issues[0].where == "outbound/T.yaml:4:6, target T.x, source case.kind"


def test_a_close_name_of_a_map_is_suggested(concepts, mistakes):
    ((where, what),) = mistakes(HEAD + "  x: \"{{ case.status | concept('statsu') }}\"\n")
    assert (where, what) == (
        "outbound/T.yaml:4:24",
        "there is no ConceptMap `statsu`; did you mean `status`?",
    )


@pytest.mark.parametrize(
    ("file", "text", "where", "message"),
    [
        ("codesystems/a.yaml", "resourceType: CodeSystems\nurl: u\n", "1:15", "did you mean `CodeSystem`?"),
        ("codesystems/a.yaml", "resourceType: CodeSystem\n", "1:1", "`url` is needed here"),
        ("codesystems/a.yaml", SYSTEM.replace("code: visit", "code: home"), "13:9", "stands here twice"),
        (
            "codesystems/a.yaml",
            "resourceType: CodeSystem\nurl: u\nconcept: [{code: 1}]\n",
            "3:18",
            "as text (quote it)",
        ),
        (
            "concepts/a.yaml",
            STATUS.replace("equivalence: wider", "equivalence: broader"),
            "11:48",
            "`broader` is no equivalence; did you mean",
        ),
        (
            "concepts/a.yaml",
            STATUS.replace("equivalence: wider", "equivalence: narrower"),
            "11:18",
            "an equivalence of `narrower` needs a `comment`",
        ),
        (
            "concepts/a.yaml",
            STATUS.replace("equivalence: wider", "equivalence: inexact"),
            "11:18",
            "an equivalence of `inexact` needs a `comment`",
        ),
        ("codesystems/a.yaml", "a: 1\n---\nb: 1\n", "1:1", "one document stands in this file, found 2"),
        ("concepts/a.yaml", "resourceType: ConceptMap\ngroup: x\n", "2:8", "`group` is a list"),
        (
            "concepts/a.yaml",
            "resourceType: ConceptMap\ngroup: [{unmapped: {mode: fix}}]\n",
            "2:27",
            "did you mean `fixed`?",
        ),
        (
            "concepts/a.yaml",
            "resourceType: ConceptMap\ngroup: [{unmapped: {mode: fixed}}]\n",
            "2:20",
            "`code` is needed",
        ),
        (
            "concepts/a.yaml",
            "resourceType: ConceptMap\ngroup: [{element: [{code: a, target: [{}]}]}]\n",
            "2:39",
            "`equivalence` is needed here: how the target stands to the code; write `relatedto`",
        ),
        (
            "concepts/a.yaml",
            "resourceType: ConceptMap\ngroup: [{element: [{code: a, target: [{equivalence: equal}]}]}]\n",
            "2:39",
            "`code` is needed here",
        ),
        (
            "concepts/a.yaml",
            "resourceType: ConceptMap\ngroup: [{element: [{code: a}, {code: a}]}]\n",
            "2:31",
            "twice",
        ),
        (
            "concepts/a.yaml",
            "resourceType: ConceptMap\nurl: u\ngroup: [{unmapped: {mode: other-map, url: u}}]\n",
            "3:20",
            "leads in a circle",
        ),
        (
            "concepts/a.yaml",
            "resourceType: ConceptMap\ngroup: [{unmapped: {mode: other-map, url: v}}]\n",
            "2:20",
            "names no map that is here",
        ),
        ("concepts/a.yaml", b"\xff", "1:1", "not UTF-8"),
        ("concepts/a.yaml", "a: [", "2:1", "not YAML"),
    ],
)
def test_terminology_that_is_wrong_is_refused_at_its_place(write, mistakes, file, text, where, message):
    write(file, text)
    ((place, what),) = mistakes(HEAD + "  a: 1\n")
    assert place == f"{file}:{where}"
    assert message in what


def test_designations_are_kept_by_language(concepts, catalogue):
    system = catalogue(HEAD + "  a: 1\n").codesystems["kind"]
    assert system.designations["home"] == {"da": "I hjemmet"}
    assert system.resource["concept"][0]["code"] == "home"


@pytest.mark.parametrize(
    ("file", "right", "wrong", "place", "message"),
    [
        (
            "concepts/kind.yaml",
            "target: [",
            "targets: [",
            "7:9",
            "`targets` is no part of an element; did you",
        ),
        (
            "concepts/kind.yaml",
            "{code: HH",
            "{kode: HH",
            "7:19",
            "`kode` is no part of a target; did you mean",
        ),
        ("concepts/kind.yaml", "equivalent}", "broader}", "7:42", "did you mean `wider`?"),
        ("concepts/kind.yaml", "    element:", "    elements:", "5:5", "did you mean `element`?"),
        (
            "concepts/kind.yaml",
            "group:",
            "groups:",
            "3:1",
            "`groups` is no part of a ConceptMap; did you mean `group`?",
        ),
        ("concepts/kind.yaml", "code: home", "code: hom", "6:15", "`hom` is no code; did you mean `home`?"),
        ("codesystems/kind.yaml", "designation:", "designations:", "11:5", "did you mean `designation`?"),
        (
            "codesystems/kind.yaml",
            "[{language: da, value: I hjemmet}]",
            "[{language: da, value: a}, {language: da, value: b}]",
            "11:45",
            "`da` stands here twice; keep one",
        ),
    ],
)
def test_what_a_table_misspells_is_refused(concepts, mistakes, file, right, wrong, place, message):
    concepts("concepts/kind.yaml", KIND)
    text = {"concepts/kind.yaml": KIND, "codesystems/kind.yaml": SYSTEM}[file]
    assert right in text
    concepts(file, text.replace(right, wrong, 1))
    ((where, what),) = mistakes(HEAD + "  x: y\n")
    assert (where, message in what) == (f"{file}:{place}", True), what


def test_an_overlay_says_of_a_code_one_thing(concepts, mistakes):
    concepts("concepts/kind.yaml", KIND)
    twice = KIND + KIND.partition("element:\n")[2]
    concepts("overlays/over/concepts/kind.yaml", twice)
    ((where, what),) = mistakes(HEAD + "  x: y\n", overlays=["over"])
    assert where == "overlays/over/concepts/kind.yaml:8:9"
    assert what == "`home` stands here twice; keep one"
