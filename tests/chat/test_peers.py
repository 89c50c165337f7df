"""What users of other systems do, step by step: docs/comparison.md calls a system matched only if it is replayed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from err_confirm.catalog import Severity
from err_confirm.model.executions import State
from err_confirm.policy.seating import names
from servers import eventually
from talk import Talk, a_bot, write_files

ST2CHAT_CONFIRM = {
    # Names, references, formats and replies as in the two alias files of StackStorm's st2chat_confirm.
    "aliases/test.yaml": """\
---
name: st2chat_confirm.wf_with_confirm
enabled: true
action_ref: st2chat_confirm.wf_with_confirm
description: Where the workflow starts that asks first
formats:
  - display: "do_something with <hostlist> <param1>"
    representation:
      - "do_something with {{hostlist}} {{param1}}"
result:
  format: |
    Execution ID {{ execution.id }} complete.
""",
    "aliases/confirm_exec.yaml": """\
---
name: test.confirm_exec
enabled: true
action_ref: st2chat_confirm.confirm_exec
description: Says yes to an execution
formats:
  - display: "confirm <execution id>"
    representation:
      - "confirm {{exec_id}}"
ack:
  format: "Confirming action!"
  append_url: false
result:
  enabled: false
""",
    # In the place of its workflow: that one only says that it goes on.
    "actions/wf_with_confirm.yaml": """\
name: wf_with_confirm
pack: st2chat_confirm
parameters:
  hostlist: {type: string, required: true}
  param1: {type: string, default: ""}
run: {command: [echo, "{{ hostlist }}", "{{ param1 }}"]}
""",
}
TEN_POLLS = {"retry": {"count": 10, "delay": "3s"}}
"""As its workflow reads its key."""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("origin")
    write_files(folder, ST2CHAT_CONFIRM)
    with a_bot(folder, CONFIRM_DEFAULT=TEN_POLLS) as talk:
        yield talk


class TestStackStormSt2chatConfirm:
    """It asks, a warning with the id is posted, `! confirm <id>` within 10 polls lets it go on, or it is off."""

    def test_its_alias_files_load_unchanged_and_our_own_confirm_stands_in_for_its(self, origin: Talk) -> None:
        """An alias that would hide our command is left out aloud; nothing else is said of them."""
        catalog = origin.service.catalog
        (left_out,) = catalog.problems
        assert left_out.severity is Severity.WARNING
        assert re.search(r'confirm_exec\.yaml:\d+: .*"confirm', str(left_out))
        assert list(catalog.aliases) == ["st2chat_confirm.wf_with_confirm"]

    def test_who_asked_says_yes_within_the_polls_and_it_goes_on(self, origin: Talk) -> None:
        """What its warning leaves out is shown: what would run."""
        origin.alice.says("! do_something with web1,web2 soon")
        asked = origin.prompt("#ops")
        _, prompt = origin.heard[-1]
        assert re.search(rf"^runs: echo web1,web2 soon\n(30|29) s left .*\n!confirm {asked}$", prompt, re.MULTILINE)
        policy = origin.execution(asked).policy
        assert (names(policy.stages[0].quorum), policy.within) == (["requester"], 30.0)
        assert (policy.stages[0].retry_count, policy.stages[0].retry_delay) == (10, 3.0)
        origin.alice.says(f"! confirm {asked}")
        origin.hears(rf"\A{asked} confirmed by alice, running\Z", "#ops")
        origin.hears(rf"\A@alice {asked} succeeded in [0-9.]+ s\nExecution ID {asked} complete\.\Z", "#ops")

    def test_its_flaws_are_not_ours(self, origin: Talk) -> None:
        """There, any id is acknowledged, nobody can say no, and nobody knows who confirmed."""
        origin.alice.says("! do_something with web1 never")
        asked = origin.prompt("#ops")
        origin.alice.says("! confirm 00000000")
        origin.hears(r"\Athere is no execution 00000000", "#ops")
        origin.mallory.says(f"! confirm {asked}")
        origin.hears(rf"\A{asked} is not yours to confirm", "#ops")
        origin.alice.says(f"! deny {asked} wrong host")
        origin.hears(rf"\A@alice {asked} denied by alice: wrong host; nothing ran\Z", "#ops")
        assert [(vote.person, vote.verdict) for vote in origin.execution(asked).votes] == [("alice", "deny")]

    def test_when_all_polls_are_over_it_is_off(self, tmp_path: Path) -> None:
        """Ten of them, here 0.1 s apart and not 3 s, so that nobody need wait for half a minute."""
        write_files(tmp_path, ST2CHAT_CONFIRM)
        with a_bot(tmp_path, CONFIRM_DEFAULT={"retry": {"count": 10, "delay": "100ms"}}) as talk:
            talk.alice.says("! do_something with web1,web2 soon")
            asked = talk.prompt("#ops")
            talk.hears(rf"\A@alice {asked} expired: nobody who may confirm did in 1 s; nothing ran\n", "#ops")
            talk.alice.says(f"! confirm {asked}")
            talk.hears(rf"\A{asked} expired at [0-9:]+ UTC and nothing ran; ask again: !do_something with web1", "#ops")
            assert talk.execution(asked).fence == 0


# AWS Step Functions: a state machine with three branches, in each of which a person is told by e-mail, with a token of
# their own, and answers with `aws stepfunctions send-task-success --task-output <JSON>`, or `send-task-failure`.

PARALLEL_APPROVAL = {
    "aliases/pay.yaml": """\
