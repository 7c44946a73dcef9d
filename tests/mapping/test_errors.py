"""What is wrong with a mapping is found at load, with file, line, column, and what would be right."""

import pytest

from service.errors import Misconfigured
from service.mapping.catalogue import load

HEAD = "map: T\nfrom: case\nmake:\n"


@pytest.mark.parametrize(
    ("expression", "column", "message"),
    [
        ("case.goals", 15, "`case.goals` is unknown; did you mean `case.plan.goals`?"),
        ("case.plann.goals", 15, "`case.plann` is unknown; did you mean `case.plan`?"),
        ("case.plan.goalz", 20, "`case.plan.goalz` is unknown; did you mean `case.plan.goals`?"),
        ("cas.plan", 10, "`cas` is unknown; did you mean `case`?"),
        ("case['kimd']", 14, "`case.kimd` is unknown; did you mean `case.kind`?"),
        ("case.kind.x", 20, "`case.kind` is a text and has no `x`"),
        ("case.plan.goals.id", 26, "`case.plan.goals` is a list; use $each, [0], `first` or `last`"),
        ("case.kind[0]", 19, "`case.kind` is a text, not a list"),
        ("case.items", 15, "`case.items` is unknown"),
        ("case.kind | uper", 22, "there is no filter `uper`; did you mean `upper`?"),
        ("case.kind | join", 22, "`join` takes 1 constant(s) in its brackets"),
        ("case.kind | id(case.kind)", 22, "`id` takes 1 constant(s) in its brackets"),
        ("case.kind | join(',')", 22, "`join` takes list, this is a text"),
        ("case.plan | upper", 22, "`upper` takes text, this is an object"),
        ("case.kind | first", 22, "`case.kind` is a text, not a list"),
        ("case.period | id('X')", 24, "`case.period` has no `id`; use a text of it as the key"),
        ("case.extra.x | id('X')", 25, "does not say what it is"),
        ("case.kind ~ 'x' | id('X')", 28, "`id` needs a path"),
        ("(case.kind ~ 'x') | id('X')", 30, "`id` needs a path: something made has no identity"),
        ("case.kind | concept('nope')", 22, "there is no ConceptMap `nope`"),
        ("case.kind | display('nope')", 22, "there is no CodeSystem `nope`"),
        ("case.kind()", 19, "a call is not taken in an expression"),
        ("case.kind.upper()", 25, "a call is not taken"),
        ("'a' * 300000000", 10, "arithmetic is not taken"),
        ("1 + 1", 10, "arithmetic is not taken"),
        ("2 ** 9999", 10, "arithmetic is not taken"),
        ("-case.kind", 10, "arithmetic is not taken"),
        ("client.given[0:1]", 22, "in [ ] stands one key or one position"),
        ("case[case.kind]", 14, "in [ ] stands one key or one position"),
        ("[case.kind]", 10, "a list is not taken"),
        ("{'a': 1}", 10, "a map is not taken"),
        ("1, 2", 11, "a tuple is not taken"),
        ("case.kind in [case.status]", 23, "a list in an expression holds constants only"),
        ("case.kind in case.status", 28, "`in` needs a list on its right, this is a text"),
        ("1 < 2 < 3", 10, "one comparison at a time"),
        ("case.status == 'opn'", 25, "`case.status` is never `opn`; did you mean `open`?"),
        ("'opn' != case.status", 10, "`case.status` is never `opn`; did you mean `open`?"),
        (
            "case.status in ['open', 'shut']",
            25,
            "`case.status` is never `shut`; did you mean `open, closed`?",
        ),
        ("case.kind < 1", 15, "a text is compared with a number"),
        ("case.plan < case.plan", 15, "an object has no order"),
        ("case.kind is defined", 20, "`is defined` is not taken; tests are `is present` and `is absent`"),
        ("case.plan ~ 'x'", 15, "an object is no text"),
        ("case.kind", 0, ""),
        ("case", 10, "a whole document is not given out; use `reference`"),
        ("case.helpers[0]", 22, "a whole document is not given out; use `reference`"),
        ("x y", 12, "not an expression"),
        ("", 11, "not an expression"),
        ("0x1F", 10, "a number is written in decimal digits"),
        ("1e99999", 10, "a number of this size"),
        ("'\\\\x41'", 10, "of escapes only"),
        ("(case.kind if case.status else 'x').y", 46, "`case.kind` is a text"),
    ],
)
def test_an_expression_that_is_wrong_is_refused_at_its_place(
    mistakes, catalogue, expression, column, message
):
    text = HEAD + f'  x: "{{{{ {expression} }}}}"\n'
    if not message:
        assert catalogue(text)
        return
    ((where, what),) = mistakes(text)
    assert message in what
    file, line, at = where.split(":")
    assert (file, line) == ("outbound/T.yaml", "4")
    assert int(at) == column, where


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        (HEAD + "  x: a {% if x %}\n", "4:8", "{% %} is not taken"),
        (HEAD + "  x: 'a {# x #}'\n", "4:9", "comments are written with #"),
        (HEAD + "  x: '{{- case.kind }}'\n", "4:7", "white space control"),
        (HEAD + "  x: 'a {{ case.kind'\n", "4:17", "not an expression"),
        (HEAD + "  x: a {{ case.plan }}\n", "4:16", "an object is no text; name one of its fields"),
        (HEAD + "  x: >\n    one\n    two {{ case.kimd }}\n", "6:17", "did you mean `case.kind`?"),
        (HEAD + "  $x: 1\n", "4:3", "`$x` is no part of a block"),
        (HEAD + "  x: {$each: g in case.plan.goals}\n", "4:6", "`$make` is missing here"),
        (HEAD + "  x: {$make: 1}\n", "4:6", "$make stands with $each or $if"),
        (HEAD + "  x: {$if: yes, $make: 1}\n", "4:12", "one expression stands here"),
        (HEAD + "  x: {$each: case.plan.goals, $make: 1}\n", "4:14", "a loop is written"),
        (
            HEAD + "  x: {$each: g in case.kind, $make: 1}\n",
            "4:24",
            "a loop goes over a list, this is a text",
        ),
        (HEAD + "  x: {$each: g in case.plan.gaols, $make: 1}\n", "4:29", "did you mean `case.plan.goals`?"),
        (
            HEAD + "  x: {$each: case in case.plan.goals, $make: 1}\n",
            "4:14",
            "`case` already names something",
        ),
        (HEAD + "  x: {$each: g in case.plan.goals, $make: '{{ g.idd }}'}\n", "4:49", "did you mean `g.id`?"),
        (HEAD + "  x: {$xhtml: [a], $make: 1}\n", "4:6", "$xhtml stands alone"),
        (HEAD + "  x: {$xhtml: [{a: 1}]}\n", "4:16", "in $xhtml stand text, $each and $if"),
        (HEAD + "  '{{ x }}': 1\n", "4:3", "a key is a literal"),
        (HEAD + "  x: &a 1\n", "4:6", "anchors are not taken"),
        (HEAD + "  x: 1\n  x: 2\n", "5:3", "`x` stands here twice; keep one"),
        ("- a\n", "1:1", "a map stands here"),
        ("map: T\nfrom: case\n", "1:1", "`make` is missing here"),
        ("map: T\nfrom: cases\nmake: {a: 1}\n", "2:7", "there is no source `cases`; did you mean `case`?"),
        ("map: T\nfrom: case\nmak: {a: 1}\n", "3:1", "`mak` is no part of a mapping; did you mean `make`?"),
        ("map: T\nfrom: case\nmake: [1]\n", "3:7", "a map stands here"),
        ("map: 1\nfrom: case\nmake: {a: 1}\n", "1:6", "`map` is a name"),
        ("map: T\nfrom: case\nwithdraw: {a: '{{ case }}'}\nmake: {a: 1}\n", "3:15", "holds literals only"),
        ("map: T\nfrom: case\nwithdraw: {id: b}\nmake: {a: 1}\n", "3:12", "`id` stays what it was"),
        ("# later\n", "1:1", "the file is empty; write a mapping in it, or delete it"),
        ("map: T\nfrom: case\nlet: {case: '{{ client }}'}\nmake: {a: 1}\n", "3:7", "already names something"),
        ("map: T\nfrom: case\nlet: {in: '{{ client }}'}\nmake: {a: 1}\n", "3:7", "cannot be a name"),
        ("map: T\nfrom: case\nlet: {a: text}\nmake: {a: 1}\n", "3:10", "one expression stands here"),
        ("map: T\nfrom: case\neach: g in g.goals\nmake: {a: 1}\n", "3:12", "`g` is unknown"),
    ],
)
def test_a_document_that_is_wrong_is_refused_at_its_place(mistakes, text, where, message):
    issues = mistakes(text)
    assert len(issues) == 1
    assert issues[0][0] == f"outbound/T.yaml:{where}", issues
    assert message in issues[0][1]


