"""The mappings that the settings name, compiled, and what is told from them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from typing import Any

from service.access import registry
from service.errors import Issue, Misconfigured, Rejected
from service.flows.authoring.preview import Previewed, of_document, of_roots
from service.flows.discharge.codes import Codes
from service.mapping.author import golden
from service.mapping.catalogue import Catalogue, load
from service.mapping.files.findings import Findings
from service.mapping.layers.stack import Layers, overlays
from service.mapping.target.targets import schema_without_links
from service.mapping.terminology.concepts import Terminology
from service.mapping.terminology.vocabulary import load_terminology
from service.settings import Settings
from service.values.access.scope import DEFAULT, RETURNED, Partner
from service.values.inbound.intake import IntakeSettings
from service.wire.contracts.load import load as load_document
from service.wire.contracts.published.json_schemas import links, sources
from service.wire.contracts.published.json_schemas import schema as contract
from service.wire.fhir.check.validate import validate
from service.wire.fhir.definitions import profiles
from service.wire.fhir.definitions.elements import required_names
from service.wire.fhir.sent import json_schema as fhir_schema
from service.wire.fhir.sent.incoming import stays
from service.wire.hl7v2 import incoming
from service.wire.hl7v2.er7.charsets import UTF8
from service.wire.hl7v2.er7.parse import parse as parse_hl7v2
from service.wire.hl7v2.incoming import patients
from service.wire.json import parse

Inbounds = dict[tuple[str, ...] | None, Catalogue]


def catalogue(settings: Settings) -> Catalogue:
    """Return the mappings, compiled; raises Misconfigured with every mistake's file, line and column."""
    return _compile_view(settings, DEFAULT, settings.overlays, "CASEBRIDGE_OVERLAYS")


def catalogues(settings: Settings) -> dict[str, Catalogue]:
    """Return the mappings of each view that there is, compiled; raises as `catalogue`."""
    by_view = {DEFAULT: catalogue(settings)}
    for view, stack in registry.views(settings.partners).items():
        by_view[view] = _compile_view(settings, view, stack, f"{settings.partners}: /views/{view}")
    return by_view


def compositions(settings: Settings, mappings: Mapping[str, Catalogue]) -> dict[str, Catalogue]:
    """Return by view the mappings of what documents consist of, compiled; raises as `catalogue`.

    Their terminology is that of the view's outbound mappings.
    """
    words = {view: outbound.terminology for view, outbound in mappings.items()}
    by_view = {DEFAULT: _compositions(settings, settings.overlays, "CASEBRIDGE_OVERLAYS", words[DEFAULT])}
    for view, stack in registry.views(settings.partners).items():
        by_view[view] = _compositions(settings, stack, f"{settings.partners}: /views/{view}", words[view])
    return by_view


def each_overlay(settings: Settings) -> dict[str, tuple[Catalogue, Catalogue, Catalogue]]:
    """Return the mappings with each overlay there is, alone: outbound, inbound, of documents.

    Raises as `catalogue`.
    """
    compiled: dict[str, tuple[Catalogue, Catalogue, Catalogue]] = {}
    for name in overlays(settings.mappings):
        outbound = _compile_view(settings, name, (name,), "overlays")
        documents = _compositions(settings, (name,), "overlays", outbound.terminology)
        compiled[name] = outbound, _inbound(settings, (name,), "overlays"), documents
    return compiled


def inbound(settings: Settings) -> Catalogue:
    """Return the inbound mappings, compiled; raises as `catalogue`."""
    return _inbound(settings, settings.overlays, "CASEBRIDGE_OVERLAYS")


def inbounds(settings: Settings, partners: Iterable[Partner] = ()) -> Inbounds:
    """Return the inbound mappings by the overlays that the file and partners name; None: those for everybody.

    Raises:
        Misconfigured: as `catalogue`.
    """
    by_stack: Inbounds = {None: inbound(settings)}
    for stack, place in _stacks(settings, partners).items():
        by_stack[stack] = _inbound(settings, stack, place)
    return by_stack


def _stacks(settings: Settings, partners: Iterable[Partner]) -> dict[tuple[str, ...], str]:
    """Return each stack of overlays that messages are read with, and the place that names it."""
    intakes = registry.intakes(settings.partners).items()
    stacks = {stack: f"{settings.partners}: {place}" for stack, place in intakes}
    for partner in partners:
        if partner.intake.overlays is not None:
            stacks.setdefault(partner.intake.overlays, f"partner {partner.name}: intake/overlays")
    return stacks


def of_views(settings: Settings, mappings: Inbounds) -> dict[str, Catalogue]:
    """Return the inbound mappings by view, for what partners put back; raises as `catalogue`.

    The plain one is that of `inbounds`, which need not be compiled twice.
    """
    by_view = {DEFAULT: mappings[None]}
    for view, stack in registry.views(settings.partners).items():
        by_view[view] = _inbound(settings, stack, f"{settings.partners}: /views/{view}")
    return by_view


