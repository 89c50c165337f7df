"""Send one HTTP request: to the host that was checked, from a process of its own."""

import os
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from pydantic import BaseModel

from err_confirm.errors import TemplateError
from err_confirm.model.files import Action
from err_confirm.model.runs import Invocation
from err_confirm.runners.base import Context, Render, Running, to_text
from err_confirm.runners.http_settings import (
    HttpSettings,
    check_destination,
    check_header,
    is_header_text,
    masked,
    secret_pairs,
)
from err_confirm.runners.json_values import to_json, with_texts
from err_confirm.runners.processes.child import child
from err_confirm.runners.processes.environment import render_setting, resolve_setting
from err_confirm.text.visible import exact, exact_json

_TOLD = {"CONFIRM_ID": "Confirm-Id", "CONFIRM_FENCE": "Confirm-Fence"}
"""What the other side is told of the execution, so that it can refuse a second request for one."""
SHORTEST_SECRET = 6
"""Characters of a secret that is looked for in an answer."""


class HttpRunner:
    """Sends a request; the body of the answer is the output."""

    key = "http"
    Settings: type[BaseModel] = HttpSettings

    def render(self, action: Action, render: Render, parameters: Mapping[str, Any]) -> Invocation:
        """Return the exact request. Raises TemplateError."""
        settings = HttpSettings.model_validate(dict(action.run))
        request = settings.http
        url = to_text(render(request.url), "url")
        query = {name: render_setting(f"query {name}", value, action, render) for name, value in request.query.items()}
        try:
            check_destination(url, request.hosts)
        except ValueError as error:
            raise TemplateError(str(error)) from error
        headers = {
            name: render_setting(f"header {name}", value, action, render) for name, value in request.headers.items()
        }
        for name, value in headers.items():
            if isinstance(value, str) and not is_header_text(value):
                raise TemplateError(f"the header {name} can only have visible ASCII characters and blanks")
        body = None
        if request.has_json:
            body = to_json(with_texts(request.json_, render))
            if "content-type" not in {name.lower() for name in headers}:
                headers["Content-Type"] = "application/json"
        elif request.body is not None:
            body = to_text(render(request.body), "body")
        return Invocation(
            runner=self.key,
            spec={
                "method": request.method,
                "url": url,
                "query": query,
                "hidden": secret_pairs(request.url),
                "headers": headers,
                "body": body,
                "json": request.has_json,
                "expect": list(request.expect),
                "hosts": list(request.hosts),
                "ca": os.path.abspath(action.base / request.ca) if request.ca else "",
                "timeout": settings.timeout,
                "output_cap": settings.output_cap,
            },
        )

    def describe(self, invocation: Invocation) -> str:
        """Return the request: where it goes, its headers and its body; a secret stands in `<>` as its reference."""
        spec = invocation.spec
        url = _with_query(masked(spec["url"], spec["hidden"]), spec["query"])
        parts = [f"{name}: {_shown(value)}" for name, value in spec["headers"].items()]
        if spec["body"] is not None:
            parts.append(exact(spec["body"]) if spec["json"] else exact_json(spec["body"]))
        return f"{spec['method']} {exact(url)}" + (f" with {', '.join(parts)}" if parts else "")

    def start(self, invocation: Invocation, context: Context) -> Running:
        """Start it. Raises StartError."""
        spec = invocation.spec
        headers = {header: context.told[name] for name, header in _TOLD.items() if name in context.told}
        headers |= {name: resolve_setting(name, value) for name, value in spec["headers"].items()}
        for name, value in headers.items():
            check_header(name, value)
        query = {name: resolve_setting(name, value) for name, value in spec["query"].items()}
        told = {key: spec[key] for key in ("method", "body", "expect", "hosts", "ca")}
        settings = [(headers, spec["headers"]), (query, spec["query"])]
        secrets = [found[name] for found, given in settings for name in given if not isinstance(given[name], str)]
        secrets += [unquote(pair.partition("=")[2]) for pair in spec["hidden"]]
        return child(
            "http_child.py",
            {
                **told,
                "url": _with_query(spec["url"], query),
                "headers": headers,
                "most": spec["output_cap"],
                "secrets": _readable(secrets),
            },
            spec,
            context,
        )


def _readable(secrets: Iterable[str]) -> list[str]:
    """Return all that must not be read in an answer, the longest first: some servers say what they were sent.

    Of `Bearer x`, that is `x`, too. What is very short is no secret, and may be any word.
    """
    parts = {part for secret in secrets for part in (secret, secret.partition(" ")[2], quote(secret, safe=""))}
    return sorted((part for part in parts if len(part) >= SHORTEST_SECRET), key=len, reverse=True)


def _with_query(url: str, query: Mapping[str, str | Mapping[str, str]]) -> str:
    """Return a URL with more behind its `?`; a secret stands there in `<>` as its reference."""
    pairs = [
        f"{quote(name, safe='')}={quote(value, safe='') if isinstance(value, str) else _shown(value)}"
        for name, value in query.items()
    ]
    return f"{url}{'&' if '?' in url else '?'}{'&'.join(pairs)}" if pairs else url


def _shown(value: str | Mapping[str, str]) -> str:
    return exact_json(value) if isinstance(value, str) else f"<{exact(value['secret'])}>"
