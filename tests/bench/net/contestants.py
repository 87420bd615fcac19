"""Who takes part, by the names of the report."""
from peers import Fastd, FastdCipher, Nebula, OpenVpn, Raw, Tinc, Vxlan, WireguardGo
from sleeve import (FromOriginal, FromOriginalEncrypted, Originals, OriginalsEncrypted, Sleeve, SleeveEncrypted,
                    SleeveRelay, ToOriginal, ToOriginalEncrypted)

LIMITS = {"raw": Raw, "vxlan": Vxlan}  # what the kernel reaches without and with an overlay
PEERS = {"fastd": Fastd, "fastd-cipher": FastdCipher, "nebula": Nebula, "tinc": Tinc, "wireguard-go": WireguardGo,
         "openvpn": OpenVpn}
OURS = {"sleeve": Sleeve, "sleeve-encrypted": SleeveEncrypted, "sleeve-relay": SleeveRelay}
ORIGINALS = {"original": Originals, "original-encrypted": OriginalsEncrypted}
MIXED = {"mixed-to-original": ToOriginal, "mixed-to-original-encrypted": ToOriginalEncrypted,
         "mixed-from-original": FromOriginal, "mixed-from-original-encrypted": FromOriginalEncrypted}
NO_OFFLOAD = "-nooffload"  # suffix of those whose underlay has its offloads switched off


def chosen(peers, with_original):
    """Names of all that take part in a run, with and without the suffix, and their classes."""
    kinds = {**LIMITS, **{name: PEERS[name] for name in peers}, **OURS}
    if with_original:
        kinds |= {**ORIGINALS, **MIXED}
    return {name + suffix: kind for suffix in ("", NO_OFFLOAD) for name, kind in kinds.items()}
