"""What a scenario is, what it works on, and how its outcome is judged."""

import os
import time
from contextlib import contextmanager

from lab import check
from probe import Flow, Probe

MOST_LOST = 0.01         # of the steady probe
MOST_GROWTH = 32 << 10   # KiB of one daemon
HEALS_WITHIN = 5.0       # seconds
SCENARIOS = {}


class Scenario:
    def __init__(self, function, lab, spares):
        self.function, self.lab, self.spares = function, lab, spares
        self.name = function.__name__.replace("_", "-")
        self.rule = function.__doc__.strip().splitlines()[0]


def scenario(lab, spares=()):
    """Registers a scenario for one lab; it restarts the nodes `spares`, so they are not judged."""
    def register(function):
        made = Scenario(function, lab, spares)
        SCENARIOS[made.name] = made
        return function
    return register


def read_status(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key))


class Memory:
    """Growth of daemons up to their peak, in KiB."""

    def __init__(self, nodes):
        self.start, self.frozen = {}, None
        for node in nodes:
            with open(f"/proc/{node.pid}/clear_refs", "w", encoding="ascii") as peak:
                peak.write("5")  # the peak begins anew
            self.start[node] = (node.pid, read_status(node.pid, "VmRSS"))

    def freeze(self):
        """What comes after does not count, such as the answer to a question of the test itself."""
        self.frozen = self.growth()

    def growth(self):
        """The most that one of them grew; daemons that were started since do not count."""
        return self.frozen if self.frozen is not None else max((read_status(pid, "VmHWM") - before
                    for node, (pid, before) in self.start.items() if node.process and node.pid == pid),
                   default=0)


class Arena:
    """A lab with three innocent pods, seen by one scenario."""

    def __init__(self, lab, sanitized):
        self.lab, self.sanitized, self.notes, self.memory = lab, sanitized, [], None
        self.patience = 4 if sanitized else 1

    def note(self, text):
        self.notes.append(text)

    def node(self, number):
        return self.lab.nodes[number - 1]

    @contextmanager
    def refused(self, counter, **labels):
        """Fails unless `counter` rose on a node meanwhile: the attack has to reach the guard."""
        def total():
            return sum(node.metric(counter, **labels) for node in self.lab.nodes)
        before = total()
        yield
        self.note(f"{total() - before:.0f} more of {counter}{labels or ''}")
        check(total() > before, f"nothing was refused: {counter}{labels or ''} did not rise")

    def flows(self, spares):
        pods = [self.lab.pods[name] for name in "abc"]
        found = [Flow(source.name + target.name, source.netns, target.netns, target.address)
                 for source, target in zip(pods, pods[1:] + pods[:1])
                 if source.node.name not in spares and target.node.name not in spares]
        return found + [Flow(*flow) for flow in self.lab.more_flows]

    def play(self, scenario):
        """Its outcome: figures for the table, and what did not hold."""
        self.notes, problems = [], []
        self.memory = Memory([node for node in self.lab.nodes if node.name not in scenario.spares])
        probe = Probe(self.flows(scenario.spares), 0.02 if self.sanitized else 0.005)
        if probe.deaf:
            problems.append(f"nothing arrived on {', '.join(probe.deaf)} even before")
        begin = time.monotonic()
        try:
            scenario.function(self)
        except Exception as failure:  # whatever it is, the scenario did not hold
            problems.append(f"{type(failure).__name__}: {failure}")
        attacked = time.monotonic() - begin
        whole = self.heal(problems)
        lost = probe.stop()
        growth = self.memory.growth()
        worst = max(lost, key=lambda flow: lost[flow][0] / max(lost[flow][1], 1))
        share = lost[worst][0] / max(lost[worst][1], 1)
        if share > MOST_LOST and not self.sanitized:
            problems.append(f"{100 * share:.1f} % lost on {worst}, silent for {lost[worst][2]:.1f} s")
        if growth > MOST_GROWTH and not self.sanitized:
            problems.append(f"a daemon grew by {growth / 1024:.0f} MiB")
        problems += self.lab.reports()
        return {"lost": f"{lost[worst][0]}/{lost[worst][1]}",
                "memory": "-" if self.sanitized else f"{growth / 1024:.1f}",
                "whole": "no" if whole is None else f"{whole:.1f}", "seconds": attacked,
                "problems": problems, "notes": self.notes}

    def heal(self, problems):
        """Seconds until the cluster was whole after the scenario; None when it stayed broken."""
        begin, fault = time.monotonic(), "?"
        while fault and time.monotonic() - begin < 2 * HEALS_WITHIN * self.patience:
            fault = self.lab.fault()
            time.sleep(0.02)
        took = time.monotonic() - begin
        if fault:
            problems.append(f"not whole {took:.0f} s after: {fault}")
            return None
        if took > HEALS_WITHIN * self.patience:
            problems.append(f"whole only {took:.1f} s after")
        return took


def open_files(node):
    return len(os.listdir(f"/proc/{node.pid}/fd"))
