"""What users of other systems do, step by step: docs/comparison.md calls a system matched only if it is replayed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from err_confirm.catalog import Severity
from err_confirm.policy import names
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
