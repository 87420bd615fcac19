"""Sockets of network namespaces that this process is not in."""
import contextlib
import ctypes
import socket

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def move_to(path, what):
    with open(path, "rb") as handle:
        if LIBC.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"enter network namespace {what}")


def enter(netns):
    """Moves this thread: the sockets it makes from here on are of `netns`."""
    move_to(f"/run/netns/{netns}", netns)


@contextlib.contextmanager
def inside(netns):
    """This thread is in `netns` meanwhile."""
    with open("/proc/thread-self/ns/net", "rb") as home:
        enter(netns)
        try:
            yield
        finally:
            move_to(f"/proc/self/fd/{home.fileno()}", "that was left")


def socket_in(netns, family, kind, address=None, port=0, protocol=0):
    """A socket of `netns`, bound to `address` if there is one. It waits for 10 s."""
    with inside(netns):
        made = socket.socket(family, kind, protocol)
    made.settimeout(10)
    if address is not None:
        made.bind((address, port))
    return made
