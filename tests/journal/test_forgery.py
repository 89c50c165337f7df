"""Bugs planted in what makes a forgery visible (journal, seal, records): the rules here find each of them."""

import itertools
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from builders import NOW, RECORDS, a_policy, an_execution
from err_confirm import journal
from err_confirm.errors import ErrConfirmError, SettingError
from err_confirm.journal import PRUNED, records
from err_confirm.model.executions import Execution, State, Verdict
from err_confirm.model.runs import LOOP_RUNNER, Invocation, Outcome, Part, PartState
from err_confirm.store import seal
from err_confirm.store.base import Head, Key, Record, Swap
from err_confirm.store.seal import KEY_BYTES, Seal
from err_confirm.store.sqlite_store import SqliteStore
from err_confirm.transition import transition
from err_confirm.transition.events import Abort, Advance, Answer, Cancel, Event, Finish, Posted, Progress, Renew
from err_confirm.transition.steps import LATEST_WRITE, Step
from planting import planted

SEAL = RECORDS.seal
YES = Answer("alice", Verdict.APPROVE, "why not", identity="slack:U1", room="#ops")
BEGUN = (Posted(), YES, Advance("one"))
Lines = list[tuple[int, str]]


def grown(module: ModuleType, *whats: str, through: int = 2, head: Head | None = None) -> Lines:
    """Return lines that tell of these, in a row after a head."""
    head, made = head or Head(), []
    for what in whats:
        facts = {"through": through} if what == PRUNED else {}
        told = module.Entry(at=NOW, what=what, execution="7f3kq2xa", facts=facts)
        text, head = module.append(SEAL, told)(head)
        made.append((head.number, text))
    return made


def heads(lines: Lines) -> list[Head]:
    return [journal.read_line(text).head for _, text in lines]


def lived(*events: Event, execution: Execution | None = None) -> Step:
    """Return the last step of an execution that lives through events, a second apart."""
    execution = execution or an_execution()
    for seconds, event in enumerate(events, 1):
        step = transition(execution, event, NOW + seconds)
        assert isinstance(step, Step)
        execution = step.execution
    return step


def before(*events: Event) -> Execution:
    return lived(*events).execution if events else an_execution()


# ---- the journal ----


def a_journal_that_was_left_alone_is_right(module: ModuleType, path: Path) -> None:
    right = grown(module, "asked", "posted", "confirmed", PRUNED, "running", "succeeded")
    assert list(module.check(right, SEAL, heads(right))) == []
    assert list(module.check(right[2:], SEAL, heads(right[2:]))) == [], "the beginning was forgotten on purpose"
    assert list(module.check([], SEAL)) == []


def each_attack_on_a_journal_is_found(module: ModuleType, path: Path) -> None:
    right = grown(journal, "asked", "posted", "confirmed", PRUNED, "running", "succeeded")
    other = grown(journal, "asked", "posted", "denied", "asked", "asked", "asked")
    forged, _ = journal.append(Seal(b"another key", "tests"), journal.Entry(at=NOW, what="asked", facts={}))(
        heads(right)[5]
    )
    for attack, found in (
        ([(at, text.replace("confirmed", "denied")) for at, text in right], "line 3 was changed"),
        ([(at, text.replace(str(NOW), "1")) for at, text in right], "line 1 was changed"),
        ([*right[:2], (3, right[2][1].replace("{", '{"who":"mallory",', 1)), *right[3:]], "line 3 was changed"),
        ([*right[:2], (3, "{}"), *right[3:]], "line 3 is no line"),
        ([right[0], (2, right[2][1]), (3, right[1][1]), *right[3:]], "line 2 stands in the wrong place: it is line 3"),
        ([right[0], (2, right[0][1]), *right[2:]], "line 2 stands in the wrong place: it is line 1"),
        ([*right[:2], *right[3:]], "line 3 is missing"),
        ([*right[:1], *right[4:]], "lines 2 to 4 are missing"),
        ([*right[:2], other[2], *right[3:]], "line 4 does not follow"),
        (right[3:], "line 3 is missing at the beginning"),
        (right[4:], "lines 1 to 4 are missing at the beginning"),
        ([*right, (7, forged)], "line 7 was changed, or was sealed with another key"),
    ):  # fmt: skip
        findings = list(module.check(attack, SEAL))
        assert any(finding.startswith(found) for finding in findings), (found, findings)


