"""A bot's life: many that wait at once, a restart, an end while something runs, files read again."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from err_confirm.model.executions import Place, Speaker
from err_confirm.runners.processes.group import group_is_alive
from servers import eventually
from talk import PROMPT, Talk, a_bot, write_files

MANY = 200
FILES = {
    # Notes its process group in the file `group`, and stays until it is ended.
    "linger": "#!/bin/sh\necho $$ > group.new; mv group.new group\nsleep 600 & sleep 600\n",
    "aliases/ping.yaml": """
name: ping
formats: [{representation: "ping {{host}};", match_multiple: true}]
parameters: {host: {type: string, pattern: "[a-z0-9]+"}}
run: {command: [echo, "{{ host }}"]}
confirm: {retry: {count: 60, delay: 60s}}
""",
    "aliases/say.yaml": """
name: say
formats: ["say {{what}}"]
run: {command: [echo, "{{ what }}"]}
confirm: {by: [alice, bob], self: true, within: 1h}
""",
    "aliases/brief.yaml": """
name: brief
formats: [brief]
run: {command: ['true']}
confirm: {retry: {count: 4, delay: 200ms}}
""",
    "aliases/linger.yaml": "{name: linger, formats: [linger], run: {command: [./linger], timeout: 1h}}",
}


@contextmanager
def the_bot(folder: Path) -> Iterator[Talk]:
    write_files(folder, FILES)
    with a_bot(folder, CONFIRM_STOP_GRACE="200ms") as talk:
        yield talk


def lingers(talk: Talk, folder: Path) -> tuple[str, int]:
    """Let alice start what does not end by itself; return its id and its process group."""
    talk.alice.says("!linger")
    asked = talk.prompt()
    talk.alice.says(f"!confirm {asked}")
    talk.hears(f"{asked} confirmed by alice, running")
    eventually((folder / "group").exists)
    return asked, int((folder / "group").read_text())


def test_of_very_many_that_wait_each_runs_at_once_when_it_is_confirmed_and_once(tmp_path: Path) -> None:
    with the_bot(tmp_path) as talk:
        assert talk.bot.bot_config.BOT_ASYNC_POOLSIZE == 10
        for start in range(0, MANY, 40):
            talk.alice.says("!" + " ".join(f"ping h{number};" for number in range(start, start + 40)))
        asked = [talk.prompt() for _ in range(MANY)]
        assert len(set(asked)) == MANY
        # The first poll is a minute away: whatever waited for it would not be heard in time.
        for each in reversed(asked):
            talk.alice.says(f"!confirm {each}")
            talk.hears(f"^{each} confirmed by alice, running$")
        eventually(lambda: not talk.service.engine.waiting(1)[0], within=60)
        talk.hears(f"{asked[0]} succeeded")
        told = "\n".join(talk.texts())
        assert re.findall(r"^(\w{8}) confirmed by alice, running$", told, re.MULTILINE) == asked[::-1]
        assert {(each.state, each.fence) for each in talk.executions()} == {("succeeded", 1)}
        assert len(talk.executions()) == MANY


def test_very_many_confirmed_in_one_go_all_run_once(tmp_path: Path) -> None:
    with the_bot(tmp_path) as talk:
        for number in range(MANY):
            talk.alice.says(f"!ping h{number};")
        asked = [talk.prompt() for _ in range(MANY)]
        for each in reversed(asked):
            talk.alice.says(f"!confirm {each}")
        for _ in asked:
            talk.hears("succeeded")
        assert {(each.state, each.fence) for each in talk.executions()} == {("succeeded", 1)}
        told = "\n".join(talk.texts())
        for said in (r"^(\w{8}) confirmed by alice, running$", r"^@alice (\w{8}) succeeded"):
            assert sorted(re.findall(said, told, re.MULTILINE)) == sorted(asked)


def test_after_a_restart_what_waits_is_found_with_its_deadline_and_can_be_confirmed(tmp_path: Path) -> None:
    with the_bot(tmp_path) as talk:
        talk.alice.says("!say room", "#ops")
        in_room = talk.prompt("#ops")
        talk.alice.says("!say alone", None)
        alone = talk.prompt("@alice")
        talk.quiet()  # the deadline starts when the prompt has been posted
        deadlines = [talk.execution(each).expires_at for each in (in_room, alone)]
    with the_bot(tmp_path) as talk:
        assert [talk.execution(each).expires_at for each in (in_room, alone)] == deadlines
        assert not any(re.search(PROMPT, text, re.MULTILINE) for text in talk.texts())
        talk.bob.says("!pending")
        talk.hears(rf"^{in_room} say asked by alice · (59 min [0-9]+ s|1 h) left · say room$", "#ops")
        talk.bob.says(f"!confirm {in_room}", "#dev")
        talk.hears(rf"\A@alice {in_room} succeeded in [0-9.]+ s: room\Z", "#ops")
        talk.alice.says("!confirm", None)
        talk.hears(rf"\A@alice {alone} succeeded in [0-9.]+ s: alone\Z", "@alice")


def test_what_should_have_expired_while_no_bot_ran_expires_at_the_next_start(tmp_path: Path) -> None:
    with the_bot(tmp_path) as talk:
        talk.alice.says("!brief", "#dev")
        asked = talk.prompt("#dev")
    with the_bot(tmp_path) as talk:
        talk.hears(rf"\A@alice {asked} expired: .*; nothing ran\nask again: !brief\Z", "#dev")
        talk.alice.says(f"!confirm {asked}", "#dev")
        talk.hears(rf"\A{asked} expired at [0-9:]+ UTC and nothing ran; ask again: !brief\Z", "#dev")


def test_what_never_got_its_prompt_expires_and_the_room_is_told_why(tmp_path: Path) -> None:
    """Given a bot that was killed between asking and posting, then there is nothing that anybody could confirm."""
    with the_bot(tmp_path) as talk:
        (plan,) = talk.service.plans("brief")
        place = Place(person="@alice", room="#dev")
        asked = talk.service.engine.create(plan, Speaker("alice", place), "brief").id
        talk.hears(
            rf"\A@alice {asked} expired: the bot was interrupted before its prompt was posted; nothing ran\n"
            r"ask again: !brief\Z",
            "#dev",
        )


def test_an_end_that_is_told_once_more_says_so(tmp_path: Path) -> None:
    with the_bot(tmp_path) as talk:
        talk.alice.says("!say it")
        asked = talk.prompt()
        talk.alice.says(f"!cancel {asked}")
        talk.hears(rf"\A{asked} canceled by alice; nothing ran\Z")
        chat = talk.bot.plugin_manager.get_plugin_obj_by_name("Confirm").chat
        chat.tell(replace(talk.ended(asked), tells=2))
        talk.hears(
            rf"\A\(perhaps for the second time, as the bot was interrupted\)\n{asked} canceled by alice; nothing ran\Z"
        )


def test_the_head_of_the_journal_is_posted_when_it_has_changed(tmp_path: Path) -> None:
    """It is what shows later that the end was not cut off."""
    write_files(tmp_path, FILES)
    with a_bot(tmp_path, CONFIRM_JOURNAL_ROOM="#audit") as talk:
        talk.alice.says("!say it")
        asked = talk.prompt()
        confirm = talk.bot.plugin_manager.get_plugin_obj_by_name("Confirm")
        for _ in range(2):
            confirm.keep_journal()
        number, seal = talk.hears(r"\Ajournal head (\d+):([0-9a-f]{64})\nit proves later", "#audit").groups()
        texts = dict(talk.service.store.journal(0, 100))
        assert f'"seal":"{seal}"' in texts[int(number)]
        assert asked in (tmp_path / "data/err-confirm.jsonl").read_text()
        talk.quiet()
        assert sum("journal head" in text for text in talk.texts()) <= 2


def test_at_the_end_what_runs_is_aborted_and_said_and_no_process_is_left(tmp_path: Path) -> None:
    with the_bot(tmp_path) as talk:
        asked, group = lingers(talk, tmp_path)
    talk.hears(rf"\A@alice {asked} aborted after [0-9.]+ s: stopped, because the bot was stopped\Z", "#ops")
    assert not group_is_alive(group)
    with the_bot(tmp_path) as talk:
        talk.alice.says(f"!confirm {asked}")
        talk.hears(rf"\Ayou already confirmed {asked}; it is aborted; see !show {asked}\Z")
        talk.bob.says(f"!show {asked}")
        talk.hears(rf"\A{asked} aborted .*stopped, because the bot was stopped")
        assert talk.execution(asked).fence == 1


def test_a_reload_of_confirm_reads_the_files_again_with_their_commands(tmp_path: Path) -> None:
    with the_bot(tmp_path) as talk:
        write_files(tmp_path, {"aliases/new.yaml": "{name: new, formats: [new one], run: {command: [echo, new]}}"})
        (tmp_path / "aliases/brief.yaml").unlink()
        talk.alice.says("!plugin reload Confirm", None)
        talk.hears("Plugin Confirm reloaded", "@alice")
        talk.alice.says("!new one")
        talk.hears(r"\A@alice  new\n", "#ops")
        assert "alias.brief" not in talk.bot.re_commands
