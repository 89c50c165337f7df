"""A value from chat is one argument, byte for byte, and starts nothing."""

import json

import pytest

from err_confirm.errors import StartError

ECHO = """
import json, os, sys

def session(pid):
    try:
        return os.getsid(int(pid))
    except ProcessLookupError:
        return None

arguments = [os.fsencode(argument).hex() for argument in sys.argv[1:]]
mine = [pid for pid in os.listdir("/proc") if pid.isdigit() and session(pid) == os.getsid(0)]
print(json.dumps([arguments, len(mine), os.listdir()]))
"""

FIRST = ["", "h1 ", "'", '"', "\\", "--x="]
THEN = [
    "; touch M",
    "&& touch M",
    "|| touch M",
    "| touch M",
    "& touch M &",
    "`touch M`",
    "$(touch M)",
    "${IFS}touch${IFS}M",
    "> M",
    ">> M",
    "<(touch M)",
    "\ntouch M\n",
    "\r\ntouch M",
    "'; touch M; '",
    '"; touch M; "',
    "$'\\x3btouch M'",
    "{touch,M}",
    "%0atouch M",
]
ALONE = [
    *("-", "--", "-x", "--version", "--help", "-oProxyCommand=touch M", "--exec=touch M", "-c", "-e touch M", "@M"),
    *("*", "?", "[a-z]*", "~", "~root", "~/", "$HOME", "$PATH", "$$", "$?", "!!", "!1", "^a^b", "#", "# x", "{a,b}"),
    *("a b", " a", "a ", "  ", "\t", "\n", "\r", "\x01", "\x1b[2J", "\x7f", "\\", "\\\\", "\\n", "a\\", "'", '"', "''"),
    *("{{ v }}", "{{ 7 * 7 }}", "{% raw %}", "{# #}", "%s%n", "%(x)s", "{0}", "$1", "&lt;", "<!channel>", "@here"),
    *("ä", "日本", "🙂", "\u202e", "\u00a0", "\u200b", "e\u0301", "\u2028", "\ufeff", "\U000e0041", "../../etc", "/"),
    *("true", "null", "1e3", "0x10", "-0", "[]", "[1]", '["a","b"]', "a,b", "a=b", "A=b touch M", "env:HOME"),
    "x" * 100_000,
]
PAYLOADS = [first + then for first in FIRST for then in THEN] + ALONE
assert len(set(PAYLOADS)) > 180


@pytest.mark.parametrize("way", ["lone", "inside", "list"])
def test_a_payload_arrives_as_one_argument_and_starts_nothing(ended, script, way):
    """Whether alone, inside other text or in a list: same bytes, one process, no new file."""
    echo = script(ECHO)
    template = "a={{ v }}" if way == "inside" else "{{ v }}"
    payloads = PAYLOADS if way == "lone" else PAYLOADS[::5]
    for payload in payloads:
        parameters = {"v": [payload, payload] if way == "list" else payload}
        outcome = ended(parameters, command=[*echo, template, "end"], output_cap="1MiB")
        arguments, processes, files = json.loads(outcome.output)
        expected = {"lone": [payload], "inside": [f"a={payload}"], "list": [payload, payload]}[way]
        assert [bytes.fromhex(argument).decode() for argument in arguments] == [*expected, "end"]
        assert processes == 1
        assert files == ["script.py"]


def test_a_program_from_chat_is_a_name_and_nothing_else(started):
    """A whole shell line in place of a program is just a program that does not exist."""
    for payload in ("touch M", "/bin/sh -c 'touch M'", "true; touch M", "$(touch M)"):
        with pytest.raises(StartError, match="no such"):
            started({"v": payload}, command=["{{ v }}"])