def a_cut_off_end_is_found_by_any_head_that_was_kept(module: ModuleType, path: Path) -> None:
    right = grown(journal, "asked", "posted", "confirmed")
    for kept in heads(right)[1:]:
        cut_off = f"the end is cut off: it ends with line 1, and a head of line {kept.number} was kept"
        assert list(module.check(right[:1], SEAL, [kept])) == [cut_off]
    regrown = [right[0], *grown(journal, "denied", "asked", head=heads(right)[0])]
    for kept in heads(right)[1:]:
        another = f"line {kept.number} is not the one whose head was kept"
        assert list(module.check(regrown, SEAL, [kept, heads(right)[0]])) == [another]


def each_line_is_read_once(module: ModuleType, path: Path) -> None:
    store = SqliteStore(path / "s.db")
    for number in range(25):
        told = module.Entry(at=NOW, what=str(number), execution="7f3kq2xa", facts={})
        store.swap(Swap(record=Record(f"id{number}", 1, "token", b""), journal=module.append(SEAL, told)))
    numbers = [line.number for line in itertools.islice(module.lines(store, SEAL, after=3), 99)]
    store.close()
    assert numbers == list(range(4, 26))


def each_step_is_told_by_who_did_it_and_why(module: ModuleType, path: Path) -> None:
    def told(*events: Event) -> list[object]:
        step = lived(*events)
        entry = module.entry(before(*events[:-1]), step.execution, NOW, events[-1])
        return entry and [entry.what, entry.who, entry.room, entry.version, entry.facts.get("reason")]

    life = BEGUN
    assert told(Posted()) == ["posted", "", "", 2, None]
    assert told(Posted(), YES) == ["confirmed", "alice", "#ops", 3, "why not"]
    assert told(Posted(), replace(YES, verdict=Verdict.DENY)) == ["denied", "alice", "#ops", 3, "why not"]
    assert told(*life) == ["running", "", "", 4, None]
    assert told(*life, Renew("one", 1)) is None
    assert told(*life, Finish("one", 1, Outcome(exit_code=2))) == ["failed", "", "", 5, None]
    assert told(Cancel("alice", "a slip")) == ["canceled", "alice", "", 2, "a slip"]
    assert told(*life, Progress("one", 1, (Part(),))) is None
    stop = Abort("alice", "wrong host", identity="slack:U1", room="#ops")
    assert told(*life, stop) == ["stopping", "alice", "#ops", 5, "wrong host"]
    again = replace(before(*life), fence=2, version=9)
    begun_again = module.entry(before(*life), again, NOW, Advance("two"))
    assert begun_again is not None
    assert begun_again.what == "running"
    ended = module.entry(before(*life), lived(*life, Finish("one", 1, Outcome(exit_code=2))).execution, NOW)
    running = module.entry(before(*life[:2]), before(*life), NOW)
    assert (ended.facts["exit_code"], running.facts["confirmed_by"], running.facts["fence"]) == (2, "alice", 1)
    asked = module.entry(None, an_execution(), NOW)
    assert (asked.what, asked.who, asked.room) == ("asked", "alice", "#ops")
    assert asked.facts["policy"]["stages"] == [{"quorum": {"by": ["requester"]}}]
    follows = module.entry(None, an_execution(parent="7f3kw0m2", cause="then"), NOW)
    assert (follows.facts.get("parent"), follows.facts.get("cause"), "parent" in asked.facts) == (
        "7f3kw0m2",
        "then",
        False,
    )


