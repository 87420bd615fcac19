"""The mesh protocol from a peer's side: gob, introduction, messages, boxes, sleeve datagrams in clear.

For tests that talk to a router without being one. Standard library only; boxes need libsodium,
which weft itself links. Byte layouts: docs/protocol; their vectors: tests/interop/vectors.
"""

import contextlib
import ctypes
import ctypes.util
import os
import socket
import struct
import threading

PORT = 6783
KEY_BYTES = 32
BOX_OVERHEAD = 16
UINT, INT, BOOL, BYTES, STRING = 3, 2, 1, 5, 6  # gob's own types


# ---- gob ----------------------------------------------------------------------------------------

def gob_uint(value):
    if value < 128:
        return bytes([value])
    octets = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([256 - len(octets)]) + octets


def gob_int(value):
    return gob_uint(value << 1 if value >= 0 else (~value << 1) | 1)


def gob_bytes(data):
    return gob_uint(len(data)) + data


def gob_string(text):
    return gob_bytes(text.encode())


def gob_struct(*fields):
    """`fields` in order, encoded; None is a field that is left out."""
    body, last = b"", -1
    for index, field in enumerate(fields):
        if field is not None:
            body += gob_uint(index - last) + field
            last = index
    return body + b"\x00"


def gob_slice(elements):
    return gob_uint(len(elements)) + b"".join(elements)


def gob_map(pairs):
    return gob_uint(len(pairs)) + b"".join(key + value for key, value in pairs)


def nonzero(value, encode=gob_uint):
    """A struct's field: left out when it is zero or empty."""
    return encode(value) if value else None


def gob_message(type_id, body):
    return gob_bytes(gob_int(type_id) + body)


def gob_single(type_id, value):
    """A value that is no struct, as a message of its own."""
    return gob_message(type_id, b"\x00" + value)


def describe_struct(type_id, name, **fields):
    listed = [gob_struct(gob_string(key), gob_int(kind)) for key, kind in fields.items()]
    common = gob_struct(gob_string(name), gob_int(type_id))
    return gob_message(-type_id, gob_struct(None, None, gob_struct(common, gob_slice(listed))))


def describe_slice(type_id, element):
    common = gob_struct(None, gob_int(type_id))
    return gob_message(-type_id, gob_struct(None, gob_struct(common, gob_int(element))))


def describe_map(type_id, key, element):
    common = gob_struct(None, gob_int(type_id))
    return gob_message(-type_id, gob_struct(None, None, None, gob_struct(common, gob_int(key),
                                                                         gob_int(element))))


def take_uint(data, at):
    """The number at `at` and where the next thing begins."""
    first = data[at]
    if first < 128:
        return first, at + 1
    width = 256 - first
    return int.from_bytes(data[at + 1:at + 1 + width], "big"), at + 1 + width


def take_bytes(data, at):
    length, at = take_uint(data, at)
    return data[at:at + length], at + length


# ---- names and features -------------------------------------------------------------------------

def name_octets(name):
    return bytes(int(group, 16) for group in name.split(":"))


def name_number(name):
    return int.from_bytes(name_octets(name), "big")


def features(**changes):
    """What peers say of themselves when they meet; `None` leaves a key out."""
    pairs = {"PeerNameFlavour": "mac", "Name": "02:00:00:00:99:09", "NickName": "hostile",
             "UID": "4711", "ConnID": "12", "ShortID": "9", "Overlays": "sleeve", **changes}
    return {key: str(value) for key, value in pairs.items() if value is not None}


def encode_features(pairs):
    """gob of map[string]string: its descriptor, then the map."""
    return describe_map(65, STRING, STRING) + gob_single(
        65, gob_map([(gob_string(key), gob_string(value)) for key, value in pairs.items()]))


def decode_features(stream):
    """The first map in a gob stream; None when the stream is not whole yet."""
    at = 0
    while at < len(stream):
        body, at = take_bytes(stream, at)
        if at > len(stream):
            return None
        type_id, inner = take_uint(body, 0)
        if type_id & 1:  # negative: a descriptor
            continue
        count, inner = take_uint(body, inner + 1)
        pairs = {}
        for _ in range(count):
            key, inner = take_bytes(body, inner)
            value, inner = take_bytes(body, inner)
            pairs[key.decode(errors="replace")] = value.decode(errors="replace")
        return pairs
    return None


# ---- frames and messages ------------------------------------------------------------------------

