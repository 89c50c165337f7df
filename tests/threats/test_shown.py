"""What people type is shown, never done: in no message, on no network and in no log."""

import logging
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from err_confirm.text.visible import exact, visible
from talk import Talk, a_bot, write_files

NETWORKS = {
    "text": ("text:alice", "text:bob"),
    "slackv3": ("slack:UALICE", "slack:UBOB"),
    "telegram": tuple(f"telegram:{int.from_bytes(name)}" for name in (b"alice", b"bob")),
}
FILES = {
    "lines": "#!/bin/sh\nprintf 'first\\n%s\\nlast\\n' \"$1\"\n",
    "actions/echo.yaml": """
name: echo
parameters: {what: {type: string, required: true, free: true, dash: true}}
run: {command: [echo, "{{ what }}"]}
""",
    "actions/lines.yaml": """
name: lines
parameters: {what: {type: string, required: true, free: true, dash: true}}
run: {command: [./lines, "{{ what }}"]}
""",
    "aliases/say.yaml": "{name: say, formats: ['say {{what}}'], action_ref: echo, confirm: {within: 10m}}",
    "aliases/brief.yaml": """
name: brief
formats: ['brief {{what}}']
action_ref: echo
confirm: {retry: {count: 2, delay: 200ms}}
""",
    "aliases/lines.yaml": "{name: lines, formats: ['lines {{what}}'], action_ref: lines, confirm: none}",
    "aliases/number.yaml": """
name: number
formats: ['number {{n}}']
parameters: {n: {type: integer}}
run: {command: [echo, "{{ n }}"]}
""",
    "aliases/object.yaml": """
name: object
formats: ['object {{o}}']
parameters: {o: {type: object}}
run: {command: [echo, "{{ o }}"]}
""",
    "aliases/worded.yaml": r"""
name: worded
formats: ['worded {{what}}']
action_ref: echo
confirm: none
ack:
  format: "**to** {{ what }}x{{ what }}`{{ what }}` it`s {{ what }}\\{{ what }}"
  extra: {slack: {title: "{{ what }}", fields: [{title: "[a]({{ what }})", value: "{{ what | upper }}"}]}}
result:
  format: "{{ execution.result.stdout }}\n```\n{{ execution.result.stdout }}\n```\n> {{ execution.parameters.what }}"
""",
    "aliases/fenced.yaml": r"""
name: fenced
formats: ['fenced {{what}}']
action_ref: lines
confirm: none
result: {format: "- {{ execution.result.stdout }}\n~~~\n{{ execution.result.stdout }}\n~~~\n{{ what }}"}
""",
}

PAYLOADS = [
    *(
        "<!channel>",
        "<!here|here>",
        "<!everyone>",
        "<@UEVIL>",
        "<#CEVIL|ops>",
        "<!subteam^SEVIL>",
        "<!date^1^{date}|x>",
    ),
    *("<http://evil.test|bank.test>", "<mailto:a@evil.test|hot>", "&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;"),
    *("@here", "@channel", "@everyone", "@evil", "(@evil)", "a@evil.test", "/start@evil", "tg://user?id=666"),
    *("*hot*", "_hot_", "~hot~", "**hot**", "__hot__", "~~hot~~", "***hot***", ":bomb:"),
    *("`*hot*`", "`` *hot* ``", "``` *hot* ```", "``*hot*`", "`", "``", "```", "\\`*hot*", "*hot*\\", "~~~", "x`*hot*"),
    *("[bank](http://evil.test)", "[a](http:`*hot*`)", "![i](http://evil.test)", "[a][b] *hot*", "<http://evil.test>"),
    *("http://evil.test", "https://evil.test/?a=1&b=<!here>", "[x](<!here>)", "*[HTML]: hot", "[^1]: hot", "[1]: hot"),
    *("# hot", "> hot", "- hot", "1. hot", "+ hot", "    hot *hot*", ": hot", "hot | *hot*", "---", "hot {: .x }"),
    *("<b>hot</b>", "<script>hot</script>", "<!-- hot", "<br/>hot", "{:color='red'}hot", "&#42;hot&#42;", "\\*hot\\*"),
    *(
        "a\n\n!confirm 00000000",
        "a\nruns: echo harmless",
        "a\u2028!confirm 00000000",
        "a\n```\n<!here> *hot*",
        "a\n    *hot*",
    ),
    *(
        "a\u202e*hot*",
        "a\u200b@here",
        "\ufeff<!here>",
        "@\u200bhere",
        "<\u00ad!here>",
        "\U000e0041@evil",
        "\ue000*hot*\ue001",
    ),
    *("`" * 30 + "*hot*" + "`" * 29, "<!here>" * 30, "*hot* `" * 30),
]
"""What a network, Markdown or a reader could take for something else; `hot` and `evil` stand where it would show."""

