"""Compares weft's sleeve with other overlays on this machine.

What is measured and how: docs/performance.md. Needs root. Contestants are the kernel's limits (raw,
vxlan), the peers, sleeve (also encrypted, and through a relay), and with --original Weave Net and both
together; each also with the suffix -nooffload, over an underlay without any offload. Peers that are not
installed are installed from Debian.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import flood
from contestants import NO_OFFLOAD, PEERS, chosen
from measure import measure
from memory import memory
from network import Failure, run
from table import COLUMNS, table
from targets import marked, verdicts

TOOLS = {"ethtool": "ethtool", "iproute2": "ip", "iputils-ping": "ping"}
NEEDED = ("bin/weftd", "bin/weft-cni", "plugins-out/sleeve.so")


def arguments():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the medians as JSON, whenever the run ends")
    parser.add_argument("--peers", type=names, metavar="LIST", default=list(PEERS),
                        help="compare with these, of " + ",".join(PEERS) + "; empty for none (all)")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="medians of N runs (5)")
    parser.add_argument("--seconds", type=float, default=1.5, metavar="S", help="of each measurement (1.5)")
    parser.add_argument("--only", type=names, metavar="LIST", help="measure nobody but these contestants")
    parser.add_argument("--original", type=Path, metavar="FILE", help="Weave Net's router, to compare with too")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--memory", action="store_true", help="measure nothing but the memory of a node for each "
                         "encrypted peer that it is connected to")
    instead.add_argument("--flood", action="store_true", help="measure nothing but what floods of worthless datagrams "
                         "leave of one stream")
    parser.add_argument("--soak", type=float, metavar="S", default=0, help="with --memory: how much more it is after "
                        "S seconds, and after S seconds of traffic")
    parser.add_argument("--build", type=Path, metavar="DIR", default=Path("build/release"),
                        help="where weft is built (build/release, built anew unless this is given)")
    options = parser.parse_args()
    for name in options.peers:
        if name not in PEERS:
            parser.error(f"--peers: no peer is named '{name}'; there are {', '.join(PEERS)}")
    if options.runs < 1:
        parser.error(f"--runs: {options.runs} is not at least 1")
    if not 0.1 <= options.seconds <= 600:
        parser.error(f"--seconds: {options.seconds:g} is not between 0.1 and 600")
    if options.soak and not options.memory:
        parser.error("--soak: only with --memory")
    if not 0 <= options.soak <= 86400:
        parser.error(f"--soak: {options.soak:g} is not between 0 and 86400")
    if options.only and (options.memory or options.flood):
        parser.error("--only: not with --memory or --flood, which measure sleeve alone")
    check_files(parser, options)
    options.kinds = chosen(options.peers, options.original)
    for name in options.only or ():
        if name not in options.kinds:
            parser.error(f"--only: no contestant is named '{name}'; there are {', '.join(options.kinds)}")
    if options.only:
        options.kinds = {name: kind for name, kind in options.kinds.items() if name in options.only}
    return options


def names(text):
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def check_files(parser, options):
    """What could only fail after minutes fails now."""
    options.build = options.build.resolve()
    for name in NEEDED:
        if not (options.build / name).is_file():
            parser.error(f"--build: {options.build / name} is missing; build weft there first")
    if options.original:
        options.original = options.original.resolve()
        if not os.access(options.original, os.X_OK) or options.original.is_dir():
            parser.error(f"--original: {options.original} is no program")
    if options.report:
        options.report = options.report.resolve()
        if options.report.is_dir() or not os.access(options.report.parent, os.W_OK):
            parser.error(f"--report: cannot write {options.report}")


def install(packages):
    """Installs those that are missing, from Debian, and says so."""
    missing = [package for package in packages if "installed" not in run(
        "dpkg-query", "-W", "-f", "${db:Status-Status} ", package, ok=False).split()]
    if missing:
        say(f"installing {' '.join(missing)}")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, timeout=600,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def order(kinds, turn):
    """Those of a run; every other run goes backwards, so that nobody is always after the same one."""
    return list(kinds) if turn % 2 == 0 else list(reversed(kinds))


class Bench:
    """All runs: rows by contestant, and what went wrong."""

    def __init__(self, options):
        self.options, self.rows, self.failures = options, {name: [] for name in options.kinds}, {}

    def run(self):
        total = self.options.runs * len(self.options.kinds)
        steps = [(turn, name) for turn in range(self.options.runs) for name in order(self.options.kinds, turn)]
        for done, (turn, name) in enumerate(steps):
            begin = time.monotonic()
            try:
                row = self.one(name)
            except (Failure, OSError, ValueError, KeyError, subprocess.SubprocessError) as failure:
                self.failures[name] = f"{type(failure).__name__}: {failure}"
                say(f"[{done + 1}/{total}] run {turn + 1} {name} failed: {failure}")
                continue
            self.rows[name].append(row)
            said = ", ".join(f"{COLUMNS[column][0]} {value:.4g}" for column, value in row.items() if value is not None)
            say(f"[{done + 1}/{total}] run {turn + 1} {name}: {said} ({time.monotonic() - begin:.1f} s)")

    def one(self, name):
        kind = self.options.kinds[name]
        install(kind.packages)
        contestant = kind(name, self.options, offload=not name.endswith(NO_OFFLOAD))
        with contestant.network as network:
            try:
                return measure(network, contestant.path(), self.options.seconds)
            except Exception:
                for line in network.log_tails():
                    say(f"    {line}")
                raise

    def report(self):
        """Medians over the runs that succeeded."""
        return {name: {column: median([row[column] for row in rows]) for column in COLUMNS}
                for name, rows in self.rows.items() if rows}

    def finish(self):
        """Prints the table and writes the report of what was measured so far."""
        report = self.report()
        write_report(self.options, report)
        if report:
            print("\n".join([table(report), "", *verdicts(report)]).rstrip(), flush=True)
        for name, failure in self.failures.items():
            say(f"{name} failed in {self.options.runs - len(self.rows[name])} of {self.options.runs} runs: {failure}")


def report_memory(options):
    measured = memory(options)
    per_peer = measured["memory_kib_per_peer"]
    print(marked(per_peer < 200, f"sleeve-encrypted: {per_peer:.0f} KiB for each connected peer, idle, less than 200 "
                                 "wanted"))
    if options.soak:
        for how in ("idle", "busy"):
            growth = measured[f"{how}_growth_kib"]
            print(marked(growth <= 0, f"sleeve-encrypted: {growth} KiB more after {options.soak:g} s, {how}, none wanted"))
    write_report(options, {"sleeve-encrypted": measured})
    return 0


def report_floods(options):
    remaining = flood.remaining(options, say)
    print("\n".join(flood.lines(remaining)))
    write_report(options, remaining)
    return 0


def write_report(options, report):
    if options.report:
        options.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def median(values):
    return None if None in values else statistics.median(values)


def interrupted(number, _frame):
    """Ends the run once; what then removes namespaces and daemons is not interrupted again."""
    for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, signal.SIG_IGN)
    say("interrupted: removing what was made")
    sys.exit(128 + number)


def main():
    options = arguments()
    if os.geteuid() != 0:
        sys.exit("bench: network namespaces need root: sudo scripts/bench")
    for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, interrupted)
    install(TOOLS)
    if options.memory:
        return report_memory(options)
    if options.flood:
        return report_floods(options)
    bench = Bench(options)
    try:
        bench.run()
    finally:
        bench.finish()
    return 1 if bench.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"bench: {failure}")
