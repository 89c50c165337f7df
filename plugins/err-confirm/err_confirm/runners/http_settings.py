"""Say what a file may say of a request, and refuse there already what must never be sent."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import AfterValidator, Field, model_validator

from err_confirm.errors import StartError
from err_confirm.file_keys import Keys
from err_confirm.outgoing.destination import as_address, is_listed, read_host, read_url, refusal
from err_confirm.runners.processes.environment import check_secret
from err_confirm.runners.processes.settings import LimitSettings

_FIXED_HOST = re.compile(r"https?://[^/?#\\{]+(?:[/?]|$)")
"""How a URL begins whose host no template can change: all of the host, and what ends it."""
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "te", "trailer", "upgrade"})
_SECRET_WORDS = frozenset({"token", "key", "password", "passwd", "pwd", "secret", "signature", "sig", "apikey", "auth"})
_MASK = "***"
BODILESS = frozenset({"GET", "HEAD"})


def fixed_part(url: str) -> str | None:
    """Return what no template can change of a URL, with all of its host; None if one can change that, too."""
    match = _FIXED_HOST.match(url)
    return url if "{" not in url else match and match[0]


def check_destination(url: str, hosts: Sequence[str]) -> None:
    """Raise ValueError if a request must not go there, as far as that can be told without a look at the network."""
    try:
        host = read_url(url).host
    except ValueError as error:
        raise ValueError(f"the url cannot be used: {error}") from None
    if hosts and not is_listed(host, hosts):
        raise ValueError(f"{host} is none of the hosts {', '.join(hosts)}")
    address = as_address(host)
    if address and (why := refusal(host, address, hosts)):
        raise ValueError(why)


def is_header_text(value: str) -> bool:
    """Tell whether a header can have this value: visible ASCII characters, blanks and tabs."""
    return value.isascii() and value.replace("\t", " ").isprintable()


def check_header(name: str, secret: str) -> None:
    """Raise StartError, which does not show it, if a header cannot have a secret as its value."""
    if not is_header_text(secret):
        raise StartError(f"the secret for the header {name} has characters that no header can have")


def names_secret(name: str) -> bool:
    """Tell whether a value of this name is probably secret: `api_key`, `X-Token`, `accessToken`."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)
    return any(word.lower() in _SECRET_WORDS for word in words)


def secret_pairs(url: str) -> list[str]:
    """Return each `name=value` in a URL's query that is fixed in the file and probably secret."""
    pairs = url.partition("?")[2].split("&")
    return [pair for pair in pairs if "{" not in pair and names_secret(unquote(pair.partition("=")[0]))]


def masked(url: str, pairs: Sequence[str]) -> str:
    """Return a URL in whose query the values of these pairs cannot be read."""
    for pair in pairs:
        url = re.sub(rf"(?<=[?&]){re.escape(pair)}(?=&|$)", f"{pair.partition('=')[0]}={_MASK}", url)
    return url


def read_hosts(hosts: list[str]) -> list[str]:
    """Return a list of hosts as they are compared. Raises ValueError."""
    return [f"*.{read_host(host[2:])}" if host.startswith("*.") else read_host(host) for host in hosts]


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or name.lower() in _OURS:
            raise ValueError(f'"{name}" is no header that a file can set')
        check_secret(name, value)
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("a header is there twice")
    return headers


def _check_query(query: dict[str, str]) -> dict[str, str]:
    for name, value in query.items():
        check_secret(name, value)
    return query


class HttpRequest(Keys):
    """What stands under `http:`."""

    url: str = Field(description="where it goes, a template; http or https")
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = Field(
        default="GET", description="what it asks for"
    )
    query: Annotated[dict[str, str], AfterValidator(_check_query)] = Field(
        default={}, description="what is added behind the ? of the URL: templates, or secrets"
    )
    headers: Annotated[dict[str, str], AfterValidator(_check_headers)] = Field(
        default={}, description="headers: templates, or secrets as env:NAME or file:PATH"
    )
    json_: Any = Field(default=None, alias="json", description="a body as JSON; each text in it is a template")
    body: str | None = Field(default=None, description="a body as text, a template")
    expect: list[Annotated[int, Field(ge=100, le=599)]] = Field(
        default=[], description="the statuses that are a success; without it all from 200 to 299"
    )
    hosts: Annotated[list[str], AfterValidator(read_hosts)] = Field(
        default=[], description="the only hosts it may go to, or *.example.com; needed for inner ones and from chat"
    )
    ca: str = Field(default="", description="a file of certificates to trust instead of the system's")

    @property
    def has_json(self) -> bool:
        """Whether there is a body in JSON, `null` included."""
        return "json_" in self.model_fields_set

    @model_validator(mode="after")
    def _can_be_sent(self) -> "HttpRequest":
        if self.has_json and self.body is not None:
            raise ValueError("has both json and body; keep one of them")
        if self.method in BODILESS and (self.has_json or self.body is not None):
            raise ValueError(f"a {self.method} has no body; say which method, such as POST")
        fixed = fixed_part(self.url)
        if fixed is None and not self.hosts:
            raise ValueError("the host of url comes from a template; list under hosts where it may go")
        if fixed is not None:
            check_destination(fixed, self.hosts)
        return self


class HttpSettings(LimitSettings):
    """What stands under `run:`."""

    http: HttpRequest = Field(description="the one request that is sent")