name: pay
description: Pay an invoice after three people have approved
formats: ["pay {{invoice}}"]
run: {command: [sh, -c, printenv CONFIRM_ANSWERS, "{{ invoice }}"]}
confirm:
  by: [bob, carol, dave]
  need: all
  within: 1h
  ask: {dm: true}
  question: {text: "Your output?", type: json}
""",
}
APPROVERS = ("bob", "carol", "dave")
THREE = {name: [f"text:{name}"] for name in ("alice", *APPROVERS, "mallory")}


@pytest.fixture(scope="module")
def parallel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("parallel")
    write_files(folder, PARALLEL_APPROVAL)
    with a_bot(folder, CONFIRM_PEOPLE=THREE) as talk:
        yield talk


def three_are_told(talk: Talk, invoice: str) -> tuple[str, dict[str, str]]:
    """Ask for it; return its id, and for each approver the id with the token that they were told directly."""
    talk.alice.says(f"!pay {invoice}")
    keys = {person: talk.hears(r"^!confirm (\w{8}-\w{8})\b", f"@{person}")[1] for person in APPROVERS}
    (asked,) = {key.partition("-")[0] for key in keys.values()}
    return asked, keys


class TestStepFunctionsParallelHumanApproval:
    """Three are told at once, each with a token; it waits for all of them; one failure ends it for the others."""

    def test_three_approve_each_with_a_token_of_their_own_and_it_runs_once_with_what_they_said(
        self, parallel: Talk
    ) -> None:
        """Each output is JSON, and reaches what runs as data."""
        asked, keys = three_are_told(parallel, "4711")
        assert len(set(keys.values())) == 3
        outputs = {"bob": {"approved": True, "limit": 100}, "carol": ["ok", 2.5], "dave": "with € and 'quotes'"}
        for number, (person, output) in enumerate(outputs.items()):
            assert len(parallel.execution(asked).votes) == number
            assert parallel.execution(asked).fence == 0
            getattr(parallel, person).says(f"!confirm {keys[person]} {json.dumps(output)}", None)
            parallel.quiet()
        ended = parallel.ended(asked)
        assert (ended.state, ended.fence) == (State.SUCCEEDED, 1)
        answers = json.loads(ended.outcome.output)
        assert {answer["person"]: answer["answer"] for answer in answers} == outputs

    def test_one_refuses_and_it_is_over_at_once_and_the_others_are_told(self, parallel: Talk) -> None:
        """There, the run fails and the branches that wait are canceled without a word."""
        asked, keys = three_are_told(parallel, "4712")
        parallel.bob.says(f"!confirm {keys['bob']} {{}}", None)
        parallel.quiet()
        parallel.carol.says(f"!deny {asked} wrong account", None)
        for other in ("bob", "dave"):
            parallel.hears(rf"{asked}.*denied by carol: wrong account", f"@{other}")
        ended = parallel.ended(asked)
        assert (ended.state, ended.fence) == (State.DENIED, 0)
        parallel.dave.says(f"!confirm {keys['dave']} {{}}", None)
        parallel.hears(f"^{asked} was already denied by carol", "@dave")

    def test_its_flaws_are_not_ours(self, parallel: Talk) -> None:
        """There, whoever holds a token is believed, and the run waits for up to a year."""
        asked, keys = three_are_told(parallel, "4713")
        for person, key in (("mallory", "bob"), ("alice", "bob"), ("bob", "carol")):
            getattr(parallel, person).says(f"!confirm {keys[key]} {{}}", None)
            parallel.hears(asked, f"@{person}")
        for person in APPROVERS:
            getattr(parallel, person).says(f"!confirm {asked} {{}}", None)
            parallel.hears(asked, f"@{person}")
        waiting = parallel.execution(asked)
        assert (waiting.state, waiting.votes) == (State.PENDING, ())
        assert waiting.expires_at - waiting.stage_at == 3_600


# OpenOps: a workflow step Request Action, with a message and its actions, and after it what was chosen.

REQUEST_ACTION = {
    "actions/resize.yaml": """\