OWN = re.compile(r"<@U(?:ALICE|BOB)>")
CALL = re.compile(r"(?<!\w)@\w")
FORGED = re.compile(r"^(?:!confirm 00000000|runs: echo harmless)", re.MULTILINE)


def live_on_slack(wire: str) -> list[str]:
    """Return what Slack would make something of in a message as it is handed over to it.

    `<…>` and, as slackv3 sets `link_names`, names behind `@` count in code, too; all else outside it.
    """
    wire = OWN.sub("", wire)
    outside = re.sub(r"`[^`\n]+`", "", re.sub(r"```\n.*?\n```", "", wire, flags=re.DOTALL))
    return re.findall(r"<[^>]*>?", wire) + CALL.findall(wire) + re.findall(r"`|(?i:hot|evil|bomb)", outside)


def forms() -> list[str]:
    """Return each way in which a payload is shown letter by letter, long ones first."""
    found = {
        form
        for payload in PAYLOADS
        for text in (
            visible(payload),
            exact(payload),
            exact(shlex.quote(payload)),
            *map(visible, payload.expandtabs().split("\n")),
        )
        for shown in (visible(text), exact(text))
        for form in (shown, shown.upper(), shown.strip(), shown.strip().upper())
    }
    return sorted(found - {""}, key=len, reverse=True)


def live_in_plain_text(wire: str) -> list[str]:
    """Return what is left of payloads that are not shown letter by letter: Markdown has taken the rest."""
    wire = re.sub(r'^(nothing runs: "hot" is not a parameter|hot is no execution)', "", wire.replace(r"\u0040", "@"))
    for form in FORMS:
        wire = wire.replace(form, "")
    return re.findall("(?i:hot|evil)", wire)


def live_on_telegram(wire: str) -> list[str]:
    """Return what calls somebody, besides: on Telegram, plain text does."""
    return live_in_plain_text(wire) + CALL.findall(wire)


FORMS = forms()
JUDGES: dict[str, Callable[[str], list[str]]] = {
    "text": live_in_plain_text,
    "slackv3": live_on_slack,
    "telegram": live_on_telegram,
}


def shown_of(talk: Talk, payload: str) -> list[str]:
    """Let a payload into every message that shows what people typed; return these as the network got them."""
    before = len(talk.heard)
    reason = payload.replace("\n!", "\nx !")  # a reason with one more answer in it is refused
    talk.alice.says(f"!say {payload}")
    asked = talk.prompt()
    for line in (f"!show {asked}", "!pending", f"!deny {asked} {reason}", f"!show {asked}", "!executions"):
        talk.alice.says(line)
    talk.hears(f"{asked}.* denied by")
    talk.alice.says(f"!say {payload}")
    again = talk.prompt()
    talk.alice.says(f"!cancel {again} {reason}")
    talk.hears(f"{again} canceled")
    for line in (f"!confirm {payload}", f"!number {payload}", f"!object {payload}", f"!number 1 {payload}=2"):
        talk.alice.says(line)
    for alias in ("lines", "worded", "fenced"):
        talk.alice.says(f"!{alias} {payload}")
        talk.hears("succeeded in")
    talk.alice.says(f"!brief {payload}")
    talk.hears("expired: nobody")
    talk.quiet()
    return [text for _, text in talk.heard[before:]]


@pytest.mark.parametrize("network", NETWORKS)
def test_nothing_that_is_typed_is_live_in_any_message(
    network: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Chat text in, what the network gets out. Also the bot's log: one visible line for each."""
    caplog.set_level(logging.INFO)
    write_files(tmp_path, FILES)
    alice, bob = NETWORKS[network]
    live: list[tuple[str, str, list[str]]] = []
    messages = 0
    people = {"alice": [alice], "bob": [bob]}
    with a_bot(tmp_path, LOOPBACK_NETWORK=network, CONFIRM_PEOPLE=people, BOT_ASYNC_POOLSIZE=1) as talk:
        for payload in PAYLOADS:
            for wire in shown_of(talk, payload):
                messages += 1
                found = JUDGES[network](wire)
                if not re.search("succeeded in", wire):  # what an action prints may hold any line
                    found += FORGED.findall(wire)
                if not wire.replace("\n", "").isprintable():
                    found.append("hidden characters")
                if found:
                    live.append((payload, wire, found))
    logged = [each.getMessage() for each in caplog.records if each.name.startswith(("errbot.core", "err_confirm"))]
    print(f"\n{network}: payloads {len(PAYLOADS)}, messages {messages}, log lines {len(logged)}, live {len(live)}")
    assert live == []
    assert messages > 15 * len(PAYLOADS)
    assert [line for line in logged if not line.isprintable()] == []
