"""A steady probe between innocents: numbered datagrams every few milliseconds, counted on arrival.

It runs in a process of its own, so that what else happens here does not hold it up.
"""

import fcntl
import multiprocessing
import os
import selectors
import socket
import struct
import time

from netns import socket_in

PORT = 7007
SIOCGIFINDEX = 0x8933
LINGERS = 0.5  # seconds for what is still under way


class Flow:
    """From one namespace to an address of another; `scope` is the interface of a link-local one."""

    def __init__(self, name, source, target, address, scope=None):
        self.name, self.source, self.target, self.address, self.scope = (name, source, target,
                                                                         address, scope)
        self.sent, self.arrived, self.silence = 0, set(), 0.0

    def open(self, port):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self.receiver = socket_in(self.target, family, socket.SOCK_DGRAM, "", port)
        self.sender = socket_in(self.source, family, socket.SOCK_DGRAM)
        self.destination = (self.address, port)
        if self.scope:
            self.destination = (self.address, port, 0, self.scope_id())
        for each in (self.receiver, self.sender):
            each.setblocking(False)
        return self

    def scope_id(self):
        asked = fcntl.ioctl(self.sender, SIOCGIFINDEX, struct.pack("16s16x", self.scope.encode()))
        return struct.unpack_from("i", asked, 16)[0]

    def send(self):
        try:
            self.sender.sendto(struct.pack("!Q", self.sent), self.destination)
        except OSError:
            pass  # lost at once
        self.sent += 1

    def receive(self, now):
        while True:
            try:
                number = struct.unpack("!Q", self.receiver.recv(64))[0]
            except (BlockingIOError, struct.error):
                return
            self.arrived.add(number)
            self.silence, self.last = max(self.silence, now - self.last), now


def count(flows, interval, pipe):
    """Sends on every flow until told to stop; answers what was lost of each."""
    os.nice(-10)
    selector = selectors.DefaultSelector()
    for index, flow in enumerate(flows):
        selector.register(flow.open(PORT + index).receiver, selectors.EVENT_READ, flow)
    selector.register(pipe, selectors.EVENT_READ, None)

    def turn(until):
        """Takes what arrives; whether something was said on the pipe."""
        is_told = False
        while (rest := until - time.monotonic()) > 0:
            for key, _ in selector.select(rest):
                if key.data:
                    key.data.receive(time.monotonic())
                else:
                    is_told = True
            if is_told:
                return True
        return False

    for flow in flows:  # the first pays for ARP, and is not counted
        flow.last = time.monotonic()
        deadline = flow.last + 10
        while not flow.arrived and time.monotonic() < deadline:
            flow.send()
            turn(time.monotonic() + 0.02)
    turn(time.monotonic() + 0.1)
    pipe.send([flow.name for flow in flows if not flow.arrived])
    for flow in flows:
        flow.sent, flow.arrived, flow.silence, flow.last = 0, set(), 0.0, time.monotonic()
    due = time.monotonic()
    while not turn(due):
        for flow in flows:
            flow.send()
        due = max(due + interval, time.monotonic() - 0.05)  # no burst after a pause
    selector.unregister(pipe)
    turn(time.monotonic() + LINGERS)
    now = time.monotonic()
    pipe.send({flow.name: (flow.sent - len(flow.arrived), flow.sent,
                           max(flow.silence, now - LINGERS - flow.last)) for flow in flows})


class Probe:
    """Counts between its making and `stop`."""

    def __init__(self, flows, interval):
        self.pipe, end = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(
            target=count, args=(flows, interval, end), daemon=True)
        self.process.start()
        self.deaf = self.pipe.recv()  # flows that carry nothing to begin with

    def stop(self):
        """Of each flow what was lost, what was sent, and the longest silence in seconds."""
        self.pipe.send("stop")
        result = self.pipe.recv()
        self.process.join()
        return result
