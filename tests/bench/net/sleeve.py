"""weft's sleeve, that of Weave Net where the caller has its router, and the two together."""
from network import Failure, Original, Weft, wait_established
from peers import ENDS, Contestant, Path

PASSWORD = "benchmark-of-sleeve"
RELAY = 3  # the node between those of the pods


class QuietWeft(Weft):
    log_level = "info"

    def is_answering(self):
        check_running(self)
        return super().is_answering()


class WatchedOriginal(Original):
    def http(self, *request, **options):
        check_running(self)
        return super().http(*request, **options)


def check_running(node):
    """Failure at once when its process has ended, instead of waiting for its answer."""
    if node.process.poll() is not None:
        raise Failure(f"{node.kind} on node {node.index} ended by itself with {node.process.returncode}")


class Sleeve(Contestant):
    """`kinds` run on nodes 1 and 2; traffic goes from the first to the second."""

    kinds = (QuietWeft, QuietWeft)
    password = None

    def path(self):
        first, second = (self.start(kind, index) for kind, index in zip(self.kinds, ENDS))
        wait_established(first, second)
        for node in (first, second):
            self.check_encryption(node)
        return self.between(first, second, ENDS)

    def start(self, kind, index):
        """Each dials the nodes before it."""
        return self.network.start(kind, index, self.password, list(range(1, index)), f"consensus={self.nodes}")

    def check_encryption(self, node):
        """Failure when what the node says of its connection is not what is to be measured."""
        for connection in node.router()["Connections"]:
            is_encrypted = bool(connection["Attrs"].get("encrypted"))
            if connection["State"] == "established" and is_encrypted != bool(self.password):
                raise Failure(f"{node.kind} on node {node.index}: {connection['Info']}, "
                              f"wanted it {'encrypted' if self.password else 'in clear'}")

    def between(self, first, second, nodes):
        pods = first.add_pod("a"), second.add_pod("b")
        return self.answering(Path(pods[0].netns, pods[1].netns, pods[1].ip, nodes))


class SleeveEncrypted(Sleeve):
    password = PASSWORD


class SleeveRelay(Sleeve):
    """The two nodes hear each other only by a third."""

    nodes = 3

    def path(self):
        self.network.separate(*ENDS)
        first, second, relay = (self.start(QuietWeft, index) for index in (*ENDS, RELAY))
        wait_established(first, relay)
        wait_established(second, relay)
        return self.between(first, second, (ENDS[0], RELAY, ENDS[1]))


class Originals(Sleeve):
    kinds = (WatchedOriginal, WatchedOriginal)


class OriginalsEncrypted(Originals):
    password = PASSWORD


class ToOriginal(Sleeve):
    kinds = (QuietWeft, WatchedOriginal)


class ToOriginalEncrypted(ToOriginal):
    password = PASSWORD


class FromOriginal(Sleeve):
    kinds = (WatchedOriginal, QuietWeft)


class FromOriginalEncrypted(FromOriginal):
    password = PASSWORD
