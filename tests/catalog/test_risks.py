"""What loads, but probably should not be written so."""

import pytest

ALIAS = "name: x\nformats: ['x {{ a }} {{ b }}']\nrun:\n  command: %s\nparameters: {a: %s, b: {enum: [u, v]}}\n"

RISKY = {
    "[ssh, web1, 'reboot {{ a }}']": "ssh",
    "[/usr/bin/ssh, -p, '22', --, web1, reboot, '{{ a }}']": "ssh",
    "[sudo, ssh, -o, 'X=y', web1, '{{ a | upper }}']": "ssh",
    "[sh, -c, 'reboot {{ a }}']": "sh -c",
    "[bash, --norc, -euxc, 'reboot {{ a }}']": "bash -c",
    "[su, -, bob, --command, 'reboot {{ a }}']": "su -c",
    "[mysql, -e, \"delete from orders where id = '{{ a }}'\"]": "mysql -e",
    "[kubectl, exec, pod, --, '{{ a }}']": "kubectl exec",
    "[docker, exec, box, '{{ a }}']": "docker exec",
    "[docker, --context, x, exec, -it, box, sh, -c, '{{ a }}']": "docker exec",
    "[psql, -d, shop, -c, \"delete from orders where id = '{{ a }}'\"]": "psql -c",
}
FINE = [
    "[ssh, '{{ a }}', reboot]",
    "[ssh, -p, '22', --, '{{ a }}', reboot]",
    "[ssh, web1, 'reboot {{ a | quote }}']",
    "[ssh, web1, 'reboot {{ b }}']",
    "[sh, -c, 'reboot \"$1\"', sh, '{{ a }}']",
    "[sh, script.sh, '{{ a }}']",
    "[echo, 'reboot {{ a }}']",
]


@pytest.mark.parametrize(("command", "reader"), RISKY.items())
def test_a_value_from_chat_in_what_another_program_reads_as_a_command_is_a_warning(folders, command, reader):
    """An enum, a pattern or the filter `quote` ends it."""
    (warning,) = {problem.split(": ", 1)[1] for problem in folders.problems(ALIAS % (command, "{}"))}
    assert warning == (
        f'"a" comes from chat and {reader} takes it for a part of a command; '
        "give it an enum or a pattern, or write {{ a | quote }}"
    )
    assert folders.problems(ALIAS % (command, "{pattern: '[a-z]+'}")) == []
    assert folders.problems(ALIAS % (command, "{type: integer}")) == []


@pytest.mark.parametrize("command", FINE)
def test_other_places_are_no_warning(folders, command):
    """A destination, an argument of a script, and what is quoted stay what they are."""
    assert folders.problems(ALIAS % (command, "{free: true}")) == []


def test_a_program_with_a_path_that_cannot_be_started_is_a_warning(folders):
    """Seen from the folder that contains `aliases/`; one without a slash is looked for when it starts."""
    text = ALIAS % ("[./tool, '{{ a }}', '{{ b }}']", "{}")
    tool = folders.aliases.parent / "tool"
    warning = ["aliases/reboot.yaml:4: ./tool is no program that can be started"]
    assert folders.problems(text) == warning
    tool.write_text("#!/bin/sh\n")
    assert folders.problems(text) == warning
    tool.chmod(0o755)
    assert folders.problems(text) == []
    assert folders.problems(text.replace("./tool", "tool-that-is-nowhere")) == []


@pytest.mark.parametrize(
    ("kind", "better"),
    [
        ("array", "{{ a | join(',') }}, or put it alone into an argument"),
        ("object", "{{ a | to_json_string }}"),
        ("boolean", "{{ a | to_json_string }}"),
    ],
)
def test_what_is_no_text_inside_of_a_text_is_a_warning(folders, kind, better):
    """`['h1', 'h2']` and `True` are Python, and nothing that another program reads."""
    text = ALIAS % ("[echo, '--a={{ a }}']", f"{{type: {kind}}}")
    (warning,) = folders.problems(text)
    assert warning == f'aliases/reboot.yaml:4: "a" would stand in this text as Python writes it; write {better}'
    assert folders.problems(text.replace("--a={{ a }}", "{{ a }}")) == []
    assert folders.problems(text.replace("--a={{ a }}", "--a={{ a | to_json_string }}")) == []


AHEAD = """
name: x
formats: ["x {{ a }}"]
parameters: {a: {}}
targets: {command: [ssh, web1, "list {{ a }}"]}
preview: {command: [sh, -c, "show {{ a }}"]}
run: {command: [%s]}
"""


def test_what_runs_before_anybody_has_confirmed_it_is_looked_at_as_well(folders):
    """A name from an inventory may be any text, and what runs for a target should get its id."""

    def warnings(run):
        return [problem for problem in folders.problems(AHEAD % run) if "let it only look" not in problem]

    ssh, shell = warnings("echo, '{{ target }}', 'called {{ target_name }}'")
    assert "ssh takes it for a part" in ssh
    assert "sh -c takes it for a part" in shell
    *_, begins = warnings("echo, '{{ target_name }}'")
    assert begins.endswith('"target_name" may be any text, also one that begins with -; take the id, {{ target }}')
    *_, read = warnings("ssh, web1, 'reboot {{ target_name }}'")
    assert read.endswith("ssh takes it for a part of a command; write {{ target_name | quote }}")