def header(lowest=1, highest=2):
    return b"weave" + bytes([lowest, highest])


def framed(message):
    return struct.pack("!I", len(message)) + message


def gossip(channel, sender, payload):
    return (b"\x04" + gob_single(STRING, gob_string(channel))
            + gob_single(UINT, gob_uint(name_number(sender)))
            + gob_single(BYTES, gob_bytes(payload)))


def broadcast(channel, originator, payload):
    return b"\x06" + gossip(channel, originator, payload)[1:]


def unicast(channel, source, destination, payload):
    return (b"\x05" + gob_single(STRING, gob_string(channel))
            + gob_single(UINT, gob_uint(name_number(source)))
            + gob_single(UINT, gob_uint(name_number(destination)))
            + gob_single(BYTES, gob_bytes(payload)))


def overlay_control(subtag, rest=b"", index=0):
    return bytes([7, index, subtag]) + rest


# ---- topology and addresses ---------------------------------------------------------------------

def connection_to(name, address="", outbound=True, established=True):
    return gob_struct(gob_bytes(name_octets(name)), nonzero(address, gob_string),
                      nonzero(outbound), nonzero(established))


def peer(name, nickname="", uid=0, version=0, connections=()):
    """A peer in a topology; its connections are made by connection_to."""
    return (gob_struct(gob_bytes(name_octets(name)), nonzero(nickname, gob_string), nonzero(uid),
                       nonzero(version)), gob_slice(list(connections)))


def topology(*peers):
    stream = describe_struct(65, "peerSummary", NameByte=BYTES, NickName=STRING, UID=UINT,
                             Version=UINT)
    for index, (summary, connections) in enumerate(peers):
        stream += gob_message(65, summary)
        if index == 0:
            stream += describe_slice(66, 67) + describe_struct(
                67, "connectionSummary", NameByte=BYTES, RemoteTCPAddr=STRING, Outbound=BOOL,
                Established=BOOL)
        stream += gob_single(66, connections)
    return stream


def ring_entry(token, owner, version=0, free=0):
    return gob_struct(nonzero(token), gob_uint(name_number(owner)), nonzero(version),
                      nonzero(free))


def address_state(nicknames=(), ring=None):
    """Gossip of IPAM. `ring`: start, end, entries made by ring_entry, names of seeds."""
    stream = (describe_struct(65, "gossipState", Now=INT, Nicknames=66, Ring=67)
              + describe_map(66, UINT, STRING)
              + describe_struct(67, "Ring", Start=UINT, End=UINT, Peer=UINT, Entries=68, Seeds=70)
              + describe_slice(68, 69)
              + describe_struct(69, "entry", Token=UINT, Peer=UINT, Version=UINT, Free=UINT)
              + describe_slice(70, UINT))
    encoded = None
    if ring:
        start, end, entries, seeds = ring
        encoded = gob_struct(gob_uint(start), gob_uint(end), None, gob_slice(entries),
                             gob_slice([gob_uint(name_number(seed)) for seed in seeds]))
    names = gob_map([(gob_uint(name_number(name)), gob_string(text)) for name, text in nicknames])
    return stream + gob_message(65, gob_struct(None, names, encoded))


def address_range(start, end):
    return describe_struct(65, "Range", Start=UINT, End=UINT) + gob_message(
        65, gob_struct(nonzero(start), nonzero(end)))


# ---- boxes --------------------------------------------------------------------------------------

class Boxes:
    """Both directions of an encrypted connection that this side dialled."""

    def __init__(self, password):
        self.sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
        self.password = password.encode()
        self.private = os.urandom(KEY_BYTES)
        public = ctypes.create_string_buffer(KEY_BYTES)
        self.sodium.crypto_scalarmult_base(public, self.private)
        self.public, self.key, self.sealed, self.opened = public.raw, None, 0, 0

    def agree(self, theirs):
        shared = ctypes.create_string_buffer(KEY_BYTES)
        if self.sodium.crypto_box_beforenm(shared, theirs, self.private) != 0:
            raise ConnectionError("weak key")
        digest = ctypes.create_string_buffer(KEY_BYTES)
        material = shared.raw + self.password
        self.sodium.crypto_hash_sha256(digest, material, ctypes.c_ulonglong(len(material)))
        self.key = digest.raw

    @staticmethod
    def nonce(first, number):
        return bytes([first]) + bytes(15) + struct.pack("!Q", number)

    def seal(self, message):
        box = ctypes.create_string_buffer(len(message) + BOX_OVERHEAD)
        self.sodium.crypto_secretbox_easy(box, message, ctypes.c_ulonglong(len(message)),
                                          self.nonce(0xC0, self.sealed), self.key)
        self.sealed += 1
        return box.raw

    def open(self, box):
        message = ctypes.create_string_buffer(max(len(box) - BOX_OVERHEAD, 1))
        if self.sodium.crypto_secretbox_open_easy(message, box, ctypes.c_ulonglong(len(box)),
                                                  self.nonce(0x40, self.opened), self.key) != 0:
            raise ConnectionError("box does not open")
        self.opened += 1
        return message.raw[:len(box) - BOX_OVERHEAD]


