"""The texts that a peer sends, wherever they are shown (A3)."""

import json
import re
import time

import wire
from arena import scenario
from lab import check
from peers import ADDRESSES, NAME, introduce, invented, join, leave, tell

PAGES = (("status",), ("status", "connections"), ("status", "peers"), ("status", "targets"),
         ("status", "ipam"), ("report",), ("metrics",))
LONGEST_LINE = 4096
LONGEST_LOG = 256 << 10


@scenario("clear")
def a3_texts(arena):
    """Every text of a peer is at most 255 bytes and escaped wherever it is shown."""
    lab, node = arena.lab, arena.node(1)
    marks = {each: each.log.stat().st_size for each in lab.nodes}
    shown = {}
    for size in (300, 100_000, 3_000_000):
        text = ("x\nFORGED line\x1b[31m\r\x7f\u0085\u202e" + "y" * size)[:size]
        for version in (1, 2):
            named = introduce(lab, node, version=version, nickname=text)
            time.sleep(0.2)
            collect(lab, shown)
            leave(*filter(None, [named]))
        inside_it = join(lab, node)
        pairs = [(invented(number), text) for number in range(3)] + [(lab.nodes[1].peer_name, text)]
        tell(inside_it,
             wire.gossip("topology", NAME, wire.topology(
                 wire.peer(NAME, text, 4711, 50, [wire.connection_to(node.peer_name, text),
                                                  wire.connection_to(invented(1), text)]),
                 wire.peer(invented(1), text, 5, 5, [wire.connection_to(NAME, text)]))))
        more = [join(lab, node, name=invented(number), connection_id=size) for number in (8, 9)]
        tell(more[0], wire.gossip(ADDRESSES, NAME, wire.address_state(pairs)))
        tell(more[1], wire.gossip(text, NAME, b"z"))
        time.sleep(0.3)
        collect(lab, shown)
        leave(inside_it, *more)
    for each in lab.nodes:
        with open(each.log, errors="replace") as log:
            log.seek(marks[each])
            shown[f"{each.name}'s log"] = log.read()
    judge_texts(arena, shown)


def collect(lab, shown):
    for page in PAGES:
        text = lab.nodes[0].weft(*page, ok=False)
        shown[" ".join(page)] = shown.get(" ".join(page), "") + text
        if page == ("report",):
            json.loads(text)  # fails when a text broke it


def judge_texts(arena, shown):
    wrong = []
    for what, text in shown.items():
        lines = text.splitlines() if what != "report" else []
        if any(line.lstrip().startswith("FORGED") for line in text.split("\n")):
            wrong.append(f"{what} has a line of its own from a peer")
        if re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]", text):
            wrong.append(f"{what} has control characters")
        if longest := max((len(line) for line in lines if len(line) > LONGEST_LINE), default=0):
            wrong.append(f"{what} has a line of {longest} bytes")
        if what.endswith("log") and len(text) > LONGEST_LOG:
            wrong.append(f"{what} grew by {len(text)} bytes")
        if what == "report" and re.search(r"y{256}", text):
            wrong.append(f"{what} has a text of more than 255 bytes")
    check(not wrong, "; ".join(wrong))


FEATURES = ("Name", "UID", "ConnID", "PeerNameFlavour", "ShortID", "Trusted", "WeftHeartbeat", "Overlays")


@scenario("clear")
def a3_features(arena):
    """So is each text of an introduction that is refused for it."""
    lab, node = arena.lab, arena.node(1)
    mark, shown = node.log.stat().st_size, {}
    for key in FEATURES:
        text = "x\nFORGED line " + "y " * 25_000
        more = {"WeftDeadAfter": "1"} if key == "WeftHeartbeat" else {}
        for version in (1, 2):
            if key == "Name":
                leave(*filter(None, [introduce(lab, node, name=text, version=version)]))
            elif key == "ConnID":
                leave(*filter(None, [introduce(lab, node, connection_id=text, version=version)]))
            else:
                leave(*filter(None, [introduce(lab, node, version=version, **{key: text}, **more)]))
            time.sleep(0.2)
    collect(lab, shown)
    with open(node.log, errors="replace") as log:
        log.seek(mark)
        shown["node1's log"] = log.read()
    for said in ("read peer name", "field UID", "field ConnID"):
        check(said in shown["node1's log"], f"nobody said '{said}'")
    judge_texts(arena, shown)
