"""Random resources, and random searches for them."""

from hypothesis import strategies as st

KEPT = ("CarePlan", "Condition", "Encounter", "Observation", "Patient", "Provenance")
IDS = ("1", "2", "3")
CODES, SYSTEMS = st.sampled_from(("a", "b", "c")), st.sampled_from(("urn:x", "urn:y"))
DATES = st.sampled_from(
    (
        "2025",
        "2026",
        "2026-02",
        "2026-03",
        "2026-03-01",
        "2026-03-02",
        "2026-02-28",
        "2026-03-01T23:30:00-05:00",
        "2026-03-02T04:30:00Z",
        "2026-03-02T00:00:00.500Z",
    )
)
NAMES = st.sampled_from(("Åsa", "asa", "Ása Berg", "Юлия", "юлия", "Ёж", "O'Neill, x", "100%_", "River"))
NUMBERS = st.sampled_from((4, 5, 5.4, 5.44, 5.45, 10, 100))


def some(**members):
    """An object that has some of these members."""
    return st.fixed_dictionaries({}, optional=members)


CODING = st.fixed_dictionaries({"code": CODES}, optional={"system": SYSTEMS, "display": NAMES})
CONCEPT = st.fixed_dictionaries({"coding": st.lists(CODING, max_size=2)}, optional={"text": NAMES})
CONCEPTS = st.lists(CONCEPT, min_size=1, max_size=2)
IDENTIFIER = st.fixed_dictionaries({"value": CODES}, optional={"system": SYSTEMS, "type": some(text=NAMES)})
PERIOD = some(start=DATES, end=DATES).filter(bool)


def to(*types):
    literal = st.builds("{}/{}".format, st.sampled_from(types), st.sampled_from(IDS))
    return st.one_of(
        st.fixed_dictionaries({"reference": literal}), st.fixed_dictionaries({"identifier": IDENTIFIER})
    )


QUANTITY = st.fixed_dictionaries(
    {"value": NUMBERS}, optional={"system": SYSTEMS, "code": st.sampled_from(("mg", "kg")), "unit": CODES}
)
ELEMENTS = {
    "CarePlan": {
        "status": st.sampled_from(("active", "draft")),
        "category": CONCEPTS,
        "identifier": st.lists(IDENTIFIER, min_size=1, max_size=2),
        "subject": to("Patient", "Group"),
        "period": PERIOD,
        "replaces": st.lists(to("CarePlan"), min_size=1, max_size=2),
        "addresses": st.lists(to("Condition"), min_size=1, max_size=2),
    },
    "Condition": {"code": CONCEPT, "subject": to("Patient"), "onsetPeriod": PERIOD, "abatementString": NAMES},
    "Encounter": {
        "status": st.just("finished"),
        "class": CODING,
        "period": PERIOD,
        "subject": to("Patient"),
        "length": QUANTITY,
    },
    "Observation": {
        "code": CONCEPT,
        "valueQuantity": QUANTITY,
        "effectiveTiming": st.fixed_dictionaries({"event": st.lists(DATES, min_size=1, max_size=2)}),
        "component": st.lists(some(code=CONCEPT, valueQuantity=QUANTITY), max_size=2),
        "subject": to("Patient", "Group"),
    },
    "Patient": {
        "name": st.lists(some(family=NAMES, given=st.lists(NAMES, max_size=2)), min_size=1, max_size=2),
        "active": st.booleans(),
        "birthDate": DATES.filter(lambda text: "T" not in text),
        "deceasedBoolean": st.booleans(),
        "identifier": st.lists(IDENTIFIER, min_size=1, max_size=2),
        "generalPractitioner": st.lists(to("Organization"), max_size=1),
    },
    "Provenance": {
        "target": st.lists(to("CarePlan", "Patient"), min_size=1, max_size=2),
        "recorded": DATES.filter(lambda text: "T" in text),
    },
}
RESOURCES = st.lists(
    st.sampled_from(KEPT).flatmap(
        lambda type_: st.fixed_dictionaries(
            {"resourceType": st.just(type_), "id": st.sampled_from(IDS)}, optional=ELEMENTS[type_]
        )
    ),
    max_size=9,
    unique_by=lambda resource: (resource["resourceType"], resource["id"]),
)
PARAMETERS = {
    "CarePlan": {
        "status": "code",
        "category": "token",
        "identifier": "identifier",
        "patient": "reference",
        "subject": "reference",
        "date": "date",
        "replaces": "reference",
        "condition": "reference",
    },
    "Condition": {
        "code": "token",
        "subject": "reference",
        "onset-date": "date",
        "abatement-string": "string",
    },
    "Encounter": {"date": "date", "class": "token", "length": "quantity", "subject": "reference"},
    "Observation": {
        "code": "token",
        "combo-code": "token",
        "value-quantity": "quantity",
        "combo-value-quantity": "quantity",
        "date": "date",
        "patient": "reference",
    },
    "Patient": {
        "name": "string",
        "given": "string",
        "active": "truth",
        "birthdate": "date",
        "deceased": "truth",
        "identifier": "identifier",
    },
    "Provenance": {"target": "reference", "recorded": "date", "patient": "reference"},
}
# each that leads from a type to another: parameter, and the type that is meant
LINKS = {
    "CarePlan": (("subject", "Patient"), ("patient", ""), ("replaces", ""), ("condition", "Condition")),
    "Condition": (("subject", "Patient"), ("patient", "")),
    "Encounter": (("subject", "Patient"),),
    "Observation": (("subject", "Patient"), ("patient", "")),
    "Patient": (),
    "Provenance": (("target", "CarePlan"), ("target", "Patient"), ("patient", "")),
}
ALONE = {"patient": "Patient", "replaces": "CarePlan"}
SORTED = {
    "CarePlan": ("date",),
    "Condition": ("onset-date", "abatement-string"),
    "Encounter": ("date", "length"),
    "Observation": ("date", "value-quantity", "combo-value-quantity"),
    "Patient": ("name", "given", "birthdate"),
    "Provenance": ("recorded",),
}
PREFIXES = st.sampled_from(("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"))
TARGETS = {"patient": ("Patient",), "subject": ("Patient", "Group"), "condition": ("Condition",)}
TOKENS = st.one_of(
    st.sampled_from(("active", "draft", "true", "false", "a", "b", "urn:x|", "|a", "none")),
    st.builds("{}|{}".format, SYSTEMS, CODES),
)
BEGINNINGS = NAMES.map(lambda name: name[:4]).filter(lambda text: "," not in text)
VALUES = {
    "date": st.builds("{}{}".format, PREFIXES, DATES),
    "quantity": st.builds(
        "{}{}{}".format,
        PREFIXES,
        st.sampled_from(("5", "5.4", "5.40", "100")),
        st.sampled_from(("", "||mg", "||a", "|urn:x|mg")),
    ),
    **dict.fromkeys(("token", "code", "identifier", "truth"), TOKENS),
    "string": BEGINNINGS,
}
IN_SET, ON_LEVELS = st.just("urn:set"), st.builds("urn:x|{}".format, CODES)
CODED = {":not": TOKENS, ":in": IN_SET, ":not-in": IN_SET, ":below": ON_LEVELS, ":above": ON_LEVELS}
MODIFIERS = {
    "token": {**CODED, ":text": BEGINNINGS},
    "code": {":not": TOKENS, ":in": IN_SET, ":not-in": IN_SET},
    "identifier": {":not": TOKENS, ":text": BEGINNINGS},
    "truth": {":not": TOKENS},
    "string": {":exact": BEGINNINGS, ":contains": BEGINNINGS},
    "reference": {":identifier": TOKENS},
}


