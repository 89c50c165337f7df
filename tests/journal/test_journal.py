"""The journal tells of each step once, and shows whatever was changed, moved, left out or cut off."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from builders import NOW, RECORDS, a_policy, an_execution
from err_confirm.engine import Engine
from err_confirm.errors import LineError, RecordError, StoreUnavailableError
from err_confirm.journal import PRUNED, Entry, append, check, lines, read_line
from err_confirm.journal.records import Records
from err_confirm.journal.witness import Witness
from err_confirm.model.executions import Place, Speaker, State, Verdict
from err_confirm.model.policies import Policy
from err_confirm.model.runs import Conduct, Outcome
from err_confirm.store.base import Head, Store, Swap
from err_confirm.store.seal import Seal
from err_confirm.store.sqlite_store import SqliteStore
from err_confirm.transition import transition
from err_confirm.transition.events import Advance, Answer, Cancel, Event, Finish, Posted, Renew, Told
from err_confirm.transition.steps import LEASE, Decision, Step
from faulty import Overtaken
from house import a_plan
from tampering import cut_journal, put_back

SEAL = RECORDS.seal
FINE = Outcome(exit_code=0, output="a secret\n")
YES = Answer("bob", Verdict.APPROVE, identity="slack:U2", room="#ops")
NO = Answer("bob", Verdict.DENY, "too late", identity="slack:U2", room="#ops")
ANYBODY = a_policy(by=("anyone",), deny_by=("anyone",))


def lived(store: Store, *events: Event, policy: Policy | None = ANYBODY) -> str:
    """Let an execution live through events; returns its id."""
    engine = Engine(store, RECORDS, lambda _: None)
    place = Place(person="@alice", room="#ops")
    asked = engine.create(a_plan(policy), Speaker("alice", place, "slack:U1"), "count it")
    for event in events:
        engine.apply(asked.id, event)
    return asked.id


def entries(store: Store) -> list[Entry]:
    return [line.entry for line in lines(store, SEAL)]


class TestLines:
    def test_a_life_is_told_step_by_step(self, store: Store) -> None:
        """Who asked, who answered, from where, what exactly ran, how it ended; a renewal or a note is no step."""
        life = (Posted(), YES, Advance("one"), Renew("one", 1), Finish("one", 1, FINE), Told(State.SUCCEEDED))
        asked = lived(store, *life)
        told = entries(store)
        assert [entry.what for entry in told] == ["asked", "posted", "confirmed", "running", "succeeded"]
        assert {entry.execution for entry in told} == {asked}
        assert [entry.version for entry in told] == [1, 2, 3, 4, 6]
        first, _, vote, running, end = told
        assert (first.who, first.identity, first.room) == ("alice", "slack:U1", "#ops")
        assert (first.facts["text"], first.facts["policy"]["stages"][0]["quorum"]) == ("count it", {"by": ["anyone"]})
        assert (vote.who, vote.identity, vote.room) == ("bob", "slack:U2", "#ops")
        assert (running.facts["spec"], running.facts["runner"]) == ({"name": "it"}, "count")
        assert running.facts["digest"] == first.facts["digest"] == vote.facts["digest"]
        assert (running.facts["process"], running.facts["fence"], running.facts["confirmed_by"]) == ("one", 1, "bob")
        assert (end.facts["exit_code"], end.facts["error"]) == (0, "")

    @pytest.mark.parametrize(
        ("events", "what", "who", "reason"),
        [
            ((Posted(), NO), "denied", "bob", "too late"),
            ((Posted(), YES, NO), "denied", "bob", "too late"),
            ((Cancel("alice", "a slip"),), "canceled", "alice", "a slip"),
        ],
    )
    def test_a_no_is_told_with_its_reason(
        self, store: Store, events: tuple[Event, ...], what: str, who: str, reason: str
    ) -> None:
        lived(store, *events)
        last = entries(store)[-1]
        assert (last.what, last.who, last.facts["reason"]) == (what, who, reason)

    def test_whoever_takes_it_back_is_told_with_where_from(self, store: Store) -> None:
        """Regression: who the network says that it was, and the room, were left out."""
        lived(store, Posted(), Cancel("alice", identity="irc:alice!a@host", room="#dev"))
        last = entries(store)[-1]
        assert (last.who, last.identity, last.room) == ("alice", "irc:alice!a@host", "#dev")

    def test_what_needs_nobody_is_told_too(self, store: Store) -> None:
        lived(store, Posted(), Advance("one"), Finish("one", 1, Outcome(exit_code=3)), policy=None)
        assert [entry.what for entry in entries(store)] == ["asked", "posted", "running", "failed"]
        assert entries(store)[0].facts["policy"] is None

    def test_the_output_of_a_run_is_not_in_the_journal(self, store: Store) -> None:
        lived(store, Posted(), YES, Advance("one"), Finish("one", 1, FINE))
        assert "secret" not in "".join(text for _, text in store.journal(0, 100))

    def test_the_last_line_about_an_execution_is_found_however_far_back(self, store: Store) -> None:
        asked = lived(store, Posted())
        for _ in range(60):
            lived(store)
        assert Witness(store, SEAL).last(asked)[0][0] == 2
        assert Witness(store, SEAL).last("nobody00")[0] is None


def chain(*whats: str) -> list[tuple[int, str]]:
    """Return lines that tell of these, in a row."""
    head, made = Head(), []
    for what in whats:
        facts = {"through": 2} if what == PRUNED else {}
        text, head = append(SEAL, Entry(at=NOW, what=what, execution="7f3kq2xa", facts=facts))(head)
        made.append((head.number, text))
    return made


def head_of(line: tuple[int, str]) -> Head:
    return read_line(line[1]).head


RIGHT = chain("asked", "posted", "confirmed", PRUNED, "running", "succeeded")
OTHER = chain("asked", "posted", "denied", "asked", "asked", "asked")
FORGED = append(Seal(b"another key", "tests"), Entry(at=NOW, what="confirmed", facts={}))(head_of(RIGHT[5]))
ELSEWHERE = append(Seal(b"a key for tests", "elsewhere"), Entry(at=NOW, what="asked", facts={}))(head_of(RIGHT[5]))


def edited(number: int, old: str, new: str) -> list[tuple[int, str]]:
    return [(at, text.replace(old, new) if at == number else text) for at, text in RIGHT]


class TestCheck:
    def test_what_was_left_alone_is_right(self) -> None:
        assert list(check(RIGHT, SEAL, map(head_of, RIGHT))) == []
        assert list(check([], SEAL)) == []

    @pytest.mark.parametrize(
        ("attack", "found"),
        [
            (edited(3, '"confirmed"', '"denied"'), "line 3 was changed"),
            (edited(3, "7f3kq2xa", "7f3kq2xb"), "line 3 was changed"),
            (edited(3, str(NOW), str(NOW + 1)), "line 3 was changed"),
            (edited(3, '{"', '["'), "line 3 is no line"),
            (edited(3, '{"number"', '{"what":"denied","number"'), "line 3 was changed"),
            (edited(3, '{"number"', '{ "number"'), "line 3 was changed"),
            ([*RIGHT[:2], (3, ""), *RIGHT[3:]], "line 3 is no line"),
            ([*RIGHT[:2], (3, "[" * 100_000), *RIGHT[3:]], "line 3 is no line"),
            ([*RIGHT[:2], (3, "[]"), *RIGHT[3:]], "line 3 is no line"),
            ([*RIGHT[:1], (2, RIGHT[2][1]), (3, RIGHT[1][1]), *RIGHT[3:]], "line 2 stands in the wrong place"),
            ([*RIGHT[:1], (2, RIGHT[0][1]), *RIGHT[2:]], "line 2 stands in the wrong place: it is line 1"),
            ([*RIGHT[:2], *RIGHT[3:]], "line 3 is missing"),
            ([*RIGHT[:1], *RIGHT[4:]], "lines 2 to 4 are missing"),
            ([*RIGHT[:2], OTHER[2], *RIGHT[3:]], "line 4 does not follow"),
            ([*OTHER[:3], *RIGHT[3:]], "line 4 does not follow"),
            (RIGHT[3:], "line 3 is missing at the beginning"),
            (RIGHT[4:], "lines 1 to 4 are missing at the beginning"),
            ([*RIGHT, (7, FORGED[0])], "line 7 was changed, or was sealed with another key"),
            ([*RIGHT, (7, ELSEWHERE[0])], "line 7 was changed, or was sealed with another key"),
        ],
    )
    def test_each_attack_is_found(self, attack: list[tuple[int, str]], found: str) -> None:
        """An edit, a swap, a deletion, a line of another chain, a forged one, a beginning that is gone."""
        assert any(found in finding for finding in check(attack, SEAL)), list(check(attack, SEAL))

    def test_a_beginning_that_was_forgotten_on_purpose_is_right(self) -> None:
        assert list(check(RIGHT[2:], SEAL)) == []
        assert list(check(RIGHT[1:], SEAL)) == [], "and so is one that a crash has left"

    @pytest.mark.parametrize("left", [0, 1, 5])
    def test_a_cut_off_end_is_found_by_a_head_that_was_kept(self, left: int) -> None:
        assert list(check(RIGHT[:left], SEAL)) == [], "the lines alone cannot tell"
        (finding,) = check(RIGHT[:left], SEAL, [head_of(RIGHT[5])])
        assert finding == f"the end is cut off: it ends with line {left}, and a head of line 6 was kept"

    def test_an_end_that_was_cut_off_and_grew_again_is_found_by_a_head_that_was_kept(self) -> None:
        assert "line 6 is not the one whose head was kept" in list(check(OTHER, SEAL, [head_of(RIGHT[5])]))

    def test_a_line_with_a_field_too_many_is_no_line(self) -> None:
        fields = json.loads(RIGHT[0][1])
        with pytest.raises(LineError):
            read_line(json.dumps({**fields, "more": 1}), SEAL)


class TestForgery:
    """Whoever can write to the store, but has not our key, makes nothing run."""

    def test_a_record_that_was_put_back_does_not_run_again(self, store: Store) -> None:
        """Given an approved record, kept by somebody and written again after it ran, then the journal knows better."""
        engine = Engine(store, RECORDS, lambda _: None)
        asked = lived(store, Posted(), YES)
        approved, _ = store.read(asked)
        assert approved
        engine.apply(asked, Advance("one"))
        put_back(store, approved)
        with pytest.raises(RecordError, match="was put back"):
            engine.apply(asked, Advance("two"))

    def test_a_run_that_was_put_back_after_its_end_is_not_started_again(self, tmp_path: Path) -> None:
        """Given one that may be started again where it is lost, then the journal knows whether it was lost or ended."""
        now = [NOW]
        with contextlib.closing(SqliteStore(tmp_path / "s.db", clock=lambda: now[0])) as store:
            engine = Engine(store, RECORDS, lambda _: None)
            plan, place = replace(a_plan(ANYBODY), conduct=Conduct(retry=True)), Place(person="@alice")
            asked = engine.create(plan, Speaker("alice", place), "count it").id
            for event in (Posted(), YES, Advance("one"), Renew("one", 1)):
                engine.apply(asked, event)
            running, _ = store.read(asked)
            assert running
            now[0] += LEASE
            taken_up = engine.apply(asked, Advance("two"))
            assert isinstance(taken_up, Step), "not each version of a run has a line"
            assert (taken_up.execution.process, taken_up.execution.fence) == ("two", 2)
            engine.apply(asked, Finish("two", 2, FINE))
            put_back(store, running)
            with pytest.raises(RecordError, match="was put back"):
                engine.apply(asked, Advance("three"))

    def test_a_record_that_was_put_back_with_its_journal_does_not_run_again_here(self, store: Store) -> None:
        engine = Engine(store, RECORDS, lambda _: None)
        asked = lived(store, Posted(), YES)
        approved, _ = store.read(asked)
        assert approved
        engine.apply(asked, Advance("one"))
        engine.apply(asked, Finish("one", 1, FINE))
        other = lived(store, Posted(), YES)
        engine.apply(other, Advance("one"))
        put_back(store, approved)
        cut_journal(store, 3)
        with contextlib.suppress(StoreUnavailableError):  # Redis takes no line whose number was there before
            decision = engine.apply(asked, Advance("two"))
            assert isinstance(decision, Step)
            assert decision.execution.state is State.EXPIRED
            assert "line 9, which was there, is gone" in decision.execution.reason
        found, _ = engine.read(asked)
        assert found
        assert found.state in (State.APPROVED, State.EXPIRED)

    def test_an_approval_that_another_end_was_written_over_does_not_run_again(self, store: Store) -> None:
        """Given what waited, put back and canceled, then the journal's last line tells of the approval's version.

        No bot cancels it then, as the journal knows that it went on; one that has just read it still would.
        """
        engine = Engine(store, RECORDS, lambda _: None)
        asked = lived(store, Posted())
        waiting, _ = store.read(asked)
        engine.apply(asked, YES)
        approved, _ = store.read(asked)
        assert waiting
        assert approved
        engine.apply(asked, Advance("one"))
        put_back(store, waiting)
        with pytest.raises(RecordError, match="was put back"):
            engine.apply(asked, Cancel("alice"))
        before, now = engine.read(asked)
        assert before
        canceled = transition(before, Cancel("alice"), now)
        assert isinstance(canceled, Step)
        store.swap(RECORDS.step_swap(before, canceled, Cancel("alice")))
        put_back(store, approved)
        for process in (engine, Engine(store, RECORDS, lambda _: None)):
            with pytest.raises(Exception, match="was put back"):
                process.apply(asked, Advance("two"))

    def test_an_approval_that_is_put_back_while_another_claims_it_does_not_run_again(self, store: Store) -> None:
        """Given one who asks the journal, and another whose claim is undone before the first writes."""
        asked = lived(store, Posted(), YES)
        approved, _ = store.read(asked)
        assert approved
        first = Engine(store, RECORDS, lambda _: None)
        claims: list[Decision] = []

        def claim(_: Swap) -> None:
            if not claims:
                claims.append(first.apply(asked, Advance("one")))
                put_back(store, approved)

        with pytest.raises(Exception, match="was put back"):
            Engine(Overtaken(store, claim), RECORDS, lambda _: None).apply(asked, Advance("two"))
        assert isinstance(claims[0], Step)

    def test_a_claim_asks_the_journal_for_the_approval(self, store: Store) -> None:
        asked = lived(store, Posted(), YES)
        cut_journal(store, 2)
        with pytest.raises(RecordError, match="was put back"):
            Engine(store, RECORDS, lambda _: None).apply(asked, Advance("one"))

    def test_a_record_under_another_key_or_namespace_is_refused(self, store: Store) -> None:
        for seal in (Seal(b"another key", "tests"), Seal(b"a key for tests", "elsewhere")):
            swap = Records(seal).first_swap(an_execution(id="f0rged00", state=State.APPROVED, approved_at=9e9))
            put_back(store, swap.record)
            with pytest.raises(RecordError, match="not sealed with our key"):
                Engine(store, RECORDS, lambda _: None).apply("f0rged00", Advance("one"))
