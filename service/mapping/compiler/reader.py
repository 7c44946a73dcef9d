"""Reads mapping documents into templates: what is made, of what, when, and how often."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from jinja2 import nodes

from service.mapping.compiler.head import claimed_profiles, withdrawal
from service.mapping.compiler.templates import (
    Block,
    Items,
    Literal,
    Loop,
    MappingTemplate,
    Markup,
    Object,
    Template,
    TextLeaf,
    Value,
)
from service.mapping.files import expressions
from service.mapping.files.expressions import Parsed
from service.mapping.files.findings import Findings, nearest
from service.mapping.files.nodes import (
    as_leaf,
    as_map,
    check_keys,
    each_and_when,
    name_at,
    required_node,
    text_of,
)
from service.mapping.language.checks import spoken_kind
from service.mapping.language.expression_nodes import Choice, ExpressionNode, Lookup, Variable, is_whole
from service.mapping.language.names import Namespace
from service.mapping.language.profiles import Profiles
from service.mapping.language.resolve import resolve, step, weight
from service.mapping.language.types import ANY, LIST, OBJECT, World
from service.mapping.terminology.concepts import Terminology
from service.wire.yaml import InvalidYaml, Mapping, Mark, Node, Scalar, Sequence

LOOP_DEPTH = 8
_KEYS = ("map", "name", "from", "each", "when", "let", "profile", "withdraw", "make")
_BLOCKS = ("$each", "$if", "$make", "$xhtml")
_NAME = re.compile(r"[A-Za-z_]\w*\Z")


@dataclass(slots=True)
class Reader:
    """Reads one document; what is wrong goes to the findings and reading goes on."""

    world: World
    terminology: Terminology
    findings: Findings
    profiles: Profiles
    count: int = 0
    looped: list[Variable] = field(default_factory=list)

    def document(self, node: Node) -> MappingTemplate | None:
        """Give the document, or None when its head is unusable."""
        try:
            return self._document(as_map(node))
        except InvalidYaml as wrong:
            self.findings.add(wrong)
            return None

    def _document(self, node: Mapping) -> MappingTemplate:
        check_keys(node, _KEYS, "a mapping")
        target, source = name_at(node, "map"), name_at(node, "from")
        if source not in self.world.sources:
            close = nearest(source, list(self.world.sources)) or ", ".join(sorted(self.world.sources))
            raise InvalidYaml(
                f"there is no source `{source}`; did you mean `{close}`?", node.entries["from"].mark
            )
        roots: dict[str, Variable] = {}
        for name in self.world.sources[source]:
            roots[name] = Variable(self.fresh(), self.world.root(source, name), name, None)
        namespace = Namespace(self.world, self.terminology, roots, dict(roots))
        loop, when = node.entries.get("each"), node.entries.get("when")
        loops, namespace = self.loops(loop, namespace) if loop else ((), namespace)
        lets, namespace = self.lets(node.entries.get("let"), namespace)
        test = self.test(when, namespace) if when else None
        make = self.template(as_map(required_node(node, "make")), namespace)
        name = name_at(node, "name") if "name" in node.entries else target
        claims = claimed_profiles(node, target, self.profiles.profiles(), self.findings)
        withdraw = withdrawal(node, self.findings)
        names = node.entries.get("let")
        texts = tuple((name, text_of(leaf)) for name, leaf in as_map(names).entries.items()) if names else ()
        return MappingTemplate(
            name,
            target,
            source,
            node.mark,
            roots,
            loops,
            lets,
            test,
            make,
            claims,
            withdraw,
            each_and_when(node, "each", "when"),
            texts,
        )

    def fresh(self) -> str:
        """A new Python name."""
        self.count += 1
        return f"v{self.count}"

    def catch(self, read: Callable[[], Template]) -> Template:
        """What `read` gives, or nothing after it found something wrong."""
        try:
            return read()
        except InvalidYaml as wrong:
            self.findings.add(wrong)
            return Literal(None)

    def test(self, node: Node, namespace: Namespace) -> ExpressionNode | None:
        """The condition after `when` or `$if`."""
        try:
            return resolve(expressions.single(as_leaf(node)), namespace)
        except InvalidYaml as wrong:
            self.findings.add(wrong)
            return None

    def lets(self, node: Node | None, namespace: Namespace) -> tuple[tuple[Variable, ...], Namespace]:
        """The named expressions in order; a plain path is only another name for it."""
        variables: list[Variable] = []
        entries = as_map(node).entries.items() if node else ()
        for name, leaf in entries:
            try:
                mark = as_map(node).keys[name] if node else leaf.mark
                _free(name, namespace, mark)
                term = resolve(expressions.single(as_leaf(leaf)), namespace)
            except InvalidYaml as wrong:
                self.findings.add(wrong)
                variable = Variable("", self.world.open(""), name, None)
            else:
                alias = isinstance(term, Lookup) or (isinstance(term, Choice) and term.shape.kind == OBJECT)
                variable = Variable(
                    "" if alias else self.fresh(), term.shape, name, None, value=term, weight=weight(term)
                )
                variables += [] if alias else [variable]
            namespace = namespace.with_name(name, variable)
        return tuple(variables), namespace

    def loops(self, node: Node, namespace: Namespace) -> tuple[tuple[Loop, ...], Namespace]:
        """The loops of one `each`, or of a list of them: one for each list on the way of a path."""
        leaves = node.items if isinstance(node, Sequence) else (node,)
        loops: list[Loop] = []
        for leaf in leaves:
            name, parsed = expressions.loop(as_leaf(leaf))
            _free(name, namespace, leaf.mark)
            for loop in self.walk(parsed, namespace):
                loops.append(loop)
                self.looped.append(loop.variable)
            namespace = namespace.with_name(name, loops[-1].variable)
        if len(self.looped) > LOOP_DEPTH:
            raise InvalidYaml(f"loops nest more than {LOOP_DEPTH} deep", node.mark)
        return tuple(loops), namespace

    def walk(self, parsed: Parsed, namespace: Namespace) -> Iterator[Loop]:
        """A loop for each list that a path leads through, the last over the list it leads to."""
        here, keys = parsed.node, list[nodes.Getattr]()
        while isinstance(here, nodes.Getattr):
            keys.insert(0, here)
            here = here.node
        over = resolve(Parsed(here, parsed.leaf, parsed.shift), namespace)
        for key in keys:
            if isinstance(over, Lookup) and over.shape.kind == LIST:
                loop = self.loop(over, parsed.at(key))
                yield loop
                over = Lookup(loop.variable, (), (), namespace.roots)
            over = step(parsed, namespace, over, key)
        if over.shape.kind not in {LIST, ANY}:
            raise InvalidYaml(f"a loop goes over a list, this is {spoken_kind(over.shape.kind)}", parsed.at())
        yield self.loop(over, parsed.at())

    def loop(self, over: ExpressionNode, mark: Mark) -> Loop:
        """One loop; its variable carries what its items are and whose."""
        item = over.shape.item()
        path = over.path if isinstance(over, Lookup) else ""
        owner: ExpressionNode | None = over.owner if isinstance(over, Lookup) else None
        if isinstance(over, Lookup) and item.owner not in {"", "self"}:
            owner = Lookup(over.roots[item.owner], (), (), over.roots)
        crosses = bool(self.looped) and not (isinstance(over, Lookup) and over.base in self.looped)
        return Loop(Variable(self.fresh(), item, path, owner, loop=True), over, mark, crosses)

    def template(self, node: Node, namespace: Namespace, *, markup: bool = False) -> Template:
        """The template of any node under `make`."""
        if isinstance(node, Scalar):
            return self.catch(lambda: self.leaf(node, namespace, markup=markup))
        if isinstance(node, Sequence):
            templates = [self.template(item, namespace, markup=markup) for item in node.items]
            flat = [inner.items if isinstance(inner, Items) else (inner,) for inner in templates]
            return Items(tuple(item for items in flat for item in items))
        if any(key.startswith("$") for key in node.entries):
            return self.catch(lambda: self.block(node, namespace, markup=markup))
        if markup:
            return self.catch(lambda: _refuse("in $xhtml stand text, $each and $if", node.mark))
        return Object(tuple(self.entry(node, key, namespace) for key in node.entries))

    def entry(self, node: Mapping, key: str, namespace: Namespace) -> tuple[str, Template]:
        """One key with its template."""
        if "{{" in key:
            self.findings.add(InvalidYaml("a key is a literal", node.keys[key]))
        return key, self.template(node.entries[key], namespace)

    def block(self, node: Mapping, namespace: Namespace, *, markup: bool) -> Template:
        """`$xhtml`, or `$make` with `$each`, `$if` or both."""
        check_keys(node, _BLOCKS, "a block")
        if "$xhtml" in node.entries:
            if len(node.entries) > 1:
                raise InvalidYaml("$xhtml stands alone; put $each and $if inside it", node.mark)
            parts = node.entries["$xhtml"]
            listed = parts.items if isinstance(parts, Sequence) else (parts,)
            return Markup(tuple(self.template(part, namespace, markup=True) for part in listed), node.mark)
        if "$each" not in node.entries and "$if" not in node.entries:
            raise InvalidYaml("$make stands with $each or $if", node.mark)
        outer = list(self.looped)
        loops, inner = (
            self.loops(node.entries["$each"], namespace) if "$each" in node.entries else ((), namespace)
        )
        test = self.test(node.entries["$if"], inner) if "$if" in node.entries else None
        make = self.template(required_node(node, "$make"), inner, markup=markup)
        self.looped = outer
        return Block(loops, test, make, node.mark, each_and_when(node, "$each", "$if"))

    def leaf(self, leaf: Scalar, namespace: Namespace, *, markup: bool) -> Template:
        """A literal, a typed value or a text."""
        if not expressions.has_expression(leaf):
            return Literal(leaf.value, leaf.mark)
        pieces = expressions.parts(leaf)
        solid = [part for part in pieces if not isinstance(part, str) or part.strip()]
        if not markup and len(solid) == 1 and isinstance(solid[0], Parsed):
            return Value(
                _present_condition(resolve(solid[0], namespace), solid[0]),
                leaf.mark,
                str(leaf.value).strip(),
            )
        parts = [part if isinstance(part, str) else self.printable(part, namespace) for part in pieces]
        return TextLeaf(tuple(parts), leaf.mark, str(leaf.value))

    def printable(self, part: Parsed, namespace: Namespace) -> ExpressionNode:
        """An expression whose value can stand in a text."""
        term = resolve(part, namespace)
        if term.shape.kind in {OBJECT, LIST}:
            raise InvalidYaml(f"{spoken_kind(term.shape.kind)} is no text; name one of its fields", part.at())
        return term


def _present_condition(term: ExpressionNode, parsed: Parsed) -> ExpressionNode:
    if term.shape.owner == "self" and is_whole(term):
        raise InvalidYaml("a whole document is not given out; use `reference`, or name a field", parsed.at())
    return term


def _refuse(what: str, mark: Mark) -> Template:
    raise InvalidYaml(what, mark)


def _free(name: str, namespace: Namespace, mark: Mark) -> None:
    if not _NAME.match(name) or name.lower() in {
        "true",
        "false",
        "none",
        "not",
        "and",
        "or",
        "in",
        "is",
        "if",
        "else",
    }:
        raise InvalidYaml(f"`{name}` cannot be a name; use letters and digits", mark)
    if name in namespace.names:
        raise InvalidYaml(f"`{name}` already names something here; choose another name", mark)
