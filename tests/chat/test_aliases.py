"""An alias is a real Errbot command: help lists it, access control judges it, and it takes nothing from others."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from err_confirm.wording import Wording
from talk import PROMPT, Talk, a_bot, write_files

NOT_ADMIN = r"\AThis command requires bot-admin privileges\Z"
DENIED = r"\AYou're not allowed to access this command from this user\Z"

RESTART = """
name: restart
description: Restart a service on a host
formats:
  - display: "restart <host> [service=web]"
    representation: "restart {{host}}"
parameters:
  host: {type: string, required: true, pattern: "[a-z]+[0-9]+"}
  service: {type: string, enum: [web, db], default: web}
  times: {type: integer, default: 1, min: 1, max: 3}
run: {command: [echo, "{{ service }}", "on", "{{ host }}", "{{ times }}"]}
"""
FILES = {
    "aliases/restart.yaml": RESTART,
    "aliases/secret.yaml": "{name: secret, formats: [tell the secret], run: {command: [echo, hush]}}",
    "aliases/echo.yaml": "{name: echo, formats: ['echo loudly {{what}}'], run: {command: [echo, '{{ what }}']}}",
    "aliases/disabled.yaml": "{name: disabled, enabled: false, formats: [switched off], run: {command: ['true']}}",
    "aliases/one.yaml": "{name: one, formats: ['fly to {{place}}'], run: {command: [echo, '{{ place }}']}}",
    "aliases/two.yaml": "{name: two, formats: ['fly {{how}} Rome'], run: {command: [echo, '{{ how }}']}}",
    "aliases/many.yaml": """
name: many
formats: [{representation: "ping {{host}};", match_multiple: true}]
parameters: {host: {type: string, pattern: "[a-z0-9]+"}}
run: {command: [echo, "{{ host }}"]}
""",
    "aliases/bounce.yaml": """
name: bounce
formats: [{display: "bounce <host> in <env>", representation: "bounce {{host}} in {{env}}"}]
run: {command: [echo, "{{ host }}", "{{ env }}"]}
""",
    "aliases/switch.yaml": "{name: switch, formats: ['switch {{it}} (on|off)'], run: {command: [echo, '{{ it }}']}}",
    **{
        f"aliases/deploy{each}.yaml": f"{{name: deploy{each}, formats: [deploy {each}], run: {{command: ['true']}}}}"
        for each in range(6)
    },
    "aliases/actionless.yaml": "{name: actionless, formats: [do nothing], action_ref: not.there}",
    "aliases/needy.yaml": """
name: needy
formats: [need]
parameters: {what: {type: string, required: true}, more: {type: string, required: true}}
run: {command: [echo, "{{ what }}", "{{ more }}"]}
""",
    "aliases/failing.yaml": """
