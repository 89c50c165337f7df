"""Say where a URL leads, in the one way in which all can read it, and whether a request may go there.

The grammar is RFC 3986's, made narrower: what one program may read otherwise than another is no URL here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote

Address = IPv4Address | IPv6Address

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?]*)?(?P<query>\?.*)?"
)
_CHARACTERS = re.compile(r"(?:[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
"""What may stand in a URL without a fragment, which is never sent."""
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
"""What makes the last part of a name a part of an address: `0x7f.1` and `2130706433` are ones, too."""
_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65_535

_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_INNER = (IPv4Network("192.0.0.0/24"), IPv6Network("fec0::/10"), IPv6Network("64:ff9b:1::/48"))
"""Inner networks that Python takes for public ones: of protocols (a cloud has its metadata there), of a site, NAT64."""
_METADATA = frozenset(
    {IPv4Address("168.63.129.16"), IPv4Address("100.100.100.200"), IPv6Address("fd20:ce::254")}
    | {IPv6Address("fd00:ec2::254"), IPv6Address("fd00:ec2::23"), IPv6Address("fd00:c1::a9fe:a9fe")}
)
"""Where clouds tell their machines secrets, besides the link-local addresses."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a URL leads: `host` is a name in lower case or an address without brackets, `target` begins with `/`."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """What the header `Host` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_url(url: str) -> Destination:
    """Return where a URL leads. Raises ValueError if it is none, or if others may read it otherwise."""
    match = _URL.fullmatch(url)
    if match is None or not _CHARACTERS.fullmatch(url):
        raise ValueError(_why(url))
    port = int(match["port"]) if match["port"] else _PORTS[match["scheme"]]
    if not 0 < port <= _HIGHEST_PORT:
        raise ValueError(f"{port} is no port")
    path = match["path"] or "/"
    # Some servers decode twice, and some take what follows a ; in a part for a parameter of that part.
    if any(part.partition(";")[0] in (".", "..") for part in re.split(r"[/\\]", unquote(unquote(path)))):
        raise ValueError("its path goes up; say the path that is meant")
    return Destination(match["scheme"], read_host(match["host"]), port, path + (match["query"] or ""))


def read_host(host: str) -> str:
    """Return a name in lower case, or an address as it is usually written. Raises ValueError if it is neither."""
    bare = host[1:-1] if host.startswith("[") else host
    if ":" in bare or _NUMBER.fullmatch(bare.rpartition(".")[2]):
        try:
            return str(ip_address(bare))
        except ValueError:
            raise ValueError(f"{host} is an unusual way to write an address; write it as four numbers") from None
    if not all(_LABEL.fullmatch(label) for label in bare.split(".")):
        raise ValueError(f"{host} is no name of a host")
    return bare.lower()


def as_address(host: str) -> Address | None:
    """Return the address that a host is, None if it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_listed(host: str, hosts: Sequence[str]) -> bool:
    """Tell whether a host is one of a list, or below one of `*.example.com` in it."""
    return host in hosts or any(each.startswith("*.") and host.endswith(each[1:]) for each in hosts)


def refusal(host: str, address: Address, hosts: Sequence[str]) -> str:
    """Return why no request may go to the address that a host has, nothing if it may.

    Inner addresses are for hosts that are listed by their full names; those that are inside every machine or cloud are
    for who lists the address itself.
    """
    if str(address) in hosts:
        return ""
    plain, shown = _embedded(address), f"{host} is" if host == str(address) else f"{host} is {address},"
    if plain.is_link_local or plain.is_multicast or plain.is_unspecified or plain in _METADATA:
        return f"{shown} an address for the machine or the network itself; list the address under hosts to allow it"
    if plain.is_global and not plain.is_reserved and not any(plain in network for network in _INNER):
        return ""
    return "" if host in hosts else f"{shown} an inner address; list {host} under hosts to allow it"


def _embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address only carries, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour or address
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _why(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        return "it must begin with http:// or https://"
    authority = re.split(r"[/?#]", url.partition("://")[2])[0]
    if "@" in authority:
        return "it names a user; give what proves who you are as a header, such as Authorization"
    if "#" in url:
        return "what follows # is never sent; leave it out"
    if bad := next((char for char in url if not _CHARACTERS.fullmatch(char) and char != "%"), ""):
        return f"a URL has no U+{ord(bad):04X}; use the filter urlencode for a value"
    return "it is no URL that all read alike; write it as https://host/path"
