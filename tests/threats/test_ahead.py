"""What runs before anybody has confirmed it is held to its limits, and what it said is looked at again."""

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.engine.recheck import COUNTS, Recheck, difference
from err_confirm.errors import LimitError, NotReadyError, PreviewError, ProbeError, TargetsError, TemplateError
from err_confirm.model.executions import Place, Plan, Speaker, State, Verdict
from err_confirm.model.files import Action, PreviewRule, Probe, Source, TargetRule
from err_confirm.model.runs import NOTHING, Conduct, Invocation, Lookup, OnChange, Outcome, Preview, Target
from err_confirm.plan.preparing import LONGEST_PREVIEW, Preparing
from err_confirm.plan.probes import AT_ONCE, Probes
from err_confirm.rendering import begun
from err_confirm.runners import STARTERS
from err_confirm.runners.base import Context
from err_confirm.runners.processes.environment import CONSTANTS
from err_confirm.store.base import Store
from err_confirm.transition.events import Advance, Answer, Posted, Reason
from err_confirm.transition.steps import Refusal, Step
from servers import PATIENCE, eventually
from talk import a_bot, write_files

ANYONE = a_policy(("anyone",), retry_count=60, retry_delay=10.0)
ENDS = 1.0
"""Seconds of the time limit of what hangs; what does not is given longer than any machine needs."""


@pytest.fixture
def probes() -> Iterator[Probes]:
    probes = Probes(STARTERS)
    yield probes
    probes.stop()


def a_script(folder: Path, script: str, timeout: float = 20.0) -> Invocation:
    """Return what runs a shell script."""
    return Invocation(
        runner="command",
        spec={
            "argv": ["sh", "-c", script],
            "cwd": str(folder),
            "base": str(folder),
            "env": {},
            "timeout": timeout,
            "output_cap": 65_536,
        },
    )


