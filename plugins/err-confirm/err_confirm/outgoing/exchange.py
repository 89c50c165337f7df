"""Send one request to the address that was checked, and read so much of the answer.

A name is resolved once; no other address is ever asked, no redirect followed, no proxy used.
"""

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import chain

from err_confirm.outgoing.destination import Destination, is_listed, read_url, refusal

_CHUNK = 16_384
CONNECT_WITHIN = 10.0
"""Seconds until another address of the same host is tried."""

Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent; `hosts` are those that are allowed besides the public ones, or all, if the URL is not fixed.

    `ca` is the file of the certificates that are trusted, empty for those of the system.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    hosts: Sequence[str] = ()
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `chunks` gives the body while it is read, and may be left early."""

    status: int
    reason: str
    location: str
    chunks: Iterator[bytes]

    def read(self, most: int) -> bytes:
        """Return the body up to so many bytes."""
        kept = b""
        for chunk in self.chunks:
            kept += chunk
            if len(kept) >= most:
                break
        return kept[:most]


def resolved(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def exchange(request: Request, *, timeout: float | None = None, resolve: Resolve = resolved) -> Answer:
    """Send a request and return the beginning of its answer.

    Args:
        request: what to send.
        timeout: seconds that each read and write may take, None for any.
        resolve: gives the addresses of a host.

    Raises:
        ValueError: it may not be sent; nothing was.
        OSError: the connection failed, which may have been after it was sent.
        http.client.HTTPException: what came back is no answer.
    """
    destination = read_url(request.url)
    if request.hosts and not is_listed(destination.host, request.hosts):
        raise ValueError(f"{destination.host} is none of the hosts {', '.join(request.hosts)}")
    addresses = resolve(destination.host, destination.port)
    for address in addresses:
        if why := refusal(destination.host, ip_address(address.partition("%")[0]), request.hosts):
            raise ValueError(why)
    connection = http.client.HTTPConnection(destination.host, destination.port, timeout=timeout)
    connection.sock = _connected(destination, addresses, request.ca, timeout)
    _send(connection, destination, request)
    response = connection.getresponse()
    chunks = iter(lambda: response.read1(_CHUNK), b"")
    whole = chain(chunks, _end(connection, response))
    return Answer(response.status, response.reason, response.headers.get("Location", ""), whole)


def _end(connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Close, and raise IncompleteRead if the body was shorter than was promised: `read1` does neither."""
    missing = response.length
    response.close()
    connection.close()
    if missing:
        raise http.client.IncompleteRead(b"", missing)
    yield from ()


def _send(connection: http.client.HTTPConnection, destination: Destination, request: Request) -> None:
    headers = {
        "Host": destination.authority,
        "User-Agent": "err-confirm",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    own = {name.lower() for name in request.headers}
    headers = {name: value for name, value in headers.items() if name.lower() not in own}
    if request.body is not None or request.method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = str(len(request.body or b""))
    connection.putrequest(request.method, destination.target, skip_host=True, skip_accept_encoding=True)
    for name, value in {**headers, **request.headers}.items():
        connection.putheader(name, value)
    connection.endheaders(request.body)


def _connected(destination: Destination, addresses: Sequence[str], ca: str, timeout: float | None) -> socket.socket:
    """Return a connection to the first of these addresses that answers; the certificate must be the host's."""
    failure = OSError(f"{destination.host} has no address")
    for address in addresses:
        try:
            plain = socket.create_connection((address, destination.port), timeout=timeout or CONNECT_WITHIN)
        except OSError as error:
            failure = error
            continue
        plain.settimeout(timeout)
        if destination.scheme == "http":
            return plain
        context = ssl.create_default_context(cafile=ca or None)
        return context.wrap_socket(plain, server_hostname=destination.host)
    raise failure
