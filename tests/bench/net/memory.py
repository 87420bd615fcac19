"""What one more encrypted, idle connection costs a node, and whether a node grows."""
import re
import time
from pathlib import Path

from measure import transfer
from network import Network, wait_established
from sleeve import PASSWORD, QuietWeft, SleeveEncrypted

FEW, MANY = 2, 10  # nodes, each connected to every other
BURST, WARM_UP = 1, 180  # seconds of traffic, of each kind and before anything is counted
LANE_BUFFERS_KIB = 4096  # mappings from this size on are taken for buffers of lanes


def memory(options):
    """KiB of anonymous memory of the first node: `memory_kib_per_peer`, what eight more peers add, divided by these;
    with --soak `idle_growth_kib`, in so long a time in which nothing happens but what keeps connections alive, and
    `busy_growth_kib` of two other nodes, in so long a time of traffic."""
    with Network(options, MANY, offload=True) as network:
        nodes = []

        def grown_to(count):
            while len(nodes) < count:
                index = len(nodes) + 1
                nodes.append(network.start(QuietWeft, index, PASSWORD, [1] if index > 1 else [], f"consensus={MANY}"))
            wait_established(*nodes)
            return after(options.seconds)  # by then they told each other what they know

        def after(seconds):
            time.sleep(seconds)
            network.check_alive()
            return anonymous_kib(nodes[0].pid())

        few, many = grown_to(FEW), grown_to(MANY)
        measured = {"memory_kib_per_peer": (many - few) / (MANY - FEW)}
        if options.soak:
            measured["idle_growth_kib"] = after(options.soak) - many
    if options.soak:
        measured["busy_growth_kib"] = busy_growth(options)
    return measured


def busy_growth(options):
    contestant = SleeveEncrypted("sleeve-encrypted", options, offload=True)
    with contestant.network as network:
        path = contestant.path()

        def after(seconds):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for how, streams in (("tcp", 1), ("tcp", 4), ("udp", 1)):
                    transfer(path, how, streams, BURST)
            time.sleep(options.seconds)
            network.check_alive()
            return sum(anonymous_kib(node.pid()) for node in network.nodes.values())

        first = after(WARM_UP)
        return after(options.soak) - first


def anonymous_kib(pid):
    """Source: proc(5), Anonymous of /proc/PID/smaps. Shared libraries and files are not in it.

    Nor are mappings of megabytes other than the heap: buffers of lanes, whose size is the same for any
    number of peers, and of which bursts touch more or less.
    """
    total = 0
    for mapping in re.findall(r"^[0-9a-f]+-[0-9a-f]+ .*?^VmFlags", Path(f"/proc/{pid}/smaps").read_text(
            encoding="utf-8"), re.M | re.S):
        size, anonymous = (int(re.search(rf"^{field}: +(\d+) kB", mapping, re.M)[1]) for field in ("Size", "Anonymous"))
        if size < LANE_BUFFERS_KIB or "[heap]" in mapping:
            total += anonymous
    return total
