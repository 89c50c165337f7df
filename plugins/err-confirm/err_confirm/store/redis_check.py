"""Judge a Redis server by what it says of itself, and the way to it by what the URL says."""

import ipaddress
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from err_confirm.health import Finding, error, warning, well

OLDEST = (6, 2)
"""The first version that has PXAT, with which keys are written (https://redis.io/docs/latest/commands/set)."""

_LOST = "a server that evicts or forgets makes what was confirmed and what has run unknown"


def keeping(info: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield how well a server keeps what it is given.

    Args:
        info: its answer to INFO, or what of it may be seen.
    """
    policy = info.get("maxmemory_policy")
    if policy is None:
        yield warning("maxmemory-policy cannot be seen", "see to it where the server is set up: noeviction")
    elif policy == "noeviction":
        yield well("maxmemory-policy is noeviction")
    else:
        yield error(f"maxmemory-policy is {policy}: {_LOST}", "set maxmemory-policy noeviction in redis.conf")
    persistent = info.get("aof_enabled")
    if persistent is None:
        yield warning("whether there is an AOF cannot be seen", "see to it where the server is set up: appendonly yes")
    elif persistent:
        yield well("its AOF is on")
    else:
        yield error(f"its AOF is off: {_LOST}", "set appendonly yes in redis.conf")


def serving(info: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield whether a server is one that can be used: version and role."""
    version = str(info.get("redis_version", ""))
    numbers = tuple(int(number) for number in version.split(".")[:2] if number.isdigit())
    if not numbers:
        yield warning("the version of Redis cannot be seen", "see to it that it is 6.2 or newer")
    elif numbers < OLDEST:
        yield error(f"this is Redis {version}", "use Redis 6.2 or newer")
    else:
        yield well(f"this is Redis {version}")
    if info.get("role") == "slave":
        yield error("this server is a replica, which takes no writes", "name its primary in CONFIRM_STORE")


def access(options: Mapping[str, Any], encrypted: bool, anybody: bool) -> Iterator[Finding]:
    """Yield who else can reach a server, and listen.

    Args:
        options: those of the connection, as redis-py names them.
        encrypted: whether the connection is by TLS.
        anybody: whether the server takes commands from who has given no password.
    """
    if "path" in options or _is_loopback(str(options.get("host"))):
        yield well("it is reached on this machine only")
        return
    if anybody:
        yield error(
            "it is reached by network and takes commands without a password: whoever can reach it can read and write",
            "set requirepass or an ACL, and write redis://:password@host",
        )
    else:
        yield well("it asks for a password")
    if not encrypted:
        yield error("it is reached by network without TLS", "set tls-port, and write rediss://")
    elif str(options.get("ssl_cert_reqs", "required")).lower() not in ("required", "2", "verifymode.cert_required"):
        yield error("its certificate is not checked", "take ssl_cert_reqs from CONFIRM_STORE")
    else:
        yield well("it is reached by TLS, and its certificate is checked")


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return all(ipaddress.ip_address(address[4][0]).is_loopback for address in found)
