"""What sleeve is meant to reach, as ratios between contestants of one run (docs/performance.md)."""
from dataclasses import dataclass

from contestants import NO_OFFLOAD, PEERS
from table import COLUMNS

ENCRYPTED_PEERS = tuple(name for name in PEERS if name != "fastd")
BEST = {"the best peer": tuple(PEERS), "the best encrypted peer": ENCRYPTED_PEERS}


@dataclass
class Target:
    """`name` in `column` is to be at least (CPU and round trips: at most) `factor` times `other`."""

    name: str
    column: str
    factor: float
    other: str  # a contestant, or one of BEST
    other_column: str = ""  # if another one


CLEAR, SECRET = "the best peer", "the best encrypted peer"
TARGETS = (
    Target("sleeve", "tcp_mbps", 0.7, "vxlan"),
    Target("sleeve", "tcp_mbps", 8, CLEAR),
    Target("sleeve", "tcp_mbps", 25, "original"),
    Target("sleeve-encrypted", "tcp_mbps", 0.4, "vxlan"),
    Target("sleeve-encrypted", "tcp_mbps", 5, SECRET),
    Target("sleeve-encrypted", "tcp_mbps", 12, "original-encrypted"),
    *(Target(f"mixed-{way}-original{suffix}", "tcp_mbps", 2, f"original{suffix}")
      for suffix in ("", "-encrypted") for way in ("to", "from")),
    Target("sleeve-nooffload", "tcp_mbps", 0.8, "vxlan-nooffload"),
    Target("sleeve-nooffload", "tcp_mbps", 1, CLEAR),
    Target("sleeve-encrypted-nooffload", "tcp_mbps", 0.6, "vxlan-nooffload"),
    Target("sleeve-encrypted-nooffload", "tcp_mbps", 1, SECRET),
    Target("sleeve", "cpu_s_per_gb", 1 / 25, "original"),
    Target("sleeve", "cpu_s_per_gb", 1, CLEAR),
    Target("sleeve-encrypted", "cpu_s_per_gb", 1 / 15, "original-encrypted"),
    Target("sleeve-encrypted", "cpu_s_per_gb", 1, SECRET),
    Target("sleeve", "udp_pps", 1.5, CLEAR),
    Target("sleeve-encrypted", "udp_pps", 1.5, SECRET),
    Target("sleeve", "rtt_p50_us", 1, CLEAR),
    Target("sleeve", "rtt_p50_us", 3, "vxlan"),
    Target("sleeve", "rtt_p99_us", 1, CLEAR),
    Target("sleeve-encrypted", "rtt_p50_us", 1, SECRET),
    Target("sleeve-encrypted", "rtt_p99_us", 1, SECRET),
    Target("sleeve-relay", "tcp_mbps", 0.5, "sleeve"),
    Target("sleeve", "tcp4_mbps", 1, "sleeve", "tcp_mbps"),
    Target("sleeve-encrypted", "tcp4_mbps", 1, "sleeve-encrypted", "tcp_mbps"),
)


def verdicts(report):
    """A line for each target whose contestants were measured."""
    return [line for target in TARGETS if (line := verdict(target, report))]


def verdict(target, report):
    heading, better = COLUMNS[target.column]
    suffix = NO_OFFLOAD if target.name.endswith(NO_OFFLOAD) else ""
    column = target.other_column or target.column
    others = [report[name][column] for name in
              [peer + suffix for peer in BEST.get(target.other, ())] or [target.other] if name in report]
    if target.name not in report or not others:
        return None
    ratio = report[target.name][target.column] / better(others)
    is_met = ratio >= target.factor if better is max else ratio <= target.factor
    what = target.other if column == target.column else f"{target.other} in {COLUMNS[column][0]}"
    return marked(is_met, f"{target.name}: {heading} is {ratio:.3g} of {what}, "
                          f"{'at least' if better is max else 'at most'} {target.factor:.3g} wanted")


def marked(is_met, text):
    """A line that says of a target whether it is met."""
    return f"{'met   ' if is_met else 'missed'}  {text}"
