"""What one more encrypted, idle connection costs a node."""
import re
import time
from pathlib import Path

from network import Network, wait_established
from sleeve import PASSWORD, QuietWeft

FEW, MANY = 2, 10  # nodes, each connected to every other


def kib_per_peer(options):
    """KiB of anonymous memory of the first node, when it has eight more peers, divided by these."""
    with Network(options, MANY, offload=True) as network:
        nodes = []

        def grown_to(count):
            while len(nodes) < count:
                index = len(nodes) + 1
                nodes.append(network.start(QuietWeft, index, PASSWORD, [1] if index > 1 else [], f"consensus={MANY}"))
            wait_established(*nodes)
            time.sleep(options.seconds)  # the exchange of what the new ones know is over
            return anonymous_kib(nodes[0].pid())

        before, after = grown_to(FEW), grown_to(MANY)
    return (after - before) / (MANY - FEW)


def anonymous_kib(pid):
    """Source: proc(5), RssAnon of /proc/PID/status. Shared libraries and files are not in it."""
    return int(re.search(r"^RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.M)[1])
