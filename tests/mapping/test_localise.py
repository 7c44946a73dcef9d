"""Resources in another language, made of the document and the terminology alone."""

import pytest

from service.mapping.language.localise import interpreter
from service.mapping.language.narrative import marked_display
from service.mapping.terminology.concepts import CodeSystem, Terminology

URL = "https://example.org/kind"
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
DISPLAYS = {"home": "At home", "a|b": "Odd & <strange>", "new": "New"}
DESIGNATIONS = {"home": {"da": "I hjemmet"}, "a|b": {"da": "Sær & <fremmed>"}, "new": {"fi": "Uusi"}}


@pytest.fixture
def tell():
    system = CodeSystem("kind", URL, DISPLAYS, DESIGNATIONS, {})
    words = interpreter(Terminology({"kind": system}), {"T.from.display": {"kind"}})
    assert words.languages == ("da", "fi")

    def tell(language="da", **elements):
        resource = {"resourceType": "T", "id": "1"} | elements
        localised = words.tell(resource, language)
        assert localised.pop("language") == language
        return {key: value for key, value in localised.items() if key not in {"resourceType", "id"}}

    return tell


def coding(code, display, system=URL):
    return {"system": system, "code": code, "display": display}


def test_a_coding_of_ours_is_told_in_the_language_wherever_it_stands(tell):
    localised = tell(a=[{"b": coding("home", "At home")}], c={"coding": [coding("home", "At home")]})
    assert localised == {
        "a": [{"b": coding("home", "I hjemmet")}],
        "c": {"coding": [coding("home", "I hjemmet")]},
    }


def test_what_has_no_designation_or_is_not_ours_stays(tell):
    resource = {
        "a": coding("new", "New"),
        "b": coding("gone", "Gone"),
        "c": coding("home", "At home", "urn:theirs"),
        "d": {"system": URL, "value": "home"},
        "e": ["At home", 1, True, None],
    }
    assert tell(**resource) == resource


def test_a_display_that_a_mapping_puts_there_as_text_is_told_in_the_language_and_no_other_text_is(tell):
    resource = {
        "from": [{"display": "At home"}, {"display": "Anna"}, {"other": "At home"}, {"display": "New"}]
    }
    localised = tell(**resource)["from"]
    assert localised == [
        {"display": "I hjemmet"},
        {"display": "Anna"},
        {"other": "At home"},
        {"display": "New"},
    ]


def test_a_text_goes_with_the_coding_it_repeats_and_no_other_does(tell):
    codings = [coding("home", "At home", "urn:theirs"), coding("home", "At home")]
    assert tell(a={"coding": codings[1:], "text": "At home"})["a"]["text"] == "I hjemmet"
    assert tell(a={"coding": codings[1:], "text": "At home, upstairs"})["a"]["text"] == "At home, upstairs"
    assert tell(a={"coding": [coding("new", "New")], "text": "New"})["a"]["text"] == "New"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (marked_display("kind", "home", "At home"), '<span class="kind|home">I hjemmet</span>'),
        (
            marked_display("kind", "a|b", "Odd & <strange>"),
            '<span class="kind|a|b">Sær &amp; &lt;fremmed&gt;</span>',
        ),
        (marked_display("kind", "new", "New"), marked_display("kind", "new", "New")),
        (marked_display("other", "home", "At home"), marked_display("other", "home", "At home")),
        ('<span class="bold">At home</span>', '<span class="bold">At home</span>'),
        ("&lt;span class=&quot;kind|home&quot;&gt;x", "&lt;span class=&quot;kind|home&quot;&gt;x"),
    ],
)
def test_a_narrative_is_told_in_the_language_where_it_marks_concepts(tell, before, after):
    text = tell(text={"status": "generated", "div": f"<div {XHTML}><p>{before}</p></div>"})["text"]
    assert text["div"] == f'<div {XHTML} lang="da" xml:lang="da"><p>{after}</p></div>'


def test_a_language_the_narrative_states_is_replaced(tell):
    div = f'<div lang="en" {XHTML} xml:lang="en"><div lang="sv">x</div></div>'
    text = tell(text={"status": "generated", "div": div})["text"]
    assert text["div"] == f'<div {XHTML} lang="da" xml:lang="da"><div lang="sv">x</div></div>'


def test_the_resource_itself_is_left_alone(tell):
    resource = {"a": [{"coding": [coding("home", "At home")], "text": "At home"}]}
    tell(**resource)
    assert resource == {"a": [{"coding": [coding("home", "At home")], "text": "At home"}]}