name: failing
formats: ["fail with {{list}}"]
parameters: {list: {type: array, required: true}}
run: {command: [echo, "{{ list[1] }}"]}
""",
    "aliases/unstartable.yaml": "{name: unstartable, formats: [start nothing], run: {command: [./not-there]}}",
    "aliases/regex.yaml": "{name: regex, formats: ['(Confirm|Show|Hold) {{it}}'], run: {command: [echo, '{{ it }}']}}",
}
HIDING = {
    "aliases/hides.yaml": "{name: hides, formats: ['confirm {{it}}'], run: {command: ['true']}}",
    "aliases/hides_too.yaml": "{name: hides_too, formats: ['Show {{it}}'], run: {command: ['true']}}",
}
WRONG = {
    "aliases/no_action.yaml": "{name: no_action, formats: [without]}",
    "aliases/unknown_key.yaml": "name: unknown_key\nformats: [unknown]\nconfrim: none\nrun: {command: ['true']}\n",
}
FORBIDDEN = {"denyusers": ("@mallory", "*/mallory")}
CONFIG = {
    "BOT_ADMINS": ("@alice", "@root", "#ops/alice"),
    "BOT_ALT_PREFIXES": ("robot",),
    "BOT_ALT_PREFIX_SEPARATORS": (":", ","),
    "ACCESS_CONTROLS": {"Alias commands:alias.restart": FORBIDDEN, "alias.secret": FORBIDDEN},
}


@pytest.fixture(scope="module")
def one_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("aliases")
    write_files(folder, FILES)
    with a_bot(folder, **CONFIG) as talk:
        yield talk


@pytest.fixture
def talk(one_bot: Talk) -> Talk:
    """The bot of all of these tests; nothing waits that would not be asked for twice, and all that ended was told."""
    one_bot.quiet()
    unfinished = [each for each in one_bot.executions() if not each.state.ended or each.tell_after is not None]
    for each in unfinished:
        if not each.state.ended:
            getattr(one_bot, each.requester).says(f"!cancel {each.id}", None)
    for each in unfinished:
        one_bot.ended(each.id)
    one_bot.quiet()
    return one_bot


SAY = r"\nsay: !restart <host> \[service=web\]\Z"


def starts_nothing(talk: Talk, text: str, answer: str) -> None:
    """Let alice say something that gets one answer and starts nothing; then the bot goes on."""
    before = talk.executions()
    talk.alice.says(text)
    assert [re.sub(answer, "as expected", text, flags=re.DOTALL) for text in talk.quiet()] == ["as expected"]
    assert talk.executions() == before
    talk.alice.says("!restart web01")
    talk.prompt()


def test_help_shows_what_to_say_and_the_description(talk: Talk) -> None:
    talk.bob.says("!help Alias commands", None)
    told = talk.hears("^Alias commands", "@bob").string
    assert "• !restart <host> [service=web] - Restart a service on a host" in told
    assert "• !tell the secret - Start secret" in told
    assert "switched off" not in told


def test_the_list_shows_who_must_confirm(talk: Talk) -> None:
    talk.bob.says("!aliases")
    told = talk.hears("restart <host>").string.splitlines()
    assert "• !restart <host> [service=web] waits for whoever asked · Restart a service on a host" in told
    assert "• !tell the secret waits for whoever asked" in told


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("fly", ["• !fly to {{place}} waits for whoever asked", "• !fly {{how}} Rome waits for whoever asked"]),
        ("HOST service", ["• !restart <host> [service=web] waits for whoever asked · Restart a service on a host"]),
        ("fly `secret`", ["no alias has fly `secret` in it; see !aliases"]),
    ],
)
def test_words_narrow_the_list_to_the_aliases_that_have_all_of_them(talk: Talk, words: str, shown: list[str]) -> None:
    talk.bob.says(f"!aliases {words}")
    assert talk.hears("waits for|no alias").string.splitlines() == shown


def test_a_list_that_is_cut_says_how_much_is_not_there_and_how_to_see_it() -> None:
    told = Wording("!").say("aliases", aliases=[], more=9, words="x", errors=())
    assert told.endswith("… and 9 more; those with a word in them: `!aliases <word>`")


def test_what_is_hidden_from_somebody_is_not_listed(talk: Talk) -> None:
    talk.bot.bot_config.HIDE_RESTRICTED_COMMANDS = True
    try:
        talk.mallory.says("!aliases")
        told = talk.hears("fly to").string
    finally:
        talk.bot.bot_config.HIDE_RESTRICTED_COMMANDS = False
    assert "restart" not in told
    assert "secret" not in told


@pytest.mark.parametrize("said", ["!restart web01", "!tell the secret", "! restart web01", "robot: restart web01"])
@pytest.mark.parametrize("room", ["#ops", None])
def test_access_control_refuses_by_the_name_of_the_alias(talk: Talk, said: str, room: str | None) -> None:
    before = len(talk.executions())
    talk.mallory.says(said, room)
    talk.hears(DENIED, room or "@mallory")
    assert len(talk.executions()) == before
    talk.bob.says(said, room)
    talk.prompt()


@pytest.mark.parametrize(
    "said",
    [
        *("!restart web01", "! restart web01", "!restart  web01 ", "robot restart web01", "robot: restart web01"),
        *("robot:!restart web01", "robot,!restart web01", "!restart web01 service=db"),
    ],
)
@pytest.mark.parametrize("name", ["alice", "bob"])
@pytest.mark.parametrize("room", ["#ops", None])
def test_a_text_that_is_wholly_an_alias_goes_to_it(talk: Talk, said: str, name: str, room: str | None) -> None:
    getattr(talk, name).says(said, room)
    talk.hears(rf"\A@{name}  restart → web01 · (web|db) · 1\n", room or f"@{name}")


@pytest.mark.parametrize("said", ["!restart host=web01", "!restart service=db"])
def test_a_slip_does_not_become_errbots_command_that_takes_no_notice_of_it(talk: Talk, said: str) -> None:
    """Neither for a bot admin, who would restart the bot, nor for others; who may not use it hears nothing of it."""
    talk.mallory.says(said, None)
    talk.hears(rf"\Anothing runs: {re.escape(said[1:])} is too much: the command !restart stands alone\Z", "@mallory")
    for person in (talk.alice, talk.bob):
        person.says(said, None)
        talk.hears(
            rf"\Anothing runs: {re.escape(said[1:])} is not how restart is said, and .* !restart stands alone{SAY}"
        )


@pytest.mark.parametrize("said", ["!restart", "! restart", "robot: restart", "!restart web01 now please"])
def test_every_other_text_stays_with_errbots_own_command(talk: Talk, said: str) -> None:
    talk.bob.says(said)
    assert len(told := talk.quiet()) == 1
    assert re.search(f"{NOT_ADMIN}|must match", told[0])


def test_the_bare_restart_is_still_errbots_for_admins(talk: Talk) -> None:
    talk.alice.says("!restart", "#ops")
    talk.hears(r"\AThis command may only be issued through a direct message\Z", "#ops")


def test_a_command_of_errbots_keeps_what_the_alias_does_not_say(talk: Talk) -> None:
    talk.bob.says("!echo softly")
    talk.hears(r"\Asoftly\Z", "#ops")
    talk.bob.says("!echo loudly hello")
    talk.hears(r"\A@bob  echo → hello\n", "#ops")


def test_no_command_of_ours_has_the_name_of_another_and_none_was_renamed(talk: Talk) -> None:
    ours = {"Confirm", "Aliases", "Alias commands", "Locks"}
    plugins = talk.bot.plugin_manager.get_all_active_plugins()
    assert len(plugins) > len(ours)
    names: dict[bool, set[str]] = {True: set(), False: set()}
    for plugin in plugins:
        for method_name, method in inspect.getmembers(plugin, inspect.ismethod):
            if getattr(method, "_err_command", False):
                table = talk.bot.re_commands if method._err_re_command else talk.bot.commands
                assert table[method_name] == method, f"{plugin.name}.{method_name} was renamed"
                names[plugin.name in ours].add(method_name)
    assert names[True] & names[False] == set()
    assert {"restart", "help", "history", "status", "echo"} <= names[False]
    assert names[True] == {
        *("confirm", "confirm_me", "deny", "cancel", "pending", "show", "executions", "confirm_any_case"),
        *(
            *("abort", "draw"),
            "aliases",
            "aliases_reload",
            "confirm_otp",
            "explain",
            "lock",
            "locks",
            "pending_mine",
            "unlock",
            "abort",
            "draw",
        ),
    }
    assert {name for name in talk.bot.all_commands if "alias." in name} == {
        f"alias.{Path(name).stem}" for name in FILES if name != "aliases/disabled.yaml"
    }


def test_an_ambiguous_text_names_the_aliases_once(talk: Talk) -> None:
    starts_nothing(
        talk, "!fly to Rome", r"\Anothing runs: 2 aliases match this text: one, two; say it more precisely\Z"
    )


def test_every_occurrence_starts_an_execution_of_its_own(talk: Talk) -> None:
    talk.alice.says("!ping web1; ping web2; ping web3;")
    asked = [talk.hears(rf"→ web{number}\n.*^!confirm (\w{{8}})$")[1] for number in (1, 2, 3)]
    for each, number in reversed(list(zip(asked, (1, 2, 3), strict=True))):
        talk.alice.says(f"!confirm {each}")
        talk.hears(f"{each} succeeded in .*: web{number}$")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("!restart web01 service=dbs", rf'\Anothing runs: "service" must be one of web, db \(did .* "db"\?\){SAY}'),
        ("!restart web01 times=4", rf'\Anothing runs: "times" must be at most 3{SAY}'),
        ("!restart web01 times=many", rf'\Anothing runs: "times" must be a whole number.*{SAY}'),
        ("!restart web01 sevice=db", rf'\Anothing runs: "sevice" is not a parameter of "restart".*"service".*{SAY}'),
        ("!restart web01 host=web02", rf'\Anothing runs: "host" is given twice; say it once{SAY}'),
        ("!restart web01 times=1 times=2", rf'\Anothing runs: "times" is given twice; say it once{SAY}'),
        ("!restart Web-01", rf'\Anothing runs: "host" must match .*{SAY}'),
        ("!bounce", r"\Anothing runs: bounce needs a value for host, env\nsay: !bounce <host> in <env>\Z"),
        ("!bounce web1", r"\Anothing runs: bounce needs a value for env\nsay: !bounce <host> in <env>\Z"),
        ("!Bounce web1 in qa", r"\Anothing runs: Bounce .* fits no way to say bounce\nsay: !bounce <host> in <env>\Z"),
        ("!switch lamp onn", r"\Anothing runs: .* fits no way to say switch\nsay: !switch {{it}} \(on\|off\)\Z"),
        ("!tell the secret now", r"\Anothing runs: tell the .* fits no way to say secret\nsay: !tell the secret\Z"),
        ("!ping web1", r"\Anothing runs: ping web1 fits no way to say many\nsay: !ping {{host}};\Z"),
        ("!fly", r"\Anothing runs: fly fits no way to say two, one\nsay: !fly {{how}} Rome\nsay: !fly to {{place}}\Z"),
        ("!deploy", r"\A[^\n]*(\nsay: !deploy [0-4]){5}\nand more ways: see !aliases\Z"),
        ("!explain bounce web1", r"\Anothing runs: bounce needs a value for env\nsay: !bounce <host> in <env>\Z"),
        ("!tell me", r"\Anothing runs: tell me fits no way to say secret\nsay: !tell the secret\Z"),
        ("!teller", r'\ACommand "teller" not found.*\Z'),
        ("!need", r'\Anothing runs: "what" is missing; this action needs it\nsay: !need what=<what> more=<more>\Z'),
        ("!need more=x", r'\Anothing runs: "what" is missing; this action needs it\nsay: !need what=<what>\Z'),
        (
            "!do nothing",
            r'\A.* alias "actionless" starts the action "not.there", which has no file here that can be used\Z',
        ),
        ("!fail with one", r"\Anothing runs: the template \S*.* list\[1\] .* fails: .*; correct failing.yaml\Z"),
        (
            "!restart " + "x " * 500_000,
            r"\Anothing runs: this text has 500,001 words, such a long command may have 79; say it shorter\Z",
        ),
        (
            "!restart" + " x" * 2_000,
            r"\Anothing runs: this text has 2,001 words, such a long command may have 2,000; say it shorter\Z",
        ),
        ("!restart\tweb01 service=dbs", rf'\Anothing runs: "service" must be one of web, db \(did .* "db"\?\){SAY}'),
        ("!restart " + "x" * 1_000_000, r"\Anothing runs: this text is 1,000,008 bytes long.*; say it shorter\Z"),
        ("!" + "x" * 1_000_000, r"\Anothing runs: this text is 1,000,000 bytes long.*; say it shorter\Z"),
        ("!tell the secret\x00", r"\Anothing runs: tell the secret\\u0000 fits no way to say secret\nsay: .*\Z"),
        ("!Confirm 00000000", r"\Athere is no execution 00000000.*\Z"),
    ],
    ids=lambda text: text[:30],
)
def test_bad_input_gets_one_clear_message_and_nothing_runs(talk: Talk, said: str, answer: str) -> None:
    starts_nothing(talk, said, answer)


@pytest.mark.parametrize("room", ["#ops", None])
def test_who_may_not_use_an_alias_does_not_hear_how_it_is_said(talk: Talk, room: str | None) -> None:
    talk.bob.says("!tell", room)
    talk.hears(r"\Anothing runs: tell fits no way to say secret\nsay: !tell the secret\Z", room or "@bob")
    talk.mallory.says("!tell", room)
    assert [text.split("\n")[0] for text in talk.quiet()] == ['Command "tell" not found.']


def test_our_own_words_are_understood_as_phones_write_them(talk: Talk) -> None:
    """Also alone: carol, who has asked for nothing, is told to name one."""
    talk.carol.says("!Confirm")
    talk.hears(r"\Asay which one", "#ops")


def test_two_ids_at_once_are_refused_and_confirm_neither(talk: Talk) -> None:
    """The second would be dropped without a word."""
    talk.alice.says("!Confirm 7f3kq2xa 5x2mh8vr")
    talk.hears(r"\Asay which one:\n!confirm 7f3kq2xa\n!confirm 5x2mh8vr\Z", "#ops")


def test_an_action_that_cannot_be_started_fails_and_says_why(talk: Talk) -> None:
    talk.alice.says("!start nothing")
    asked = talk.prompt()
    talk.alice.says(f"!confirm {asked}")
    talk.hears(rf"\A@alice {asked} failed after [0-9.]+ s: .*not-there.*; see !show {asked}\Z")


def test_our_own_words_win_over_an_expression_that_could_mean_them(talk: Talk) -> None:
    talk.alice.says("!Hold it")
    asked = talk.prompt()
    talk.alice.says(f"!Confirm {asked}")
    talk.hears(f"^{asked} confirmed by alice, running$")
    assert not any(re.search(PROMPT, text, re.MULTILINE) for text in talk.quiet())


def test_history_keeps_neither_aliases_nor_answers_and_does_not_break(talk: Talk) -> None:
    talk.carol.says("!restart web01")
    asked = talk.prompt()
    talk.carol.says(f"!confirm {asked}")
    talk.ended(asked)
    talk.quiet()  # that it runs may be said after how it ended: they are said by two threads
    talk.carol.says("!!")
    talk.carol.says("!1")
    assert talk.quiet() == []
    talk.carol.says("!pending")
    talk.hears("asked by|nothing waits")
    talk.carol.says("!!")
    talk.hears("asked by|nothing waits")
    talk.carol.says("!history")
    assert talk.hears(r"\A1:!pending", "#ops").string.splitlines() == ["1:!pending"]


def test_files_that_are_wrong_are_named_to_the_admins_at_the_start_and_the_rest_works(tmp_path: Path) -> None:
    write_files(tmp_path, FILES | WRONG)
    with a_bot(tmp_path, BOT_ADMINS_NOTIFICATIONS=("@alice",)) as talk:
        (told,) = [text for to, text in talk.heard if to == "@alice" and "left out" in text]
        assert re.findall(r"^• .*/(\w+\.yaml:\d+): ", told, re.MULTILINE) == [
            *("no_action.yaml:1", "unknown_key.yaml:3"),
        ]
        assert 'did you mean "confirm"?' in told
        assert not {"alias.no_action", "alias.unknown_key"} & set(talk.bot.all_commands)
        talk.alice.says("!aliases")
        assert "unknown_key.yaml:3" in talk.hears("left out:").string
        talk.alice.says("!restart web01")
        asked = talk.prompt()
        talk.alice.says(f"!confirm {asked}")
        talk.hears(f"{asked} confirmed by alice, running")


def test_an_alias_that_would_hide_a_command_of_ours_is_not_registered(tmp_path: Path) -> None:
    write_files(tmp_path, {"aliases/restart.yaml": RESTART, **HIDING})
    with a_bot(tmp_path) as talk:
        talk.alice.says("!aliases reload", None)
        told = talk.hears(r"\A1 alias, 0 guards and \d actions? are in use, with warnings:\n", "@alice").string
        assert re.findall(r'^• .*/(\w+)\.yaml:1: "(\w+)" is our own command', told, re.MULTILINE) == [
            *(("hides", "confirm"), ("hides_too", "show")),
        ]
        assert {name for name in talk.bot.all_commands if "alias." in name} == {"alias.restart"}
        for said in ("!confirm 00000000", "!Show 00000000", "!show 00000000"):
            talk.bob.says(said)
            talk.hears(r"\Athere is no execution 00000000", "#ops")


def test_a_reload_takes_a_new_file_or_keeps_the_last_good_set(tmp_path: Path) -> None:
    write_files(tmp_path, {"aliases/restart.yaml": RESTART})
    with a_bot(tmp_path) as talk:
        talk.alice.says("!restart web01")
        asked = talk.prompt()

        write_files(tmp_path, {"aliases/new.yaml": "{name: new, formats: [new one], run: {command: [echo, new]}}"})
        write_files(tmp_path, {"aliases/restart.yaml": RESTART.replace("echo,", "echo, changed,")})
        talk.alice.says("!new one")
        talk.hears('Command "new" / "new one" not found')
        talk.alice.says("!aliases reload", None)
        talk.hears(r"\A2 aliases, 0 guards and 2 actions are in use; see !aliases\Z", "@alice")
        talk.alice.says("!new one")
        talk.hears(r"\A@alice  new\n")

        write_files(tmp_path, {"aliases/wrong.yaml": "name: wrong\nformats: [wrong]\nrnu: {command: [echo]}\n"})
        (tmp_path / "aliases/new.yaml").unlink()
        talk.alice.says("!aliases reload", None)
        told = talk.hears("nothing was changed, the 2 aliases and 0 guards from before stay in use", "@alice").string
        assert re.search(r'/aliases/wrong\.yaml:3: .*"rnu".*did you mean "run"\?', told)
        talk.bob.says("!new one")
        talk.hears(r"\A@bob  new\n")
        talk.alice.says("!wrong")
        talk.hears('Command "wrong" not found')

        talk.alice.says(f"!confirm {asked}")
        talk.hears(rf"\A@alice {asked} succeeded in [0-9.]+ s: web on web01 1\Z")
        talk.alice.says("!restart web01")
        talk.hears(r"\A@alice  restart → web01 · web · 1\nruns: echo changed web on web01 1\n")

        (tmp_path / "aliases/wrong.yaml").unlink()
        talk.alice.says("!aliases reload", None)
        talk.hears(r"\A1 alias, 0 guards and 1 action are in use", "@alice")
        talk.alice.says("!new one")
        talk.hears('Command "new" / "new one" not found')


def test_only_an_admin_reloads(talk: Talk) -> None:
    talk.bob.says("!aliases reload", None)
    talk.hears(NOT_ADMIN, "@bob")
