"""Start an action of StackStorm, follow it to its end, and cancel it there when we are asked to end.

The protocol is that of StackStorm's API v1 (st2api/controllers/v1/actionexecutions.py): POST and DELETE of executions,
and the states in st2common/constants/action.py in which nothing more becomes of one.
"""

import http.client
import json
import signal
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # nobody else has said where to find us
    sys.path.append(str(Path(__file__).parents[2]))

from err_confirm.outgoing.exchange import Request, exchange

_ENDED = frozenset({"succeeded", "failed", "timeout", "abandoned", "canceled"})
_FIRST_LOOK, _LONGEST_PAUSE = 0.1, 2.0
"""Seconds between two looks, which become more each time."""
_WITHIN = 30.0
_CANCEL_WITHIN = 1.5
"""Seconds that an answer may take; less, when we are about to be killed."""
_LARGEST = 16_777_216
"""The most bytes of an answer that are read."""
_MOST_LOOKS_WITHOUT_ANSWER = 30


class Api:
    """What StackStorm is asked."""

    def __init__(self, url: str, key: str, **how: Any) -> None:
        self._url = url
        self._headers = {"St2-Api-Key": key}
        self._how = how

    def ask(self, method: str, path: str, body: Any = None, within: float = _WITHIN) -> tuple[int, dict[str, Any]]:
        """Return status and JSON of an answer. Raises what `exchange` does."""
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = Request(method=method, url=f"{self._url}{path}", headers=headers, body=content, **self._how)
        answer = exchange(request, timeout=within)
        text = answer.read(_LARGEST)
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = {}
        return answer.status, said if isinstance(said, dict) else {}


def main() -> None:
    """Print the result as JSON; end with 1 and the state of what has not succeeded."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # looked at between two requests only
    told = json.load(sys.stdin)
    api = Api(told["url"], told["key"], hosts=told["hosts"], ca=told["ca"])
    _follow(api, _started(api, told["action"], told["parameters"], told["tag"]))


def _started(api: Api, action: str, parameters: dict[str, Any], tag: str) -> str:
    """Return the id of a new execution, or end."""
    context = {"trace_context": {"trace_tag": tag}} if tag else {}
    wanted = {"action": action, "parameters": parameters, "context": context}
    try:
        status, said = api.ask("POST", "/v1/executions", wanted)
    except (ValueError, ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError) as error:
        sys.exit(f"nothing was sent: {error}")
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"StackStorm gave no answer, so {action} may run there: {error or type(error).__name__}")
    if status not in (200, 201, 202) or "id" not in said:
        sys.exit(f"StackStorm did not start {action}: HTTP {status} {said.get('faultstring', '')}".rstrip())
    return str(said["id"])


def _follow(api: Api, execution: str) -> None:
    pause, unanswered = _FIRST_LOOK, 0
    while True:
        if signal.sigtimedwait({signal.SIGTERM}, pause):
            _cancel(api, execution)
        try:
            status, said = api.ask("GET", f"/v1/executions/{execution}")
        except (ValueError, OSError, http.client.HTTPException):
            status, said = 0, {}
        if status == 200 and said.get("status") in _ENDED:
            _end(execution, said)
        unanswered = 0 if status == 200 else unanswered + 1
        if unanswered > _MOST_LOOKS_WITHOUT_ANSWER or 400 <= status < 500:
            why = f"HTTP {status}" if status else "no answer"
            sys.exit(f"the execution {execution} of StackStorm cannot be followed ({why}); it may go on there")
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _end(execution: str, said: dict[str, Any]) -> None:
    result = json.dumps(said.get("result"), ensure_ascii=False)
    if said["status"] == "succeeded":
        print(result)
        sys.exit()
    print(f"{said['status']} in StackStorm, execution {execution}")
    sys.exit(f"{result}")


def _cancel(api: Api, execution: str) -> None:
    """Cancel it and wait until it is; we are killed if that takes too long."""
    print(f"canceling the execution {execution} of StackStorm", flush=True)
    said: dict[str, Any] = {}
    try:
        api.ask("DELETE", f"/v1/executions/{execution}", within=_CANCEL_WITHIN)
        while said.get("status") not in _ENDED:
            signal.sigtimedwait({signal.SIGTERM}, _FIRST_LOOK)
            _, said = api.ask("GET", f"/v1/executions/{execution}", within=_CANCEL_WITHIN)
    except (ValueError, OSError, http.client.HTTPException) as error:
        sys.exit(f"that failed, so it may go on there: {error or type(error).__name__}")
    sys.exit(f"it has {'ended as ' if said['status'] != 'canceled' else 'been '}{said['status']}")


if __name__ == "__main__":
    main()