def test_a_typo_does_not_start_and_all_of_them_are_told(mistakes):
    text = HEAD + '  a: "{{ case.kimd }}"\n  b: "{{ clint.family }}"\n---\nmap: U\nfrom: nowhere\nmake: {}\n'
    assert [where for where, _ in mistakes(text)] == [
        f"outbound/T.yaml:{at}" for at in ("4:15", "5:10", "8:7")
    ]


def test_two_mappings_of_one_name_are_refused(mistakes):
    ((where, what),) = mistakes(HEAD + "  a: 1\n---\n" + HEAD + "  a: 2\n")
    assert where == "outbound/T.yaml:6:1"
    assert "made at outbound/T.yaml:1:1 too" in what


def test_two_ways_to_withdraw_one_type_are_refused(mistakes):
    one = "map: T\nfrom: case\nwithdraw: {a: 1}\nmake: {a: 1}\n"
    ((where, what),) = mistakes(
        one + "---\n" + one.replace("a: 1", "a: 2").replace("map: T", "map: T\nname: u")
    )
    assert where == "outbound/T.yaml:6:1"
    assert "withdrawn otherwise" in what


@pytest.mark.parametrize(
    ("raw", "where", "message"),
    [
        (b"map: T\nfrom: \xff\n", "outbound/T.yaml:2:7", "not UTF-8"),
        (b"x: " + b"a" * 5_000_000, "outbound/T.yaml", "over 1000000 bytes"),
        (HEAD.encode() + b"  a: " + b"[" * 50_000, "outbound/T.yaml:4:45", "nested more than"),
        (HEAD.encode() + b"  a: '{{ " + b"(" * 5000 + b" }}'", "outbound/T.yaml:4:6", "not an expression"),
        (
            HEAD.encode() + b"  a: '{{ " + b"not " * 4000 + b"case }}'",
            "outbound/T.yaml:4:6",
            "not an expression",
        ),
        (
            HEAD.encode() + b"  a: '{{ " + b"not " * 60 + b"case }}'",
            "outbound/T.yaml:4:10",
            "nested more than",
        ),
        (HEAD.encode() + b"  a: '{{ 9" + b"9" * 5000 + b" }}'", "outbound/T.yaml:4:6", "expression"),
        (HEAD.encode() + b"  a: '{{ " + b"9" * 4000 + b" }}'", "outbound/T.yaml:4:10", "number of this size"),
        (HEAD.encode() + b"  a: '" + b"x" * 30_000 + b"{{ case }}'", "outbound/T.yaml:4:6", "at most 20000"),
    ],
)
def test_files_made_to_harm_are_refused_with_the_place(mistakes, raw, where, message):
    ((place, what),) = mistakes(raw)
    assert place == where
    assert message in what


