"""Compares weft's sleeve with other overlays on this machine; see docs/performance.md."""
import argparse
import json
import os
import signal
import statistics
import sys

from contestants import LIMITS, OURS, PACKAGES, PEERS
from machine import BenchError, run
from measure import measure

COLUMNS = {"tcp_mbps": max, "udp_pps": max, "rtt_p50_us": min, "rtt_p99_us": min, "cpu_s_per_gb": min}


def arguments():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--report", metavar="FILE", help="write the medians as JSON")
    parser.add_argument("--peers", metavar="LIST", default=",".join(PEERS),
                        help="compare with these, of " + ",".join(PEERS))
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="medians of N runs (5)")
    parser.add_argument("--seconds", type=int, default=2, metavar="S", help="of each measurement (2)")
    parser.add_argument("--build", default="build/release", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.peers = [name for name in options.peers.split(",") if name]
    for name in options.peers:
        if name not in PEERS:
            parser.error(f"unknown peer '{name}': one of {', '.join(PEERS)}")
    if options.runs < 1 or options.seconds < 1:
        parser.error("--runs and --seconds must be at least 1")
    return options


def install(packages):
    missing = [p for p in packages if "installed" not in run(
        "dpkg-query", "-W", "-f", "${db:Status-Status}\n", p, check=False).split()]
    if missing:
        print(f"bench: installing {' '.join(missing)}", flush=True)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, timeout=300,
            env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))


def one(kind, name, offload, options):
    contestant = kind(name, options.build)
    try:
        return measure(*contestant.open(offload), options.seconds)
    finally:
        contestant.close()


def table(report, peers, skipped):
    """One line per contestant; in brackets the ratio to the best peer under the same offloads."""
    lines = [f"{'':26}" + "".join(f"{column:>21}" for column in COLUMNS)]
    for name, row in report.items():
        suffix = "-nooffload" if name.endswith("-nooffload") else ""
        rivals = [report[p + suffix] for p in peers if p + suffix in report]
        cells = []
        for column, best in COLUMNS.items():
            value = row[column]
            known = [rival[column] for rival in rivals if rival[column]]
            ratio = f"({value / best(known):.2f})" if value is not None and known else ""
            cells.append(f"{'-' if value is None else f'{value:.1f}':>12} {ratio:>8}")
        lines.append(f"{name:26}" + "".join(cells))
    return "\n".join(lines + [f"{name:26} skipped: {reason}" for name, reason in skipped.items()])


def main():
    options = arguments()
    if os.geteuid() != 0:
        sys.exit("bench: network namespaces need root: sudo scripts/bench")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    install(["iperf3", "ethtool"])
    skipped, kinds = {}, {**LIMITS, **{p: PEERS[p] for p in options.peers}, **OURS}
    for name in options.peers:
        try:
            install(PACKAGES[name])
        except BenchError as error:
            skipped[name] = skipped[name + "-nooffload"] = str(error)
    samples = {name + suffix: [] for suffix in ("", "-nooffload") for name in kinds}
    for turn in range(options.runs):
        for full in samples:
            if full in skipped:
                continue
            name = full.removesuffix("-nooffload")
            print(f"bench: run {turn + 1}/{options.runs} {full}", file=sys.stderr, flush=True)
            try:
                samples[full].append(one(kinds[name], name, name == full, options))
            except BenchError as error:
                skipped[full] = str(error)
    report = {name: {column: None if rows[0][column] is None else statistics.median(
        row[column] for row in rows) for column in COLUMNS}
        for name, rows in samples.items() if rows and name not in skipped}
    print(table(report, options.peers, skipped))
    if options.report:
        with open(options.report, "w", encoding="utf-8") as file:
            json.dump({**report, **{n: {"skipped": r} for n, r in skipped.items()}}, file, indent=2)
            file.write("\n")
    return 1 if any(name.startswith("sleeve") for name in skipped) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
