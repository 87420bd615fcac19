#!/usr/bin/env python3
"""Prints tests/interop/vectors/weft-sleeve-keys.txt: the encryption between weft peers, computed
from docs/protocol/sleeve-encryption.md alone. Needs python3-cryptography."""
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DIALLER, ACCEPTOR = bytes.fromhex("7a0102030405"), bytes.fromhex("7a0a0b0c0d0e")
UID = 0x0123456789ABCDEF
CHACHA, AES = 1, 2


def counting_from(first):
    return bytes(range(first, first + 32))


def public(private):
    key = X25519PrivateKey.from_private_bytes(private).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def advance(chain, generation, cipher, dialler_private, acceptor_private):
    theirs = X25519PublicKey.from_public_bytes(public(acceptor_private))
    shared = X25519PrivateKey.from_private_bytes(dialler_private).exchange(theirs)
    info = (b"weft sleeve keys 1" + bytes([cipher]) + generation.to_bytes(4, "big") + DIALLER
            + ACCEPTOR + UID.to_bytes(8, "big") + public(dialler_private) + public(acceptor_private))
    made = HKDF(hashes.SHA256(), 96, chain, info).derive(shared)
    return made[:32], made[32:64], made[64:]


def first_number(key):
    made = HKDF(hashes.SHA256(), 8, None, b"weft sleeve first number 1").derive(key)
    return int.from_bytes(made, "big") % (1 << 51)


def seal(cipher, key, sender, generation, is_df, sequence, records):
    word = (is_df << 63 | (64 + generation % 64) << 56 | sequence).to_bytes(8, "big")
    aead = AESGCM(key) if cipher == AES else ChaCha20Poly1305(key)
    sealed = aead.encrypt(bytes(4) + word, records, None)
    return sender + word + sealed[-16:] + sealed[:-16]


def record(source, destination):
    frame = bytes(14) + UID.to_bytes(8, "big")
    return source + destination + len(frame).to_bytes(2, "big") + frame


def vector(name, octets, meaning):
    print(f"\nname: {name}\nlength: {len(octets)}\nhex:")
    for at in range(0, len(octets), 32):
        print(f"  {octets[at:at + 32].hex()}")
    print(f"meaning: {meaning}")


def main():
    print("# Vectors of the encryption between weft peers, printed by tests/interop/sleeve_keys.py.\n"
          "# The session key is 00 01 .. 1f; 7a:01:02:03:04:05 dialled 7a:0a:0b:0c:0d:0e; the\n"
          "# connection's UID is 0x0123456789abcdef. The records are one heartbeat.")
    chain = counting_from(0)
    for generation, cipher, first in ((1, AES, 0x40), (2, CHACHA, 0x80)):
        mine, theirs = counting_from(first), counting_from(first + 0x20)
        chain, from_dialler, from_acceptor = advance(chain, generation, cipher, mine, theirs)
        number = generation.to_bytes(4, "big")
        name = f"generation-{generation}"
        vector(f"{name}-offer", bytes([CHACHA | cipher]) + number + public(mine),
               f"Body of sub-tag 4: both ciphers or ChaCha20-Poly1305 alone; the private key is {first:#04x}, ...")
        vector(f"{name}-answer", bytes([cipher]) + number + public(theirs),
               f"Body of sub-tag 5; the private key is {first + 0x20:#04x}, ...")
        vector(f"{name}-in-use", number, "Body of sub-tag 6.")
        vector(f"{name}-chain", chain, "What the next generation is made of.")
        vector(f"{name}-from-dialler", from_dialler, "Key of the direction.")
        vector(f"{name}-from-acceptor", from_acceptor, "Key of the direction.")
        vector(f"{name}-datagram-from-dialler",
               seal(cipher, from_dialler, DIALLER, generation, 1, first_number(from_dialler),
                    record(DIALLER, ACCEPTOR)),
               "The first with DF.")
        vector(f"{name}-datagram-from-acceptor",
               seal(cipher, from_acceptor, ACCEPTOR, generation, 0, first_number(from_acceptor) + 1,
                    record(ACCEPTOR, DIALLER)),
               "The second without DF.")


main()
