"""What follows is asked for in the same room, by the same person, under its own policy; what cannot be is said."""

import sys
from collections.abc import Iterator

import pytest

from err_confirm.model.executions import State
from talk import Talk, a_bot, write_files

EXIT = f"{sys.executable}, -c, 'import sys; print(sys.argv[2]); sys.exit(int(sys.argv[1]))'"
FILES = {
    "aliases/deploy.yaml": f"""\
name: deploy
formats: ['deploy {{{{app}}}} {{{{code=0}}}}']
run: {{command: [{EXIT}, '{{{{code}}}}', '{{{{app}}}}']}}
confirm: {{choices: {{approve: {{}}, half: {{}}, reject: {{deny: true}}}}, deny: {{by: anyone}}}}
then: verify
else: {{alias: rollback, parameters: {{app: '{{{{ app }}}}', why: 'code-{{{{ result.exit_code }}}}'}}}}
finally: clean
on:
  half: rest
  reject: {{alias: tell, parameters: {{whom: '{{{{ answers[0].person }}}}', why: '{{{{ reason }}}}'}}}}
  canceled: clean
""",
    "aliases/verify.yaml": """\
{name: verify, formats: ['verify {{app}}'], run: {command: [echo, '{{app}}']}, confirm: none}
""",
    "aliases/rollback.yaml": """\
{name: rollback, formats: ['roll back {{app}} {{why}}'], run: {command: [echo, back, '{{app}}', '{{why}}']},
 confirm: {by: bob}}
""",
    "aliases/clean.yaml": "{name: clean, formats: [clean], run: {command: [echo, cleaned]}, confirm: none}",
    "aliases/rest.yaml": "{name: rest, formats: [the rest], run: {command: [echo, rest]}, confirm: none}",
    "aliases/tell.yaml": """\
{name: tell, formats: [{display: only afterwards}], run: {command: [echo, '{{whom}}', '{{why}}']}, confirm: none,
 parameters: {whom: {required: true}, why: {free: true}}}
""",
    "aliases/secret.yaml": "{name: secret, formats: [secret], run: {command: [echo, secret]}, confirm: none}",
    "aliases/look.yaml": "{name: look, formats: [look], run: {command: [echo, it]}, confirm: none, then: secret}",
    "aliases/pick.yaml": """\
{name: pick, formats: ['pick {{what}}'], parameters: {what: {type: string, free: true, dash: true}},
 run: {command: [echo, '{{what}}']}, confirm: none,
 then: {alias: verify, parameters: {app: '{{ result.output }}'}}}
""",
}


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("bot")
    write_files(folder, FILES)
    with a_bot(folder, ACCESS_CONTROLS={"Alias commands:alias.secret": {"denyusers": ["#ops/alice"]}}) as talk:
        yield talk


def deploy(talk: Talk, text: str, answer: str = "confirm {}", by: str = "alice") -> str:
    """Ask for a deployment, answer its prompt, and return its id."""
    talk.alice.says(f"!deploy {text}")
    asked = talk.prompt()
    getattr(talk, by).says(f"!{answer.format(asked)}")
    return asked


def followers(talk: Talk, parent: str) -> dict[str, str]:
    """Return the id of each that has followed, by its cause, once the end before it was noted as told."""
    talk.ended(parent)
    return {each.cause: each.id for each in talk.executions() if each.parent == parent}


def test_success_is_followed_at_once_by_what_nobody_has_to_confirm_and_show_tells_of_both(talk: Talk) -> None:
    talk.alice.says("!deploy shop")
    said = (
        r"^then: `?verify`?, without asking · if it fails: `?rollback`?, which asks again · finally: `?clean`?, "
        r"without asking · on half: "
    )
    asked = talk.hears(said + r".*^!confirm (\S{8})")[1]
    talk.alice.says(f"!confirm {asked}")
    talk.hears(f"{asked} succeeded")
    talk.hears(rf"running: `?echo shop`?, follows {asked} \(then\)")
    found = followers(talk, asked)
    assert sorted(found) == ["finally", "then"]
    for child in found.values():
        assert talk.ended(child).state is State.SUCCEEDED
    talk.alice.says(f"!show {asked}")
    talk.hears(f"^then: {found['then']} succeeded\nfinally: {found['finally']} succeeded$")
    talk.alice.says(f"!show {found['then']}")
    talk.hears(rf"^follows {asked} \(then\)\nsaid: `?verify app=shop`?$")
    talk.alice.says("!executions")
    talk.hears(rf"{found['then']} succeeded · `?verify app=shop`? by `?alice`? · follows {asked} \(then\)$")
    talk.alice.says("!executions verify since 1h")
    talk.hears(rf"{found['then']} succeeded · `?verify app=shop`? by `?alice`? · follows {asked} \(then\)$")


def test_failure_is_followed_by_a_prompt_of_its_own_policy_with_what_the_program_said(talk: Talk) -> None:
    asked = deploy(talk, "shop 3")
    child = talk.hears(rf"rollback.*→ .*shop.*code-3.*^follows {asked} \(else\)$.*^!confirm (\S{{8}})$")[1]
    talk.alice.says(f"!confirm {child}")
    talk.hears("may not|only|not yours")
    talk.bob.says(f"!confirm {child}")
    talk.hears(f"{child} succeeded.*back shop code-3")
    assert sorted(followers(talk, asked)) == ["else", "finally"]


@pytest.mark.parametrize(
    ("answer", "causes"),
    [("confirm {} half", ["finally", "half", "then"]), ("cancel {}", ["canceled"]), ("deny {} no", [])],
)
def test_a_choice_and_each_other_end_are_followed_by_what_is_theirs(talk: Talk, answer: str, causes: list[str]) -> None:
    asked = deploy(talk, "shop", answer)
    assert sorted(followers(talk, asked)) == causes


def test_what_those_answered_who_denied_it_is_handed_on(talk: Talk) -> None:
    asked = deploy(talk, "shop", "confirm {} reject because it is late", by="bob")
    talk.hears("bob because it is late")
    assert list(followers(talk, asked)) == ["reject"]


@pytest.mark.parametrize(
    ("text", "why"), [("'-oProxyCommand=x'", 'must not start with "-"'), ("'; id'", "must be one word")]
)
def test_what_a_program_wrote_cannot_be_an_option_or_a_command(talk: Talk, text: str, why: str) -> None:
    talk.alice.says(f"!pick {text}")
    said = talk.hears(rf'(\S{{8}}) is not followed by `?verify`? \(then\): .*"app" {why}.*ask for it yourself')
    assert followers(talk, said[1]) == {}
    assert len([text for text in talk.texts() if f"{said[1]} is not followed" in text]) == 1


def test_a_lock_holds_also_for_what_follows(talk: Talk) -> None:
    talk.bob.says("!lock verify 1h migration")
    talk.hears("verify.*locked")
    asked = deploy(talk, "shop")
    talk.hears(f"{asked} is not followed by `?verify`? .*locked by bob")
    talk.bob.says("!unlock verify")
    assert list(followers(talk, asked)) == ["finally"]


def test_who_may_not_give_a_command_does_not_get_it_by_what_it_follows(talk: Talk) -> None:
    """Access control is asked for it, too, though nobody has to confirm it."""
    talk.alice.says("!look")
    child = talk.hears(r"(\S{8}) expired: .*does not let alice ask for it any more.*^it followed \S{8} \(then\); see ")[
        1
    ]
    assert talk.ended(child).outcome is None
