"""What is looked up before anybody is asked: the targets, and what a dry run says."""

from collections.abc import Iterator

import pytest

from talk import Talk, a_bot, write_files

FILES = {
    "aliases/reboot.yaml": """
name: reboot
formats: ["reboot {{env}}"]
parameters:
  env: {type: string, enum: [staging, prod], required: true}
targets: {command: ["./inventory", "--env", "{{ env }}"], select: "hosts[].{id: id, name: name}"}
run: {command: ["echo", "rebooting", "{{ targets }}"]}
""",
    "inventory": """#!/bin/sh
cat hosts.json
""",
    "hosts.json": '{"hosts": [{"id": "i-1", "name": "web1"}, {"id": "i-2", "name": "web2"}]}',
}


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("targets")
    write_files(folder, FILES)
    with a_bot(folder) as talk:
        yield talk


def test_a(talk: Talk) -> None:
    talk.alice.says("!explain reboot prod")
    print(talk.hears("reboot")[0])
    talk.alice.says("!reboot prod")
    asked = talk.prompt()
    print(talk.texts()[-1])
    talk.alice.says(f"!confirm {asked}")
    talk.hears("succeeded")
    print(talk.texts()[-1])