def processes(folder: Path) -> list[int]:
    """Return the processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(process / "cwd")) == folder:
                found.append(int(process.name))
        except OSError:  # it has just ended
            continue
    return found


# What it is


@pytest.mark.parametrize(
    "script",
    [
        "sleep 1000",
        "trap '' TERM; sleep 1000 & sleep 1000 & wait; sleep 1000",
        "while :; do sleep 1000 & done 2>/dev/null & sleep 0.1; kill $!; sleep 1000",
        "yes",
        "exec >&- 2>&-; sleep 1000",
    ],
)
def test_what_hangs_forks_or_floods_is_ended_with_all_of_its_processes(
    probes: Probes, tmp_path: Path, script: str
) -> None:
    with pytest.raises(ProbeError, match=r"^was stopped after its time limit of 1 s$"):
        probes.output(a_script(tmp_path, script, timeout=ENDS))
    assert processes(tmp_path) == []


def test_what_it_leaves_in_the_background_ends_with_it(probes: Probes, tmp_path: Path) -> None:
    """Also if that keeps its output open."""
    script = "for each in $(seq 100); do sleep 1000 & done; echo web1"
    assert probes.output(a_script(tmp_path, script)) == "web1\n"
    assert processes(tmp_path) == []


def test_an_output_of_which_only_the_end_is_kept_is_never_taken(probes: Probes, tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match=r"^printed 70,000 bytes, more than its output_cap"):
        probes.output(a_script(tmp_path, "yes web1 | head -c 70000"))


def test_it_sees_nothing_of_the_bots_and_is_told_nothing(
    probes: Probes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BOT_TOKEN", "CONFIRM_STORE", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "canary")
    seen = dict(line.split("=", 1) for line in probes.output(a_script(tmp_path, "env")).splitlines())
    assert {name: value for name, value in seen.items() if name not in ("PWD", "SHLVL", "_")} == CONSTANTS


# How many


def test_one_of_each_person_and_few_at_once_are_under_way() -> None:
    """What was refused is not begun; what has ended makes room."""
    preparing, let_go, begun_by = Preparing(Probes(STARTERS), most=100), threading.Event(), list[str]()

    def begin(person: str) -> None:
        preparing.begin(person, lambda: (begun_by.append(person), let_go.wait(PATIENCE)))

    for number in range(AT_ONCE):
        begin(f"p{number}")
    with pytest.raises(LimitError, match="what you have asked for before is still being looked up"):
        begin("p0")
    with pytest.raises(LimitError, match="too many others are just being looked up"):
        begin("mallory")
    eventually(lambda: len(begun_by) == AT_ONCE)
    let_go.set()
    eventually(lambda: "mallory" in begun_by or tried(begin, "mallory"))
    assert sorted(begun_by) == ["mallory", *(f"p{number}" for number in range(AT_ONCE))]
    preparing.stop()


def tried(begin: Any, person: str) -> bool:
    try:
        begin(person)
    except LimitError:
        return False
    return True


def test_of_a_thousand_requests_in_a_minute_no_more_are_looked_up_than_may() -> None:
    clock, done = [0.0], list[int]()
    preparing = Preparing(Probes(STARTERS), most=10, monotonic=lambda: clock[0])
    for number in range(1_000):
        clock[0] += 0.05
        while not tried(lambda who: preparing.begin(who, lambda: done.append(number)), "mallory"):  # noqa: B023
            if number >= 10:
                break
    preparing.stop()
    assert len(done) == 10
    clock[0] += 60.0
    preparing.begin("mallory", lambda: done.append(-1))
    preparing.stop()
    assert done[-1] == -1


# What it says


@dataclass
class Inventory:
    """A runner whose runs end at once, with what was put in here."""

    says: str = "[]"
    key: str = "inventory"
    runs: int = 0

    def describe(self, _: Invocation) -> str:
        return "look"

    def start(self, _: Invocation, context: Context) -> "Inventory":
        assert context.told == {}
        self.runs += 1
        return Inventory(self.says)

    def wait(self, _: float) -> Outcome:
        return Outcome(exit_code=0, output=self.says)

    def stop(self, error: str) -> None:
        raise AssertionError(error)


LOOK = Invocation(runner="inventory", spec={})


def a_plan(folder: Path, *kinds: str) -> Plan:
    """Return the plan of an action that looks ahead."""
    probe = Probe(runner="command", run={"command": ["true"]})
    action = Action(
        name="it",
        runner="command",
        run={"command": ["echo", "{{ targets }}" if "targets" in kinds else "x"]},
        source=Source(folder / "actions/it.yaml"),
        base=folder,
        targets=TargetRule(probe=probe) if "targets" in kinds else None,
        preview=PreviewRule(probe=probe) if "preview" in kinds else None,
    )
    return begun(Plan(alias="it", action="it", policy=ANYONE), action)


def test_a_loop_that_hands_each_target_all_others_is_refused_before_it_is_too_large_to_keep(tmp_path: Path) -> None:
    action = Action(
        name="it",
        runner="command",
        run={"command": ["echo", "{{ target }}", "{{ targets }}"]},
        source=Source(tmp_path / "actions/it.yaml"),
        base=tmp_path,
        targets=TargetRule(of="{{ hosts }}"),
    )
    plan = Plan(alias="it", action="it", policy=ANYONE, parameters={"hosts": [f"web{n:03}" for n in range(1_000)]})
    with pytest.raises(
        TemplateError, match=r"has 1\d,\d+,\d+ bytes, and at most 4,194,304 are kept; leave targets out"
    ):
        begun(plan, action)


@pytest.mark.parametrize(("count", "usable"), [(1, True), (1_000, True), (1_001, False), (10_000, False)])
def test_no_more_targets_than_may_be_are_taken(tmp_path: Path, count: int, usable: bool) -> None:
    inventory = Inventory(json.dumps([f"web{number}" for number in range(count)]))
    preparing = Preparing(Probes({"command": inventory}), most=1)
    plan = a_plan(tmp_path, "targets")
    if usable:
        assert len(preparing.ready(plan).conduct.targets) == count
    else:
        with pytest.raises(TargetsError, match=f"says nothing usable: these are {count:,} targets, and at most 1,000"):
            preparing.ready(plan)


def test_a_dry_run_that_nobody_would_read_is_not_taken(tmp_path: Path) -> None:
    inventory = Inventory("x" * LONGEST_PREVIEW)
    preparing = Preparing(Probes({"command": inventory}), most=1)
    plan = a_plan(tmp_path, "preview")
    assert preparing.ready(plan).conduct.preview == Preview(invocation=plan.ahead.preview, output=inventory.says)  # type: ignore[union-attr, arg-type]
    inventory.says += "y"
    with pytest.raises(PreviewError, match=r"^the dry run of it printed 65,537 bytes, too many to be read"):
        preparing.ready(plan)


# What has changed until it runs


@dataclass
class Claims:
    """An engine that looks once more at each claim, and an inventory that can change."""

    store: Store
    inventory: Inventory = field(default_factory=Inventory)
    woken: threading.Event = field(default_factory=threading.Event)
    clock: float = 0.0

    def __post_init__(self) -> None:
        self.recheck = Recheck(Probes({"inventory": self.inventory}), self.woken.set, lambda: self.clock)
        self.engine = Engine(self.store, RECORDS, lambda _: None, vouch=self.recheck)

    def approved(self, conduct: Conduct) -> str:
        """Return the id of something that was confirmed."""
        plan = Plan(alias="it", action="it", policy=ANYONE, invocation=NOTHING, conduct=conduct)
        asked = self.engine.create(plan, Speaker("alice", Place(person="@alice")), "it").id
        self.engine.apply(asked, Posted())
        self.engine.apply(asked, Answer("bob", Verdict.APPROVE))
        return asked

    def claimed(self, asked: str) -> tuple[State, str]:
        """Return what becomes of it as soon as that can be told; nothing is started before."""
        self.woken.clear()
        first = self.engine.apply(asked, Advance("one"))
        assert isinstance(first, Refusal)
        assert first.reason is Reason.NOT_YET
        assert self.woken.wait(PATIENCE)
        then = self.engine.apply(asked, Advance("one"))
        assert isinstance(then, Step)
        return then.execution.state, then.execution.reason


def looked_up(*ids: str, on_change: OnChange = OnChange.REFUSE) -> Conduct:
    return Conduct(lookup=Lookup(targets=tuple(Target(id=each) for each in ids), invocation=LOOK, on_change=on_change))


def test_a_changed_inventory_lets_nothing_run_and_an_unchanged_one_once(store: Store) -> None:
    claims, ran = Claims(store), 0
    for now, why in {
        '["web1", "web2"]': "",
        '["web2", "web1"]': "",
        '["web1"]': "its targets have changed: - web2",
        '["web1", "web2", "web3"]': "its targets have changed: + web3",
        '["web1", {"id": "web2", "name": "x"}]': "its targets have changed: web2 is now x (web2)",
        "[]": "its targets have changed: - web1, - web2",
        "null": "what was looked up for it could not be looked up once more: it says nothing usable: "
        "the targets must be a list, and this is nothing",
    }.items():
        asked = claims.approved(looked_up("web1", "web2"))
        claims.inventory.says = now
        state, reason = claims.claimed(asked)
        assert (state, reason) == ((State.EXPIRED, why) if why else (State.RUNNING, ""))
        ran += state is State.RUNNING
    assert ran == 2


def test_what_was_found_counts_for_a_few_seconds_and_is_then_looked_up_anew(store: Store) -> None:
    claims = Claims(store)
    claims.inventory.says = '["web1"]'
    execution, _ = claims.engine.read(claims.approved(looked_up("web1")))
    assert execution
    for passed, runs in ((0.0, 1), (COUNTS, 1), (0.1, 2)):
        claims.clock += passed
        claims.woken.clear()
        eventually(lambda: found_by(claims.recheck, execution))
        assert claims.inventory.runs == runs


def found_by(recheck: Recheck, execution: Any) -> bool:
    try:
        return recheck(execution).doubt == ""
    except NotReadyError:
        return False


def test_a_difference_of_many_is_said_shortly() -> None:
    before, now = ([Target(id=f"{kind}{number}") for number in range(1_000)] for kind in "ab")
    assert difference(before, now).startswith("+ b0, + b1, + b2, + b3, + b4, and 995 more of these, - a0, - a1")
    assert len(difference(before, now)) < 200


# In a bot

FILES = {
    "aliases/reboot.yaml": """
