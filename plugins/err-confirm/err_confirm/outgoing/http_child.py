"""Send the one request that is read from standard input, and print what comes back; runs alone, in a process."""

import http.client
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

if __name__ == "__main__":  # nobody else has said where to find us
    sys.path.append(str(Path(__file__).parents[2]))

from err_confirm.outgoing.exchange import Answer, Request, exchange

_LINES, _BYTES = 8, 2_048
"""How much is shown of an answer that is none of those that were expected."""
_LONGEST = 8_192
"""Bytes behind that in which a secret can end that begins there."""


def main() -> None:
    """Print the body of an answer that was expected; end with 1 and the beginning of any other."""
    told = json.load(sys.stdin)
    most, expect = told.pop("most"), told.pop("expect")
    body, secrets = told.pop("body"), [secret.encode() for secret in told.pop("secrets")]
    try:
        answer = exchange(Request(**told, body=None if body is None else body.encode()))
        if not _is_expected(answer, expect):
            _say_other(answer, secrets)
        _print(answer, most, secrets)
    except ValueError as error:
        sys.exit(f"nothing was sent: {error}")
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"no answer: {error or type(error).__name__}")


def _is_expected(answer: Answer, expect: list[int]) -> bool:
    return answer.status in expect if expect else 200 <= answer.status < 300


def _say_other(answer: Answer, secrets: Sequence[bytes]) -> None:
    leads = f", it points to {answer.location}, where nobody goes" if answer.location else ""
    first = b"".join([f"HTTP {answer.status} {answer.reason}{leads}\n".encode(), answer.read(_BYTES + _LONGEST)])
    shown = _masked(first, secrets)[:_BYTES].decode(errors="replace").splitlines()
    sys.exit("\n".join(shown[: _LINES + 1]))


def _print(answer: Answer, most: int, secrets: Sequence[bytes]) -> None:
    """Print a body as it comes, up to so many bytes."""
    left = most
    for chunk in without(_whole(answer), secrets):
        sys.stdout.buffer.write(chunk[:left])
        left -= len(chunk)
        if left < 0:
            sys.stdout.buffer.write(f"\n... more than {most:,} bytes came, and the rest was not read".encode())
            break


def without(chunks: Iterator[bytes], secrets: Sequence[bytes]) -> Iterator[bytes]:
    """Yield a body in which no secret can be read that the request had, also where it comes in two pieces."""
    held, kept = max(map(len, secrets), default=1) - 1, b""
    try:
        for chunk in chunks:
            kept = _masked(kept + chunk, secrets)
            end = max(0, len(kept) - held)  # behind that, a secret may have begun
            yield kept[:end]
            kept = kept[end:]
    except SystemExit:  # it broke off
        yield kept
        raise
    yield kept


def _masked(text: bytes, secrets: Sequence[bytes]) -> bytes:
    for secret in secrets:
        text = text.replace(secret, b"***")
    return text


def _whole(answer: Answer) -> Iterator[bytes]:
    """Yield a body, or end where it breaks off."""
    try:
        yield from answer.chunks
    except (OSError, http.client.HTTPException):
        sys.exit("\n... the answer broke off here")


if __name__ == "__main__":
    main()
