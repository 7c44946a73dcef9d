"""A mapping names the profiles its resource may meet; the claim stands only where it does.

And where the mappings can make all that the profile wants supported, whether or not there is a value for it.
"""

import pytest

T = """
map: T
from: case
{profile}
withdraw: {{title: null}}
make:
  resourceType: T
  id: "1"
  title: "{{{{ case.kind }}}}"
  {more}
"""


class Known:
    """Checks two profiles of T and one of U: a title, a note."""

    class Of:
        def __init__(self, type_, supported=(), choices=(), slice_patterns=None):
            self.type, self.supported, self.choices, self.slice_patterns = (
                type_,
                supported,
                choices,
                slice_patterns or {},
            )

    def __init__(self, *supported, choices=(), slice_patterns=None):
        self.title = self.Of("T", supported, choices, slice_patterns)

    def profiles(self):
        return {"http://p/title": self.title, "http://p/note": self.Of("T"), "http://p/u": self.Of("U")}

    def misses(self, url, resource):
        return [] if url.rpartition("/")[2] in resource else ["is missing"]


@pytest.fixture
def made(catalogue, case):
    def made(profile="", more="", **settings):
        text = T.format(profile=profile, more=more)
        compiled = catalogue(text, profiles=Known(), **settings)
        return compiled, compiled.projector("case").run(case)[0].resource

    return made


BOTH = "profile: [http://p/title, http://p/note]"


def test_a_profile_that_is_met_is_claimed_and_no_other(made):
    assert made(BOTH)[1]["meta"] == {"profile": ["http://p/title"]}
    assert made(BOTH, "note: x")[1]["meta"] == {"profile": ["http://p/title", "http://p/note"]}


def test_without_any_that_is_met_there_is_no_meta(made):
    assert "meta" not in made("profile: http://p/note")[1]
    assert "meta" not in made()[1]


def test_what_else_is_in_meta_stays(made):
    more = "meta: {tag: [{code: x}], profile: [http://own, http://p/note]}"
    assert made(BOTH, more)[1]["meta"] == {
        "tag": [{"code": "x"}],
        "profile": ["http://own", "http://p/title"],
    }
    assert made("profile: http://p/note", "meta: {profile: [http://p/note]}")[1].get("meta") is None


def test_what_is_withdrawn_claims_what_it_meets_then(made):
    catalogue, last = made(BOTH, "note: x")
    assert catalogue.withdrawn_resource(last) == {
        "resourceType": "T",
        "id": "1",
        "note": "x",
        "meta": {"profile": ["http://p/note"]},
    }
    assert last["meta"]["profile"] == ["http://p/title", "http://p/note"]


def test_an_overlay_brings_and_removes_profiles(made, write):
    write("overlays/on/outbound/T.yaml", "extends: T\nprofile: http://p/title\n")
    write("overlays/off/outbound/T.yaml", "extends: T\nprofile: null\n")
    assert made(overlays=["on"])[1]["meta"]["profile"] == ["http://p/title"]
    assert "meta" not in made(overlays=["on", "off"])[1]


MADE = """
map: T
from: case
profile: [http://p/title, http://p/note]
let: {named: "{{ case.manager.name }}", never: "{{ none }}"}
make:
  resourceType: T
  id: "1"
  title: x
  note: x
"""
SLICE = {"T.part:a": ({"type": {"coding": [{"system": "urn:s", "code": "a"}]}},)}


@pytest.fixture
def missing(catalogue):
    """What keeps a mapping that makes this from claiming a profile."""

    def missing(more, *supported, **settings):
        known = Known(*supported, **settings)
        return [
            missing.element for missing in catalogue(MADE + more, profiles=known).unclaimed["http://p/title"]
        ]

    return missing


