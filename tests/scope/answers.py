"""What is answered to partners: what may stand in it, and what it says of what never was."""

import json
import re

from sqlalchemy import text

from tests.scope.oracle import UUID as ID
from tests.scope.world import PARTNERS, SYSTEMS, name_of

NEVER = "00000000-0000-4000-8000-000000000000"
CHANGING = {"Date", "X-Correlation-Id", "Casebridge-Position"}
WORDS = re.compile(rf"{ID.pattern}|Zq[a-z]+q\dQz|(?:cms|other|new-mercy|new-lakeside)-\d\b")


class Theirs:
    """The ids, names and numbers that may stand in what a partner is answered."""

    def __init__(self, world, oracle):
        self.every = {id_ for _, id_ in oracle.resources} | {*oracle.owners}
        self.every |= {id_ for id_, _, _ in entries(world.house)}
        self.words = {
            partner: self._words_of(partner, world, oracle) if partner != "engineer" else set()
            for partner in PARTNERS
        }

    def _words_of(self, partner, world, oracle):
        seen = {(v.type, v.id): v for v in seen_by(oracle, partner)}
        mine = {word for v in seen_by(oracle, partner) for word in words(v.body.decode())}
        mine |= {id_ for _, id_ in seen}
        if partner in SYSTEMS:
            # what hospitals brought of a case names who stands in the directory
            mine |= {version.document for version in seen.values() if version.owner.number is None}
        for uuid, owner in oracle.owners.items():
            if partner in SYSTEMS and oracle.owns(partner, owner):
                mine |= {uuid, *words(json.dumps(world.put_by.get(world.uuids.get(uuid), {})))}
                mine |= (
                    {owner.number, name_of(owner.number)}
                    if owner.number and owner.kind == "client"
                    else set()
                )
        for id_, whose, raw in entries(world.house):
            mine |= {id_, *words(raw)} if whose == partner else set()
        return mine

    def check(self, partner, method, path, sent, answer):
        """Fail where something stands in an answer that is not theirs, nor what they asked with."""
        headers = [f"{name}: {value}" for name, value in answer.headers if name not in CHANGING]
        told_words = words("\n".join([*headers, answer.get_data(as_text=True)]))
        # the messages have no personal data, and are all an engineer's
        ids = set() if path.split("?")[0] == "/events" else self.every
        told_words = {word for word in told_words if word in ids or not ID.fullmatch(word)}
        foreign = told_words - self.words[partner] - words(f"{path} {sent}")
        assert foreign == set(), (partner, method, path, sent)


def words(text):
    """What stands for somebody, or something of somebody's."""
    return set(WORDS.findall(text))


def seen_by(oracle, partner):
    """The versions that a partner sees."""
    visible = oracle.visible[partner]
    every = [version for versions in oracle.resources.values() for version in versions]
    return [version for version in every if version[:3] in visible]


def entries(house):
    """What came in: the id of each, who sent it, and what was sent."""
    with house.engine.connect() as connection:
        rows = connection.execute(text("SELECT id, partner, raw FROM inbox ORDER BY id"))
        return [(id_, whose, bytes(raw).decode()) for id_, whose, raw in rows]


def outcome(answer, id_=NEVER):
    """All that is told, but for when, and of what."""
    headers = sorted(f"{name}: {value}" for name, value in answer.headers if name not in CHANGING)
    return answer.status_code, answer.get_data(as_text=True).replace(id_, NEVER), headers


class Nothing:
    """What is answered about what never was; asked once each."""

    def __init__(self, house):
        self.house = house
        self.known = {}

    def ask(self, partner, path, question):
        request = {"method": "GET", "query": "", **question}
        method, query = request.pop("method"), request.pop("query")
        return self.house.ask(method, path + query, partner=partner, **request)

    def check(self, partner, rule, id_, question):
        """Fail unless what is asked of one is answered as what never was."""
        key = (partner, rule, repr(question).replace(id_, NEVER))
        if key not in self.known:
            never = json.loads(json.dumps(question, default=bytes.decode).replace(id_, NEVER))
            self.known[key] = outcome(self.ask(partner, rule.replace("{}", NEVER), never))
        answered = outcome(self.ask(partner, rule.replace("{}", id_), question), id_)
        assert answered == self.known[key], (partner, rule, id_, question)


def same_but_for_ids(answer):
    return answer.status_code, ID.sub("", answer.get_data(as_text=True))