@st.composite
def conditions(draw, type_):
    """A parameter of a type, perhaps with a modifier, and what it is asked to be."""
    name = draw(st.sampled_from(sorted(PARAMETERS[type_])))
    kind = PARAMETERS[type_][name]
    modifiers = MODIFIERS.get(kind, {})
    modifier = draw(st.sampled_from(["", *modifiers, ":missing"]))
    if modifier == ":missing":
        return name + modifier, draw(st.sampled_from(("true", "false")))
    if not modifier and kind == "reference":
        types = TARGETS.get(name, ("CarePlan", "Patient"))
        return name, draw(st.builds("{}/{}".format, st.sampled_from(types), st.sampled_from(IDS)))
    values = modifiers[modifier] if modifier else VALUES[kind]
    return name + modifier, ",".join(draw(st.lists(values, min_size=1, max_size=2)))


@st.composite
def chains(draw, type_):
    """A chain from a type to one that it refers to."""
    name, only = draw(st.sampled_from(LINKS[type_]))
    far, text = draw(conditions(only or ALONE[name]))
    return f"{name}:{only}.{far}" if only else f"{name}.{far}", text


@st.composite
def reverse_chains(draw, type_):
    """A chain from what refers to a type."""
    by, name = draw(st.sampled_from(referring(type_)))
    far, text = draw(conditions(by))
    return f"_has:{by}:{name}:{far}", text


def referring(type_):
    return sorted(
        {(by, name) for by, all_ in LINKS.items() for name, only in all_ if type_ == (only or ALONE[name])}
    )


@st.composite
def searches(draw):
    """A type with what is asked of it, how it is sorted, and what comes along."""
    type_ = draw(st.sampled_from(KEPT))
    asked = draw(st.lists(conditions(type_), max_size=2))
    if LINKS[type_] and draw(st.booleans()):
        asked.append(draw(chains(type_)))
    if referring(type_) and draw(st.booleans()):
        asked.append(draw(reverse_chains(type_)))
    order = draw(st.lists(st.sampled_from(SORTED[type_]), max_size=2, unique=True))
    order = [draw(st.sampled_from(("", "-"))) + name for name in order]
    includes = draw(st.lists(st.sampled_from(LINKS[type_]), max_size=2)) if LINKS[type_] else []
    reverse = draw(st.lists(st.sampled_from(referring(type_)), max_size=2)) if referring(type_) else []
    return (
        type_,
        asked,
        order,
        [(type_, *include) for include in includes],
        [(*include, "") for include in reverse],
    )
