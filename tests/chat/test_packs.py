"""A pack of CONFIRM_PACKS in a real chat: what is said starts what the pack has, after a prompt that shows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from talk import Talk, a_bot, write_files

FILES = {
    "packs/web/pack.yaml": "---\nref: web\nname: Web servers\nversion: 1.0.0\n",
    "packs/web/aliases/restart.yaml": """
name: web.restart
pack: web
action_ref: web.restart
formats: ["restart {{host}} {{service=nginx}}"]
""",
    "packs/web/aliases/pages.yaml": "{name: web.pages, action_ref: web.pages, formats: ['count pages of {{site}}']}",
    "packs/web/aliases/shut.yaml": "{name: web.shutdown, action_ref: web.shutdown, formats: ['shut {{host}} down']}",
    "packs/web/aliases/guard.yaml": "{name: guarded, commands: ['Health:shutdown'], confirm: {by: others}}",
    "packs/web/actions/restart.yaml": """
---
name: restart
runner_type: local-shell-script
entry_point: restart.sh
parameters:
  host: {type: string, required: true, position: 0}
  service: {type: string, enum: [nginx, apache], default: nginx}
  quick: {type: boolean, default: true}
""",
    "packs/web/actions/pages.yaml": """
---
name: pages
runner_type: python-script
entry_point: pages.py
parameters:
  site: {type: string, required: true}
""",
    "packs/web/actions/shutdown.yaml": """
---
name: shutdown
runner_type: local-shell-cmd
parameters:
  host: {type: string, required: true}
  cmd: {immutable: true, default: "ssh {{ host }} 'shutdown now' && echo done"}
""",
    "packs/web/actions/pages.py": """
from st2common.runners.base_action import Action

class Pages(Action):
    def run(self, site):
        return site != "empty", f"{site} has pages"
""",
}
SCRIPT = '#!/bin/sh\necho "restarted: $*"\n'


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("packs")
    write_files(folder, FILES)
    script = folder / "packs/web/actions/restart.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    with a_bot(folder, CONFIRM_PACKS=folder / "packs/web") as talk:
        yield talk


def test_an_alias_of_a_pack_starts_its_action_after_a_prompt(talk: Talk) -> None:
    talk.alice.says("!restart web01")
    asked = talk.prompt()
    assert any("actions/restart.sh --service=nginx --quick web01" in text for text in talk.texts())
    talk.alice.says(f"!confirm {asked}")
    talk.hears("restarted: --service=nginx --quick web01")


@pytest.mark.parametrize(("site", "state"), [("www", "succeeded"), ("empty", "failed")])
def test_a_class_of_a_pack_says_whether_it_succeeded(talk: Talk, site: str, state: str) -> None:
    talk.alice.says(f"!count pages of {site}")
    asked = talk.prompt()
    talk.alice.says(f"!confirm {asked}")
    talk.hears(f"{site} has pages")
    assert talk.ended(asked).state == state


def test_what_is_not_run_here_is_refused_and_starts_nothing(talk: Talk) -> None:
    talk.alice.says("!shut web01 down")
    talk.hears("web.shutdown")
    assert all(each.alias != "web.shutdown" for each in talk.executions())


def test_a_reload_reads_packs_again_and_a_pack_that_is_gone_changes_nothing(talk: Talk, tmp_path: Path) -> None:
    folder = talk.service.settings.packs[0]
    gone = folder.rename(tmp_path / "web")
    try:
        talk.alice.says("!aliases reload", room=None)
        talk.hears("is no pack that can be read")
    finally:
        gone.rename(folder)
    write_files(folder, {"aliases/more.yaml": "{name: more, formats: [one more], action_ref: pages, enabled: false}"})
    talk.alice.says("!aliases reload", room=None)
    talk.hears("4 aliases")
    assert talk.service.catalog.aliases["more"].pack == "web"