name: resize
parameters: {instance: {type: string, required: true}}
run: {command: [sh, -c, printenv CONFIRM_ANSWERS, "{{ instance }}"]}
""",
    "aliases/idle.yaml": """\
name: idle
description: What to do about an instance that is idle
formats: ["idle {{instance}}"]
run: {command: [sh, -c, printenv CONFIRM_ANSWERS, "{{ instance }}"]}
confirm:
  by: [bob, carol]
  within: 3d
  prompt: "{{ instance }} has been idle for a week"
  choices:
    Approve: {caption: "Stop it", sure: true}
    Dismiss: {deny: true, question: {text: "Who wants it kept?", type: email}}
    Snooze: {after: 1s}
    Resize: {run: resize, caption: "Make it smaller", question: {text: "How many CPUs?", type: number}}
    Tag: {question: {text: "Which tag?"}}
""",
    "aliases/plain.yaml": """\
name: plain
formats: ["plain {{instance}}"]
run: {command: [echo, "{{ instance }}"]}
confirm: {by: [bob, carol], within: 3d, choices: default, ask: "#finops"}
""",
    "aliases/brief.yaml": """\
name: brief
formats: ["brief {{instance}}"]
run: {command: [echo, "{{ instance }}"]}
confirm: {by: [bob, carol], retry: {count: 2, delay: 100ms}, choices: default}
""",
}


@pytest.fixture(scope="module")
def request_action(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("request_action")
    write_files(folder, REQUEST_ACTION)
    with a_bot(folder) as talk:
        yield talk


def asks(talk: Talk, text: str) -> str:
    """Let Alice ask for something that has choices; return the id of its prompt."""
    talk.alice.says(text)
    asked = talk.hears(r"^!deny ([0-9a-hjkmnp-tv-z]{8})$", "#ops")[1]
    eventually(lambda: talk.execution(asked).posted)
    return asked


def says(talk: Talk, person: str, text: str) -> None:
    getattr(talk, person).says(text)
    talk.quiet()


class TestOpenOpsRequestAction:
    """A message with choices, perhaps a question and "are you sure"; who chose what, or that time ran out, is known."""

    def test_the_message_has_its_header_the_choices_and_what_each_asks(self, request_action: Talk) -> None:
        asked = asks(request_action, "!idle i-1")
        *_, header, prompt = request_action.texts()
        assert "i-1 has been idle for a week" in header
        for choice in ("Approve", "Dismiss", "Snooze", "Resize", "Tag"):
            assert re.search(rf"^!confirm {asked} {choice}\b", prompt, re.MULTILINE), choice
        for words in ("Stop it", "Make it smaller", "How many CPUs?", "Who wants it kept?", "Which tag?"):
            assert words in prompt
        waiting = request_action.execution(asked)
        assert waiting.expires_at - waiting.stage_at == 3 * 86_400
        says(request_action, "alice", f"!cancel {asked}")

    def test_it_is_sent_to_another_channel_and_answered_there(self, request_action: Talk) -> None:
        """Both rooms hear how it ended."""
        asked = asks(request_action, "!plain i-9")
        assert any(to == "#finops" and f"!confirm {asked} approve" in text for to, text in request_action.heard)
        request_action.bob.says(f"!confirm {asked}", "#finops")
        request_action.hears(rf"^@alice {asked} succeeded", "#ops")
        request_action.hears(rf"^{asked} .*succeeded", "#finops")
        assert request_action.ended(asked).fence == 1

    def test_are_you_sure_is_asked_before_it_counts(self, request_action: Talk) -> None:
        asked = asks(request_action, "!idle i-2")
        says(request_action, "bob", f"!confirm {asked} Approve")
        assert request_action.execution(asked).votes == ()
        says(request_action, "bob", f"!confirm {asked} approve yes")
        ended = request_action.ended(asked)
        assert (ended.state, ended.fence, ended.choice, ended.decided_by) == (State.SUCCEEDED, 1, "Approve", "bob")

    @pytest.mark.parametrize(
        ("choice", "wrong", "right", "answer"),
        [("Resize", "many", "4", 4), ("Resize", "", "2.5", 2.5), ("Tag", "", "keep until May", "keep until May")],
    )
    def test_a_question_is_answered_by_its_type_and_the_answer_reaches_what_runs(
        self, request_action: Talk, choice: str, wrong: str, right: str, answer: object
    ) -> None:
        """Who chose what is told to it, too."""
        asked = asks(request_action, "!idle i-3")
        says(request_action, "bob", f"!confirm {asked} {choice} {wrong}".strip())
        assert request_action.execution(asked).votes == ()
        says(request_action, "bob", f"!confirm {asked} {choice} {right}")
        ended = request_action.ended(asked)
        assert (ended.state, ended.fence, ended.choice) == (State.SUCCEEDED, 1, choice)
        (told,) = json.loads(ended.outcome.output)
        assert (told["person"], told["choice"], told["answer"]) == ("bob", choice, answer)

    def test_a_no_may_have_a_question_too(self, request_action: Talk) -> None:
        asked = asks(request_action, "!idle i-4")
        says(request_action, "bob", f"!confirm {asked} Dismiss somebody")
        assert request_action.execution(asked).state is State.PENDING
        says(request_action, "bob", f"!confirm {asked} Dismiss erin@example.org")
        ended = request_action.ended(asked)
        assert (ended.state, ended.fence, ended.decided_by) == (State.DENIED, 0, "bob")
        (vote,) = ended.votes
        assert vote.answer == "erin@example.org"

    def test_who_snoozes_is_asked_again_and_then_it_runs_once(self, request_action: Talk) -> None:
        asked = asks(request_action, "!idle i-5")
        says(request_action, "bob", f"!confirm {asked} Snooze")
        request_action.hears(rf"^{asked} was snoozed, and is asked again", "#ops")
        says(request_action, "carol", f"!confirm {asked} Approve yes")
        ended = request_action.ended(asked)
        assert (ended.state, ended.fence, ended.decided_by) == (State.SUCCEEDED, 1, "carol")

    def test_the_default_is_approve_dismiss_and_snooze(self, request_action: Talk) -> None:
        """And what is none of them is no yes."""
        approved, dismissed, snoozed = (asks(request_action, f"!plain i-{number}") for number in range(3))
        for asked, choice in ((approved, "Approve"), (dismissed, "Dismiss"), (snoozed, "Snooze"), (snoozed, "Maybe")):
            says(request_action, "bob", f"!confirm {asked} {choice}")
        assert request_action.ended(approved).fence == 1
        assert request_action.ended(dismissed).state is State.DENIED
        later = request_action.execution(snoozed)
        assert (later.state, later.fence, later.ask_again_at is None) == (State.PENDING, 0, False)

    def test_when_time_runs_out_it_says_so_and_nothing_can_be_chosen(self, request_action: Talk) -> None:
        """There, the message loses its buttons; here, whoever answers is told."""
        asked = asks(request_action, "!brief i-6")
        request_action.hears(rf"{asked} expired", "#ops")
        says(request_action, "bob", f"!confirm {asked} Approve")
        ended = request_action.ended(asked)
        assert (ended.state, ended.fence, ended.votes) == (State.EXPIRED, 0, ())