def of_a_loop_it_is_told_what_was_left_out_and_how_many_came_how_far(module: ModuleType, path: Path) -> None:
    parts = tuple(Part(state=PartState(state)) for state in ("done", "gone", "failed", "done"))
    loop = Invocation(runner=LOOP_RUNNER, spec={"each": [{}] * 4})
    approved, running = (replace(before(*BEGUN[:count]), invocation=loop, digest=loop.digest) for count in (2, 3))
    begun = module.entry(approved, replace(running, parts=parts), NOW, Advance("one")).facts
    assert (begun.get("gone"), begun["digest"], "spec" in begun) == ([1], loop.digest, False)
    end = replace(running, state=State.FAILED, outcome=Outcome(exit_code=1), parts=parts)
    assert module.entry(running, end, NOW).facts.get("parts") == {"done": 2, "gone": 1, "failed": 1}


# ---- the seal ----


def whatever_differs_has_another_seal(module: ModuleType, path: Path) -> None:
    one, two, three = module.Seal(b"k" * 32, "one"), module.Seal(b"k" * 32, "two"), module.Seal(b"l" * 32, "one")
    body = b'["a", 1]\nx'
    seals = [
        *(each.record(*what) for each in (one, two, three) for what in (("a", 1, b"x"), ("a", 11, b"x"), ("a1", 1, b"x"), ("a", 1, b"y"))),
        *(each.line(what) for each in (one, two, three) for what in (body, b"x")),
    ]  # fmt: skip
    assert len(set(seals)) == len(seals)
    assert module.Seal(b"k" * 32, "one").record("a", 1, b"x") == seals[0]


def two_seals_are_the_same_only_if_each_character_is(module: ModuleType, path: Path) -> None:
    assert module.same("abc", "abc")
    assert not any(module.same("abc", other) for other in ("abd", "xbc", "ab", "", "abcd"))


def a_key_is_ours_alone(module: ModuleType, path: Path) -> None:
    own = path / "folder" / "our.key"
    key = module.load_key(own)
    assert (len(key), module.load_key(own)) == (KEY_BYTES, key)
    assert (stat.S_IMODE(own.stat().st_mode), [each.name for each in own.parent.iterdir()]) == (0o600, ["our.key"])
    assert module.load_key(path / "other.key") != key
    for mode in (0o640, 0o604, 0o620, 0o602):
        own.chmod(mode)
        assert refused(module.load_key, own)
    short = path / "short.key"
    short.write_text("00" * (KEY_BYTES - 1))
    short.chmod(0o600)
    assert refused(module.load_key, short)


def refused(load: Callable[[Path], bytes], path: Path) -> bool:
    try:
        load(path)
    except SettingError:
        return True
    return False


# ---- the records ----


def what_is_written_is_read_again_and_nothing_else_is(module: ModuleType, path: Path) -> None:
    ours, execution = module.Records(SEAL), before(Posted(), YES)
    record = ours.first_swap(execution).record
    assert ours.read(record) == execution
    sealed, body = record.body[:64], record.body[64:]
    renamed = replace(record, id="7f3kq2xb")
    by_our_key = replace(renamed, body=SEAL.record(renamed.id, renamed.version, body).encode() + body)
    for forged in (
        renamed,
        by_our_key,
        replace(record, version=2),
        replace(record, body=sealed + body.replace(b"alice", b"mallo")),
        replace(record, body=body),
        replace(record, body=b""),
        replace(record, body=SEAL.record(record.id, record.version, b"{}").encode() + b"{}"),
        module.Records(Seal(b"another key", "tests")).first_swap(execution).record,
        module.Records(Seal(b"a key for tests", "elsewhere")).first_swap(execution).record,
    ):
        with pytest.raises(records.RecordError):
            ours.read(forged)