def test_lets_that_double_what_they_print_are_refused(mistakes):
    lets = "".join(f"  v{n}: '{{{{ v{n - 1} ~ v{n - 1} }}}}'\n" for n in range(1, 40))
    head = "map: T\nfrom: case\nlet:\n  v0: '{{ case.kind ~ case.kind }}'\n"
    text = head + lets + "make: {a: '{{ v39 }}'}\n"
    assert any("grows too large" in what for _, what in mistakes(text))


def test_loops_nested_too_deep_are_refused(mistakes):
    loops = ", ".join(f"a{n} in client.given" for n in range(9))
    ((where, what),) = mistakes(HEAD + f"  x: {{$each: [{loops}], $make: 1}}\n")
    assert (where, "nest more than" in what) == ("outbound/T.yaml:4:14", True)


def test_the_deepest_nesting_that_is_taken_compiles(catalogue, case):
    depth = 17
    body = "1"
    for _ in range(depth):
        body = "{$if: '{{ case.kind }}', $make: {a: " + body + "}}"
    made = catalogue(HEAD + f"  x: {body}\n").projector("case").run(case)[0].resource["x"]
    for _ in range(depth):
        made = made["a"]
    assert made == 1


def test_overlays_are_refused_until_they_are_built(catalogue):
    with pytest.raises(Misconfigured, match="overlays"):
        catalogue(HEAD + "  a: 1\n", overlays=("us-core",))


def test_a_link_to_nowhere_is_a_load_error(tmp_path, write):
    write("outbound/T.yaml", HEAD + '  a: "{{ case.x.y }}"\n')
    sources = {"case": {"case": {"type": "object", "properties": {"x": {"x-link": "nobody"}}}}}
    with pytest.raises(Misconfigured, match="refers to what is not there") as caught:
        load(tmp_path, sources=sources, links={})
    assert caught.value.issues[0].where == "outbound/T.yaml:4:15"
