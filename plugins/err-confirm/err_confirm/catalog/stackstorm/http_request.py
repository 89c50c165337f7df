"""Make a request of the runner http-request."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from err_confirm.catalog.risks import is_bounded
from err_confirm.catalog.stackstorm.metadata import MetadataFile
from err_confirm.catalog.stackstorm.not_run import NotRunError
from err_confirm.catalog.stackstorm.settings import is_fixed, needed, timeout, value
from err_confirm.errors import TemplateError
from err_confirm.templating import names

OWN = frozenset(
    {"allow_redirects", "cookies", "headers", "http_proxy", "https_proxy", "password", "url", "username", "timeout"}
    | {"verify_ssl_cert", "url_hosts_blacklist", "url_hosts_whitelist", "method", "body", "params", "auth"}
    | {"file_name", "file_content", "file_content_type"}
)
"""The parameters of the runner, and those that it looks for among the action's."""
_NOT_THERE = (
    *("cookies", "http_proxy", "https_proxy", "password", "username", "url_hosts_blacklist", "auth"),
    *("file_name", "file_content", "allow_redirects"),
)
_SUCCESS = list(range(200, 207))


def request(file: MetadataFile, _: Path) -> dict[str, Any]:
    """Return what stands under `run:` for a request. Raises NotRunError."""
    for name in _NOT_THERE:
        if value(file, name):
            raise NotRunError(
                ("parameters", name), f'"{name}" is not supported; write an action file with run: {{http: …}}'
            )
    if value(file, "verify_ssl_cert", True) is not True:
        raise NotRunError(("parameters", "verify_ssl_cert"), "certificates are always checked here")
    url, body = needed(file, "url"), value(file, "body")
    _check_url(file, url)
    made: dict[str, Any] = {"url": url, "method": value(file, "method", "GET" if body in (None, "") else "POST")}
    made |= {
        key: _texts(file, name) for key, name in (("headers", "headers"), ("query", "params")) if value(file, name)
    }
    if body not in (None, ""):
        made |= _body(body, made.get("headers", {}))
    hosts = value(file, "url_hosts_whitelist")
    host = urlsplit(url).hostname
    return {"http": {**made, "expect": _SUCCESS, "hosts": hosts or [host]}, "timeout": timeout(file, 60)}


def _check_url(file: MetadataFile, url: str) -> None:
    """Refuse a URL that chat could bend: by its host, or by anything else but numbers and what a file lists."""
    where = ("parameters", "url", "default")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_fixed(f"{parts.scheme}{parts.netloc}"):
        raise NotRunError(
            where, "the host of its url is not fixed; write an action file with run: {http: {hosts: […]}}"
        )
    try:
        read = names(url)
    except TemplateError as error:
        raise NotRunError(where, str(error)) from error
    for name in sorted(read & file.parameters.keys()):
        parameter = file.parameters[name]
        if not (is_bounded(parameter) or parameter.immutable):
            raise NotRunError(
                where, f'"{name}" is a part of its url; give it an enum or a pattern, or put it into params'
            )


def _texts(file: MetadataFile, name: str) -> dict[str, str]:
    given = value(file, name)
    if not isinstance(given, dict):
        raise NotRunError(("parameters", name, "default"), f"its {name} are no mapping of names and texts")
    return {key: item if isinstance(item, str) else json.dumps(item) for key, item in given.items()}


def _body(body: Any, headers: dict[str, str]) -> dict[str, Any]:
    """Return the body; JSON with templates in it is read first, so that no value can change more than its own text."""
    if not isinstance(body, str):
        return {"json": body}
    kind = next((text for name, text in headers.items() if name.lower() == "content-type"), "")
    if kind.partition(";")[0].strip() != "application/json":
        return {"body": body}
    try:
        return {"json": json.loads(body)}
    except ValueError as error:
        why = "its body is no JSON before its templates are filled in; put these into texts, or write an action file"
        raise NotRunError(("parameters", "body", "default"), why) from error