# ---- a peer -------------------------------------------------------------------------------------

class Peer:
    """One connection to a router, dialled and introduced; what comes back is read and dropped.

    `connection_id` may be a function of the router's own id. Raises OSError when the router refuses.
    Members may be called from one thread.
    """

    def __init__(self, address, name, *, nickname="hostile", uid=4711, connection_id=12, version=2,
                 password=None, source=None, patience=10, reads=True, **more):
        self.name, self.version, self.boxes = name, version, None
        self.stream = socket.create_connection((address, PORT), timeout=patience,
                                               source_address=(source, 0) if source else None)
        self.received = b""
        self.remote = self.reader = None
        self.has_ended = threading.Event()
        try:
            self.stream.sendall(header(1, version))
            self.take(7)
            self.introduce({"Name": name, "NickName": nickname, "UID": uid, **more},
                           connection_id, password)
        except BaseException:
            self.stream.close()
            raise
        if reads:
            self.reader = threading.Thread(target=self.drain, daemon=True)
            self.reader.start()

    def take(self, count):
        while len(self.received) < count:
            self.receive()
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def receive(self):
        piece = self.stream.recv(1 << 16)
        if not piece:
            raise ConnectionError("closed")
        self.received += piece

    def introduce(self, mine, connection_id, password):
        if self.version == 1:
            mine |= {"ShortID": None, "Overlays": None}
            while (remote := decode_features(self.received)) is None:
                self.receive()
            self.remote, self.received = remote, b""
            if "PublicKey" in remote:  # any key will do: it proves nothing yet
                mine["PublicKey"] = os.urandom(KEY_BYTES).hex()
            mine["ConnID"] = self.choose(connection_id)
            self.stream.sendall(encode_features(features(**mine)))
            return
        if password:
            self.boxes = Boxes(password)
            self.stream.sendall(b"\x01" + self.boxes.public)
            self.take(1)
            self.boxes.agree(self.take(KEY_BYTES))
        else:
            self.stream.sendall(b"\x00")
            if self.take(1) != b"\x00":
                raise ConnectionError("encrypts")
        message = self.take(struct.unpack("!I", self.take(4))[0])
        self.remote = decode_features(self.boxes.open(message) if password else message)
        mine["ConnID"] = self.choose(connection_id)
        self.send(encode_features(features(**mine)))

    def choose(self, connection_id):
        return connection_id(int(self.remote["ConnID"])) if callable(connection_id) else connection_id

    def send(self, message):
        if self.version == 1:
            self.stream.sendall(gob_single(BYTES, gob_bytes(message)))
        else:
            self.stream.sendall(framed(self.boxes.seal(message) if self.boxes else message))

    def gossip(self, channel, payload):
        self.send(gossip(channel, self.name, payload))

    def unicast(self, channel, destination, payload):
        self.send(unicast(channel, self.name, destination, payload))

    def drain(self):
        try:
            while self.stream.recv(1 << 16):
                pass
        except OSError:
            pass
        self.has_ended.set()

    def close(self):
        """Resets the connection, as the original does: what it sent and nobody read is gone."""
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self.reader:
            with contextlib.suppress(OSError):  # the router was first
                self.stream.shutdown(socket.SHUT_RD)  # wakes the reader
            self.reader.join()
        self.stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- sleeve -------------------------------------------------------------------------------------

def datagram(sender, *records):
    """A datagram in clear; records are (source peer, destination peer, frame)."""
    return name_octets(sender) + b"".join(
        name_octets(source) + name_octets(destination) + struct.pack("!H", len(frame)) + frame
        for source, destination, frame in records)


def heartbeat(connection_uid):
    return bytes(14) + struct.pack("!Q", connection_uid)
