"""A search as slow and plain as can be: each resource is looked into with FHIRPath and compared by itself.

https://hl7.org/fhir/R4/search.html
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

import fhirpathpy
from fhirpathpy.models import models

from service.wire.fhir.search.parameters import _read
from tests.wire.test_search_paths import RESOLVE, _of_type

# what searches name: sets of codes, and which code of a system stands directly above each
SETS = {"urn:set": {("urn:x", "a"), ("urn:y", "b"), ("http://hl7.org/fhir/request-status", "active")}}
ABOVE = {"urn:x": {"a": None, "b": "a", "c": "b"}}
# a code without a system has that of its binding
BOUND = {"CarePlan.status": "http://hl7.org/fhir/request-status"}
NEVER, EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@lru_cache(None)
def _compiled(expression):
    asked = RESOLVE.sub(r".where(reference.startsWith('\1/'))", expression)
    asked = re.sub(r"\(([\w.]+) as (\w+)\)|\.as\((\w+)\)", _of_type, asked)
    return fhirpathpy.compile(asked, models["r4"])


def values(resource, name):
    type_ = resource["resourceType"]
    kind, expressions = {**_read()["parameters"][type_], **_read()["parameters"]["Resource"]}[name]
    found_values = [
        value
        for expression in expressions
        for value in _compiled(expression.replace("Resource.", f"{type_}."))(resource)
    ]
    return kind, found_values


def matching(resources, type_, asked):
    """The ids of the resources of a type that meet every (name, text)."""
    mine = [resource for resource in resources if resource["resourceType"] == type_]
    return {
        resource["id"]
        for resource in mine
        if all(meets(resources, resource, name, text) for name, text in asked)
    }


def meets(resources, resource, name, text):
    if name.startswith("_has:"):
        _, by, through, far = name.split(":", 3)
        here = f"{resource['resourceType']}/{resource['id']}"
        return any(
            refers(other, through, here) and meets(resources, other, far, text)
            for other in resources
            if other["resourceType"] == by
        )
    if "." in name:
        through, _, far = name.partition(".")
        through, _, only = through.partition(":")
        return any(
            refers(resource, through, f"{other['resourceType']}/{other['id']}")
            and meets(resources, other, far, text)
            for other in resources
            if only in {"", other["resourceType"]}
        )
    base, _, modifier = name.partition(":")
    kind, said = values(resource, base)
    if modifier == "missing":
        return (not said) == (text == "true")
    if modifier == "not":
        return not any(token(value, code) for value in said for code in text.split(","))
    if modifier == "text":
        return any(
            string(words, one, "") for value in said for words in _words(value) for one in text.split(",")
        )
    if modifier in {"in", "not-in", "below", "above"}:
        wanted = {coding for one in text.split(",") for coding in _meant(modifier, one)}
        bound = BOUND.get(f"{resource['resourceType']}.{base}")
        return (not wanted.isdisjoint(_codings(said, bound))) == (modifier != "not-in")
    compare = {"token": token, "reference": reference, "date": date, "string": string, "quantity": quantity}
    return any(
        compare[kind](value, one, *([modifier] if kind in {"string", "reference"} else []))
        for value in said
        for one in text.split(",")
    )


def _words(value):
    """What is said in words beside codes, or of what kind an identifier is."""
    yield from [value["text"]] if "text" in value else []
    yield from [coding["display"] for coding in value.get("coding", [value]) if "display" in coding]
    yield from [value["type"]["text"]] if "text" in value.get("type", {}) else []


def _meant(modifier, text):
    """The codings that stand in a set, or below or above a code, itself among them."""
    if modifier in {"in", "not-in"}:
        return SETS[text]
    system, _, code = text.partition("|")
    upwards = {way_up: _upwards(ABOVE[system], way_up) for way_up in ABOVE[system]}
    if modifier == "above":
        return {(system, above) for above in upwards[code]}
    return {(system, upward) for upward, way in upwards.items() if code in way}


def _upwards(above, code):
    return [code, *(_upwards(above, above[code]) if above[code] else [])]


def _codings(said, bound):
    for value in said:
        if isinstance(value, str):
            yield bound, value
        else:
            for coding in value.get("coding", [value]):
                yield coding.get("system"), coding.get("code")


def along(resources, matches, includes, revincludes):
    """The (type, id) of what comes with matches: each asked for as (type, parameter, type of the target)."""
    there = {(resource["resourceType"], resource["id"]) for resource in resources}
    shown = {(match["resourceType"], match["id"]) for match in matches}
    targets = set()
    for type_, name, only in includes:
        for match in matches:
            if match["resourceType"] == type_:
                targets |= {to for to in _targets(match, name) if only in {"", to[0]}}
    for type_, name, only in revincludes:
        wanted = {to for to in shown if only in {"", to[0]}}
        for resource in resources:
            if resource["resourceType"] == type_ and wanted & _targets(resource, name):
                targets.add((type_, resource["id"]))
    return (targets & there) - shown


def _targets(resource, name):
    said = [value.get("reference", "") for value in values(resource, name)[1]]
    return {tuple(literal.split("/")) for literal in said if literal}


def sorting(resource, name, descends):
    """By what a resource is sorted: of several values the one that comes first; None where there is none."""
    kind, said = values(resource, name)
    pick = max if descends else min
    if kind == "date":
        ends = [
            period
            for value in said
            for period in ([_covered(value)] if isinstance(value, str) else _of_times(value))
        ]
        return pick((end[1] if descends else end[0] for end in ends), default=None)
    if kind == "quantity":
        return pick((value["value"] for value in said if "value" in value), default=None)
    parts = [part for value in said for part in ([value] if isinstance(value, str) else _texts(value))]
    return pick(map(_folded, parts), default=None)


def refers(resource, name, target):
    return any(value.get("reference") == target for value in values(resource, name)[1])


def token(value, text):
    system, bar, code = text.rpartition("|")
    pairs = [(None, str(value).lower() if isinstance(value, bool) else value)]
    if isinstance(value, dict):
        codings = value.get("coding", [value] if "code" in value or "value" in value else [])
        pairs = [(coding.get("system"), coding.get("code", coding.get("value"))) for coding in codings]
    return any(
        (not bar or (of or "") == system) and ((bar and not code) or said == code) for of, said in pairs
    )


def reference(value, text, modifier):
    if modifier == "identifier":
        return "identifier" in value and token(value["identifier"], text)
    said = value.get("reference", "")
    wanted = text if "/" in text else f"{modifier or said.partition('/')[0]}/{text}"
    return said == wanted and (not modifier or wanted.startswith(f"{modifier}/"))


def string(value, text, modifier):
    parts = [value] if isinstance(value, str) else list(_texts(value))
    if modifier == "exact":
        return text in parts
    folded = [_folded(part) for part in parts]
    if modifier == "contains":
        return any(_folded(text) in part for part in folded)
    return any(part.startswith(_folded(text)) for part in folded)


def _texts(value):
    for name in (
        "family",
        "given",
        "prefix",
        "suffix",
        "text",
        "line",
        "city",
        "state",
        "postalCode",
        "country",
    ):
        said = value.get(name, [])
        yield from [said] if isinstance(said, str) else said


def _folded(text):
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def date(value, text):
    prefix, said = (text[:2], text[2:]) if text[:2].isalpha() else ("eq", text)
    ranges = [_covered(value)] if isinstance(value, str) else _of_times(value)
    return any(_compare(prefix, *range_, *_covered(said)) for range_ in ranges)


def _of_times(value):
    if "event" in value or "repeat" in value:
        events = [_covered(event) for event in value.get("event", [])]
        return [(min(low for low, _ in events), max(high for _, high in events))] if events else []
    low = _covered(value["start"])[0] if "start" in value else NEVER
    return [(low, _covered(value["end"])[1] if "end" in value else EVER)]


def _covered(text):
    """The first and last instant of what is written, to the millisecond."""
    step = {4: "year", 7: "month", 10: "day"}.get(len(text))
    if step is None:
        first = datetime.fromisoformat(text if re.search(r"Z|[+-]\d\d:\d\d$", text) else text + "Z")
        seconds = Decimal(1) if "." not in text else Decimal("0.001")
        length = (
            timedelta(minutes=1)
            if re.search(r"T\d\d:\d\d(Z|[+-]|$)", text)
            else timedelta(seconds=float(seconds))
        )
        return first.astimezone(UTC), first.astimezone(UTC) + length - timedelta(milliseconds=1)
    first = datetime.fromisoformat(text + {"year": "-01-01", "month": "-01", "day": ""}[step]).replace(
        tzinfo=UTC
    )
    if step == "year":
        after = first.replace(year=first.year + 1)
    elif step == "month":
        after = (first + timedelta(days=32)).replace(day=1)
    else:
        after = first + timedelta(days=1)
    return first, after - timedelta(milliseconds=1)


def quantity(value, text):
    prefix, said = (text[:2], text[2:]) if text[:2].isalpha() else ("eq", text)
    number, *unit = said.split("|")
    if unit and not (
        value.get("code") == unit[1] and value.get("system", "") == unit[0]
        if unit[0]
        else unit[1] in {value.get("code"), value.get("unit")}
    ):
        return False
    half = Decimal("0.5") * Decimal(10) ** -(len(number.partition(".")[2]) if prefix in {"eq", "ne"} else 99)
    low, high = Decimal(number) - half, Decimal(number) + half
    if prefix == "ap":
        low, high = Decimal(number) * Decimal("0.9"), Decimal(number) * Decimal("1.1")
    had = Decimal(str(value["value"]))
    if prefix in {"eq", "ne"}:
        return (low <= had < high) == (prefix == "eq")
    return _compare(prefix, had, had, low, high)


def _compare(prefix, low, high, first, last):
    inside = first <= low and high <= last
    return {
        "eq": inside,
        "ne": not inside,
        "gt": high > last,
        "lt": low < first,
        "ge": high > last or inside,
        "le": low < first or inside,
        "sa": low > last,
        "eb": high < first,
        "ap": low <= last and high >= first,
    }[prefix]