def check_stacks(settings: Settings, partners: Iterable[Partner]) -> None:
    """Raise Misconfigured when file or partners name overlays that are not there or cannot be stacked."""
    findings = Findings()
    views = registry.views(settings.partners).items()
    stacks = [(stack, f"{settings.partners}: /views/{view}") for view, stack in views]
    for stack, place in [*stacks, *_stacks(settings, partners).items()]:
        Layers(settings.mappings, findings).stack(stack, place)
    findings.settle()


def golden_results(
    settings: Settings, names: Collection[str] = (), ignored: Collection[str] = ()
) -> Iterator[golden.Result]:
    """Run the golden pairs of these names, or all, each with its own overlays and the whole oracle.

    Raises:
        Misconfigured: a name is no pair's, or a pair cannot be read; when run, as `catalogue`.
    """
    all_pairs = [
        *golden.pairs(settings.mappings),
        *golden.sent(settings.mappings, partial(_roots, settings)),
    ]
    pairs = golden.chosen(all_pairs, names)
    out, back = ([pair for pair in pairs if bool(pair.sent) == sent] for sent in (False, True))
    return chain(
        golden.run(out, lambda stack: catalogue(replace(settings, overlays=stack)), validate, ignored),
        golden.run(back, lambda stack: inbound(replace(settings, overlays=stack)), _unfit, ignored),
    )


def preview(settings: Settings, kind: str, document: Any, client: Any) -> Previewed:
    """Preview a document, or a source as golden pairs have it, where nothing is stored."""
    outbound = catalogue(settings)
    if isinstance(document, dict) and isinstance(document.get("roots"), dict):
        return of_roots(outbound, validate, str(document.get("source")), document["roots"])
    return of_document(outbound, validate, kind, document, client)


def owners(mappings: Mapping[str, Catalogue]) -> dict[str, tuple[str, ...]]:
    """Return the resource types that are made in some view, by name, each with the kinds of its owners."""
    types_and_kinds = sorted(
        {(mapping.target, mapping.source) for view in mappings.values() for mapping in view.mappings}
    )
    return {
        type_: tuple(kind for target, kind in types_and_kinds if target == type_)
        for type_, _ in types_and_kinds
    }


def _compile_view(settings: Settings, view: str, stack: Sequence[str], told_by: str) -> Catalogue:
    mappings = load(
        settings.mappings,
        sources=sources(),
        links=links(),
        view=view,
        overlays=stack,
        told_by=told_by,
        profiles=profiles,
        required=required_names,
        makes=fhir_schema.resources(),
    )
    return _some(mappings, settings, "outbound")


def _inbound(settings: Settings, stack: Sequence[str], told_by: str) -> Catalogue:
    mappings = load(
        settings.mappings,
        sources=_inbound_sources(),
        links={},
        overlays=stack,
        told_by=told_by,
        direction="inbound",
        makes=_inbound_targets(),
    )
    return _some(mappings, settings, "inbound")


def _compositions(
    settings: Settings, stack: Sequence[str], told_by: str, terminology: Terminology
) -> Catalogue:
    return load(
        settings.mappings,
        sources={"episode": fhir_schema.of_episode()},
        links={},
        overlays=stack,
        told_by=told_by,
        direction="compositions",
        makes=fhir_schema.of_composition(),
        terminology=terminology,
    )


@cache
def _inbound_sources() -> dict[str, dict[str, Any]]:
    """Return the sources of what hospitals send, and of what partners may put back.

    Of each type of the latter there is a root, by its name in lower case.
    """
    returned = {type_.lower(): {type_.lower(): fhir_schema.of(type_)} for type_ in RETURNED}
    return {"fhir": fhir_schema.roots(), "hl7v2": incoming.roots(), **returned}


@cache
def _inbound_targets() -> dict[str, Any]:
    """Return the schemas of what is made of it."""
    return {kind.title(): schema_without_links(contract(kind)) for kind in ("discharge", "case")}


def _some(mappings: Catalogue, settings: Settings, direction: str) -> Catalogue:
    """Return mappings unless there are none: nothing would be made of anything, and nobody told."""
    if not mappings.mappings:
        what = f"No mapping is left of {settings.mappings / direction}/*.yaml; name the folder of mappings."
        raise Misconfigured(what, where="CASEBRIDGE_MAPPINGS")
    return mappings


def _roots(settings: Settings, source: str, stack: Sequence[str], raw: bytes) -> Iterable[dict[str, Any]]:
    """Read what a partner of whom nothing is said but these overlays sends."""
    if source == "fhir":
        return stays(parse(raw))
    message = parse_hl7v2(raw.replace(b"\n", b"\r"), UTF8)
    layers = Layers(settings.mappings, Findings(), "inbound")
    layers.stack(stack, "overlays")
    systems = Codes.of(load_terminology(layers)).systems_of("golden")
    return patients(message, "golden", IntakeSettings(), systems)[0]


def _unfit(discharge: dict[str, Any]) -> list[Issue]:
    """Return what keeps a discharge that was made from being used."""
    try:
        load_document("discharge", discharge)
    except Rejected as error:
        return list(error.issues)
    return []