@pytest.mark.parametrize(
    "more",
    [
        "  part: {of: x}",
        "  part: {of: '{{ case.kind }}'}",
        "  part: {of: 'a {{ case.kind }}'}",
        "  part: {of: '{{ named }}'}",
        "  part: {of: [{deep: '{{ case.kind if case.note else none }}'}]}",
        "  part: {of: {$xhtml: ['<p>{{ case.note }}</p>']}}",
        "  part: [{other: x}, {$each: goal in case.plan.goals, $if: '{{ goal.done }}', $make: {of: x}}]",
        "  part: '{{ case.extra }}'",
    ],
)
def test_an_element_is_supported_where_anything_may_make_it(missing, more):
    assert missing(more, "T.part", "T.part.of") == []


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ("  other: x", ["T.part", "T.part.of"]),
        ("  part: {other: x}", ["T.part.of"]),
        ("  part: {other: x, of: null}", ["T.part.of"]),
        ("  part: {other: x, of: ''}", ["T.part.of"]),
        ("  part: {other: x, of: []}", ["T.part.of"]),
        ("  part: {other: x, of: '{{ never }}'}", ["T.part.of"]),
        ("  part: {other: x, of: {$if: '{{ false }}', $make: x}}", ["T.part.of"]),
        ("  part: {of: {deep: null}}", ["T.part", "T.part.of"]),
        ("  part: '{{ case.kind }}'", ["T.part.of"]),
        ("  part: '{{ case.period }}'", ["T.part.of"]),
    ],
)
def test_an_element_that_nothing_can_make_is_not_supported(missing, more, wanted):
    assert missing(more, "T.part", "T.part.of") == wanted


def test_a_mapping_that_never_runs_supports_nothing(missing):
    assert missing("when: '{{ false }}'", "T.title") == ["T.title"]


def test_of_an_element_of_several_types_any_is_enough(missing):
    assert missing("  valueString: x", "T.value[x]") == []
    assert missing("  values: x", "T.valueString") == ["T.valueString"]


def test_of_a_choice_one_is_enough_with_all_below_it(missing):
    slice_patterns = {"T.c:a": SLICE["T.part:a"]}
    wanted = ("T.a", "T.a.b", "T.c", "T.c:a")
    choices = [["T.a", "T.c"]]
    assert missing("  a: {b: x}", *wanted, choices=choices, slice_patterns=slice_patterns) == []
    assert missing("  a: {d: x}", *wanted, choices=choices, slice_patterns=slice_patterns) == ["T.a or T.c"]
    assert (
        missing(
            "  c: [{type: {coding: [{system: 'urn:s', code: a}]}}]",
            *wanted,
            choices=choices,
            slice_patterns=slice_patterns,
        )
        == []
    )
    assert missing("  other: x", "T.z", *wanted, choices=choices, slice_patterns=slice_patterns) == [
        "T.z",
        "T.a or T.c",
    ]


@pytest.mark.parametrize(
    "of_type",
    [
        "{coding: [{system: 'urn:s', code: a}]}",
        "{coding: [{system: 'urn:s', code: b}, {system: 'urn:s', code: '{{ case.kind }}'}]}",
        "'{{ case.status | codeable(\"kinds\") }}'",
        '\'{{ (case.status | default("open")) | codeable("kinds") }}\'',
        "'{{ case.note | codeable(\"kinds\") if case.note }}'",
        "'{{ case.extra }}'",
    ],
)
def test_a_slice_is_supported_where_an_item_may_be_of_it(missing, write, of_type):
    write("concepts/kinds.yaml", KINDS)
    more = f"  part: [{{type: {{text: x}}, other: x}}, {{type: {of_type}, of: x}}]"
    assert missing(more, "T.part", "T.part:a", "T.part:a.of", slice_patterns=SLICE) == []


KINDS = """
resourceType: ConceptMap
group:
  - target: urn:s
    element:
      - {code: open, target: [{code: a, equivalence: equal}]}
      - {code: closed, target: [{code: c, equivalence: equal}]}
"""


@pytest.mark.parametrize(
    "of_type",
    [
        "{coding: [{system: 'urn:t', code: a}]}",
        "{coding: [{system: 'urn:t', code: a}, {system: 'urn:s', code: b}]}",
        "{text: a}",
        "{coding: [{system: 'urn:s', code: '{{ case.status }}'}]}",
        '\'{{ "closed" | codeable("kinds") }}\'',
    ],
)
def test_a_slice_that_no_item_can_be_of_is_not_supported(missing, write, of_type):
    write("concepts/kinds.yaml", KINDS)
    more = f"  part: [{{type: {of_type}, of: x}}]"
    assert missing(more, "T.part", "T.part:a", slice_patterns=SLICE) == ["T.part:a"]