def a_swap_says_all_that_goes_with_a_step(module: ModuleType, path: Path) -> None:
    ours = module.Records(SEAL)
    first = ours.first_swap(an_execution())
    assert (first.not_before, first.not_after, first.due_at) == (0.0, NOW + LATEST_WRITE, NOW + 60)
    assert first.journal is not None
    both = an_execution(a_policy(by=("requester", "bob"), deny_by=("bob",)))
    approved = lived(YES, execution=both)
    vote = ours.step_swap(both, approved)
    assert vote.keys == (Key(both.id, "alice", "approve", NOW + 61),)
    assert (vote.not_before, vote.not_after, vote.due_at, vote.keep_until) == (NOW + 1, NOW + 6, NOW + 1, None)
    denied = lived(YES, replace(YES, person="bob", verdict=Verdict.DENY), execution=both)
    end = ours.step_swap(approved.execution, denied)
    assert end.keys == (Key(both.id, "bob", "deny", NOW + 62),), "one key a new vote, and none for the others"
    assert (end.record.version, end.keep_until is not None, end.due_at is not None) == (3, True, True)
    assert len({first.record.token, vote.record.token, end.record.token}) == 3
    assert (vote.journal is not None, end.journal is not None, denied.execution.state) == (True, True, State.DENIED)
    text, head = end.journal(Head(6, "before"))
    line = journal.read_line(text, SEAL)
    assert (line.number, line.before, line.entry.at, head) == (7, "before", NOW + 2, line.head)


RULES: dict[ModuleType, list[Callable[[ModuleType, Path], None]]] = {
    journal: [
        a_journal_that_was_left_alone_is_right,
        each_attack_on_a_journal_is_found,
        a_cut_off_end_is_found_by_any_head_that_was_kept,
        each_line_is_read_once,
        each_step_is_told_by_who_did_it_and_why,
        of_a_loop_it_is_told_what_was_left_out_and_how_many_came_how_far,
    ],
    seal: [whatever_differs_has_another_seal, two_seals_are_the_same_only_if_each_character_is, a_key_is_ours_alone],
    records: [what_is_written_is_read_again_and_nothing_else_is, a_swap_says_all_that_goes_with_a_step],
}

TYPES = {journal: ("Entry",), records: ("RecordError",)}