name: reboot
formats: ["reboot {{host}}"]
confirm: {by: anyone, within: 10m}
targets: {command: ["./inventory", "{{ host }}"], timeout: 20s}
run: {command: ["echo", "rebooting", "{{ targets }}"]}
""",
    "inventory": """#!/bin/sh
echo "$1" >> asked
[ "$1" = stuck ] && { trap '' TERM; sleep 1000 & sleep 1000; }
echo "$1"
""",
}


def test_nothing_is_looked_up_for_what_is_locked_or_over_a_limit_and_nothing_survives_the_bot(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    limits = {"person": 2, "room": 100_000, "pause": "1ms"}

    def asked() -> list[str]:
        return (tmp_path / "asked").read_text().split()

    with a_bot(tmp_path, CONFIRM_LIMITS=limits) as talk:
        talk.alice.says("!reboot web1")
        first = talk.prompt()
        talk.alice.says("!reboot web2")
        talk.prompt()
        talk.alice.says("!reboot web3")
        talk.hears("^nothing runs: 2 prompts of yours wait already")
        talk.carol.says("!lock reboot it is being moved")
        talk.hears("^reboot is locked")
        talk.bob.says("!reboot web4")
        talk.hears("^nothing runs: reboot is locked by carol")
        talk.bob.says(f"!confirm {first}")
        talk.hears(f"{first} expired after it was confirmed: reboot is locked by carol")
        assert asked() == ["web1", "web2"]
        talk.carol.says("!unlock reboot")
        talk.hears("can be asked for again")
        talk.bob.says("!reboot stuck")
        talk.hears("^looking up the targets of reboot …$")
        assert len(processes(tmp_path)) >= 2
    eventually(lambda: talk.bot.heard.empty() or talk.hears("^nothing runs: .* stopped, because the bot was stopped$"))
    assert processes(tmp_path) == []
    assert asked() == ["web1", "web2", "stuck"]
