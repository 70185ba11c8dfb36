"""Which addresses may be reached when a stranger names the host, by a certificate, DNS, a subscription (SSRF)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")
"""The global unicast addresses of IPv6 (RFC 4291, 2.5.4, as IANA assigns them): all else leads into some network."""


class Guard:
    """Admits public addresses, and of the others those in `networks`."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._networks = tuple(networks)

    def admits(self, address: str) -> bool:
        """Whether a connection to the IP `address` may be made; an IPv4 address within an IPv6 one counts as itself."""
        try:
            found = _innermost(ip_address(address))
        except ValueError:
            return False
        if any(found in network for network in self._networks):
            return True
        is_assigned = isinstance(found, IPv4Address) or found in _UNICAST
        return is_assigned and found.is_global and not found.is_multicast


def _innermost(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if not isinstance(address, IPv6Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address