def test_a_code_that_is_mapped_to_nothing_supports_nothing(missing, write):
    write("concepts/kinds.yaml", KINDS.replace("code: a, equivalence: equal", "equivalence: unmatched"))
    more = "  part: \"{{ 'open' | codeable('kinds') }}\"\n  other: \"{{ case.status | codeable('kinds') }}\""
    assert missing(more, "T.part", "T.other") == ["T.part"]


def test_a_claim_is_held_back_where_an_overlay_takes_away_what_the_profile_wants_supported(
    catalogue, write, case
):
    write("overlays/quiet/outbound/T.yaml", "extends: T\nmake:\n  part:\n    $make: {of: null}\n")
    write("overlays/after/outbound/T.yaml", "extends: T\nmake: {part: {$make: {other: y}}}\n")
    more = "  part: {$each: goal in case.plan.goals, $make: {of: x, other: x}}\n"
    known = Known("T.part.of", "T.title")

    def claimed(*stack):
        compiled = catalogue(MADE + more, profiles=known, overlays=stack)
        made = compiled.projector("case").run(case)[0].resource
        return compiled, made["meta"]["profile"]

    assert claimed()[1] == ["http://p/title", "http://p/note"]
    assert claimed("after")[1] == ["http://p/title", "http://p/note"]
    compiled, profiles = claimed("quiet", "after")
    assert profiles == ["http://p/note"]
    (missing,) = compiled.unclaimed["http://p/title"]
    assert (missing.element, str(missing.mark)) == ("T.part.of", "overlays/quiet/outbound/T.yaml:4:13")
    assert compiled.unclaimed["http://p/note"] == ()
    assert [mapping.claims for mapping in compiled.mappings] == [("http://p/note",)]


def test_what_nothing_ever_made_is_said_at_the_mapping_that_names_the_profile(catalogue, write):
    write("overlays/on/outbound/T.yaml", "extends: T\nprofile: http://p/title\n")
    text = MADE.replace("profile: [http://p/title, http://p/note]\n", "")
    compiled = catalogue(text, profiles=Known("T.part"), overlays=["on"])
    (missing,) = compiled.unclaimed["http://p/title"]
    assert (missing.element, missing.mark.file) == ("T.part", "overlays/on/outbound/T.yaml")


def test_what_is_withdrawn_claims_nothing_that_is_held_back(catalogue):
    compiled = catalogue(MADE + "withdraw: {note: null}\n", profiles=Known("T.part"))
    last = {"resourceType": "T", "id": "1", "title": "x", "meta": {"profile": ["http://p/note"]}}
    assert "meta" not in compiled.withdrawn_resource(last)


def test_of_two_mappings_that_claim_a_profile_each_may_make_a_part(catalogue):
    other = MADE.replace("map: T", "map: T\nname: other").replace('id: "1"', 'id: "2"')
    compiled = catalogue(f"{MADE}  a: x\n---{other}  b: x\n", profiles=Known("T.a", "T.b"))
    assert compiled.unclaimed["http://p/title"] == ()


@pytest.mark.parametrize(
    ("profile", "where", "message"),
    [
        ("profile: http://p/titel", "4:10", "did you mean `http://p/title`?"),
        ("profile: [http://p/u]", "4:11", "this profile is about U, not T"),
        ("profile: [http://p/note, 5]", "4:26", "no profile that can be checked"),
        ("profile: {a: b}", "4:10", "no profile that can be checked"),
    ],
)
def test_a_profile_that_is_wrong_is_refused_at_its_place(mistakes, profile, where, message):
    ((place, what),) = mistakes(T.format(profile=profile, more=""), profiles=Known())
    assert place == f"outbound/T.yaml:{where}"
    assert message in what


def test_where_no_profile_can_be_checked_none_can_be_claimed(mistakes):
    ((_, what),) = mistakes(T.format(profile=BOTH.replace(", http://p/note", ""), more=""))
    assert "no profile that can be checked; did you mean `none`?" in what