PLANTED = {
    "an edit is not seen": (journal, "same(sealed, seal.line(_canonical(body)))", "True"),
    "a key may stand twice": (journal, ' and text == _json({**body, "seal": sealed})', ""),
    "a line may stand anywhere": (journal, "if line.number != number:", "if False:"),
    "a line follows any other": (journal, "elif last and before and line.before != before:", "elif False:"),
    "a line names no line before it": (journal, '"before": head.seal}', '"before": ""}'),
    "a hole is not seen": (journal, "if last and number != last + 1:", "if False:"),
    "the beginning may be gone": (journal, "if first > 1 and pruned < first - 1:", "if False:"),
    "what was forgotten on purpose excuses all": (journal, "pruned < first - 1", "not pruned"),
    "what was forgotten on purpose is missed": (journal, "if line.entry.what == PRUNED:", "if False:"),
    "the end may be cut off": (journal, "if expected and max(expected) > last:", "if False:"),
    "a head that was kept proves nothing": (journal, "if number in expected and not", "if False and not"),
    "only the lowest head is looked at": (journal, "for head in heads}", "for head in sorted(heads, key=lambda head: head.number)[:1]}"),
    "what is no line is passed over": (journal, '            yield f"line {number} {error}"\n', ""),
    "numbers begin anew": (journal, '"number": head.number + 1', '"number": 1'),
    "a page is read again": (journal, "        if len(page) < PAGE:\n            return\n        after = page[-1][0]", "        after = page[-1][0] - 1 if after < 20 else page[-1][0]"),
    "a no is told as a yes": (journal, 'what = "confirmed" if yes else', 'what = "confirmed" if True else'),
    "a sign of life is told": (journal, "    if (after.state, after.fence) != (before.state, before.fence):", "    if True:"),
    "who canceled is not told": (journal, "isinstance(event, Cancel | Abort)", "isinstance(event, Abort)"),
    "who confirmed is not told": (journal, "who=vote.person", 'who=""'),
    "what runs is told without its claim": (journal, '"fence": execution.fence, "confirmed_by": execution.decided_by', '"fence": 0, "confirmed_by": ""'),
    "that it is to be stopped is not told": (journal, "if after.aborted_by != before.aborted_by:", "if False:"),
    "who wants it stopped is not told": (journal, "isinstance(event, Cancel | Abort)", "isinstance(event, Cancel)"),
    "why it is to be stopped is not told": (journal, '{"reason": after.abort_reason}', '{"reason": ""}'),
    "a second run is not told": (journal, "(after.state, after.fence) != (before.state, before.fence)", "after.state != before.state"),
    "what was left out is not told": (journal, '{**_runs(execution.runs), **({"gone": gone} if gone else {})}', "_runs(execution.runs)"),
    "all targets are told again": (journal, 'del runs["spec"]', "pass"),
    "how far targets came is not told": (journal, '({"parts": Counter(part.state for part in execution.parts)} if execution.parts else {})', "{}"),
    "what it follows is not told": (journal, "if execution.parent else {}", "if False else {}"),
    "a record counts under any name": (seal, "json.dumps([execution_id, version])", "json.dumps([version])"),
    "a record counts in any version": (seal, "json.dumps([execution_id, version])", "json.dumps([execution_id])"),
    "name and version run together": (seal, "json.dumps([execution_id, version])", 'f"{execution_id}{version}"'),
    "what it holds is not sealed": (seal, 'b"\\n" + body', 'b"\\n"'),
    "a record counts in any namespace": (seal, "record {namespace}", "record"),
    "a line counts in any namespace": (seal, "journal {namespace}", "journal"),
    "a line counts as a record": (seal, "err-confirm journal {namespace}", "err-confirm record {namespace}"),
    "any key will do": (seal, "hmac.digest(key,", 'hmac.digest(b"",'),
    "a half of a seal is enough": (seal, "(one.encode(), other.encode())", "(one[:2].encode(), other[:2].encode())"),
    "any seal will do": (seal, "return hmac.compare_digest(one.encode(), other.encode())", "return True"),
    "a group may read the key": (seal, "& 0o077", "& 0o007"),
    "others may write the key": (seal, "& 0o077", "& 0o075"),
    "a new key is for all": (seal, "0o600)", "0o644)"),
    "a short key will do": (seal, "if len(key) < KEY_BYTES:", "if not key:"),
    "a new key is short": (seal, "token_hex(KEY_BYTES)", "token_hex(KEY_BYTES - 1)"),
    "a draft of the key stays": (seal, "        draft.unlink()", "        pass"),
    "a record needs no seal": (records, "if not same(sealed", "if False and not same(sealed"),
    "a record may hold another execution": (records, "if (execution.id, execution.version) != (record.id, record.version):", "if execution.version != record.version:"),
    "a step has no line": (records, "journal=None if told is None else append(self.seal, told)", "journal=None"),
    "each vote's key is written again": (records, "in new_votes(before, after)", "in after.votes"),
    "a key outlives its vote": (records, "str(vote.verdict), vote.expires_at", "str(vote.verdict), vote.expires_at + 1"),
    "nothing is ever due": (records, "due_at=due_at(after)", "due_at=None"),
    "nothing is ever forgotten": (records, "keep_until=keep_until(after)", "keep_until=None"),
    "a swap may come whenever": (records, "not_after=step.not_after", "not_after=9e9"),
    "a swap may come too early": (records, "not_before=step.not_before", "not_before=0.0"),
    "all swaps are one": (records, "secrets.token_hex(8)", '"token"'),
}  # fmt: skip


@pytest.mark.parametrize("rule", [rule for rules in RULES.values() for rule in rules], ids=lambda rule: rule.__name__)
def test_the_rules_hold_for_what_is_there(rule: Callable[[ModuleType, Path], None], tmp_path: Path) -> None:
    module = next(module for module, rules in RULES.items() if rule in rules)
    rule(module, tmp_path)


@pytest.mark.parametrize("bug", PLANTED)
def test_each_planted_bug_is_found_by_the_rules(bug: str, tmp_path: Path) -> None:
    module, right, wrong = PLANTED[bug]
    module_with_it = planted(module, right, wrong, *TYPES.get(module, ()))
    assert not all(holds(rule, module_with_it, tmp_path / rule.__name__) for rule in RULES[module])


def holds(rule: Callable[[ModuleType, Path], None], module: ModuleType, path: Path) -> bool:
    """Tell whether a rule holds for a module; one that raises where it must not does not keep it either."""
    path.mkdir()
    try:
        rule(module, path)
    except (AssertionError, ErrConfirmError, pytest.fail.Exception):
        return False
    return True
