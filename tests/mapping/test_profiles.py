"""A mapping names the profiles its resource may meet; the claim stands only where it does."""

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
        def __init__(self, type_, supported=()):
            self.type, self.supported = type_, supported

    def profiles(self):
        return {
            "http://p/title": self.Of("T", ("T.title", "T.value[x]")),
            "http://p/note": self.Of("T"),
            "http://p/u": self.Of("U"),
        }

    def misses(self, url, resource):
        return [] if url.rpartition("/")[2] in resource else ["is missing"]


@pytest.fixture
def made(catalogue, case):
    def made(profile="", more="", **settings):
        text = T.format(profile=profile, more=more)
        found = catalogue(text, profiles=Known(), **settings)
        return found, found.projector("case").run(case)[0].resource

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
    assert catalogue.withdrawn(last) == {
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


def test_the_elements_a_profile_wants_supported_and_nothing_makes_are_listed(made):
    assert made(BOTH)[0].unsupported() == {"http://p/title": ("T.value[x]",), "http://p/note": ()}
    assert made(BOTH, "valueString: x")[0].unsupported()["http://p/title"] == ()


@pytest.mark.parametrize(
    ("profile", "where", "message"),
    [
        ("profile: http://p/titel", "4:10", "did you mean `http://p/title`?"),
        ("profile: [http://p/u]", "4:11", "this profile is about U, not T"),
        ("profile: [http://p/note, 5]", "4:26", "no profile that can be checked"),
        ("profile: {a: b}", "4:10", "no profile that can be checked"),
    ],
)
def test_a_profile_that_is_wrong_is_refused_at_its_place(found, profile, where, message):
    ((place, what),) = found(T.format(profile=profile, more=""), profiles=Known())
    assert place == f"outbound/T.yaml:{where}"
    assert message in what


def test_where_no_profile_can_be_checked_none_can_be_claimed(found):
    ((_, what),) = found(T.format(profile=BOTH.replace(", http://p/note", ""), more=""))
    assert "no profile that can be checked; did you mean `none`?" in what
