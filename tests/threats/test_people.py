"""Who loses a role, a permission or an identity before something runs; who has two; who only looks like somebody."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from builders import RECORDS, a_policy
from err_confirm.engine import Engine, Vouched
from err_confirm.errors import GroupError, NotReadyError
from err_confirm.holding.permission import Permission
from err_confirm.journal.records import Records
from err_confirm.model.executions import Execution, Place, Speaker, State, Verdict
from err_confirm.model.policies import AllOf, Policy, Seat
from err_confirm.people import People
from err_confirm.people.directories import Function
from err_confirm.people.groups import Groups
from err_confirm.plan import plan
from err_confirm.settings import read_settings
from err_confirm.store import open_store
from err_confirm.store.base import Store
from err_confirm.store.seal import Seal, load_key
from err_confirm.transition.events import Advance, Answer, Posted, Reason
from err_confirm.transition.steps import Decision, Refusal, Step
from house import a_plan
from talk import Talk, a_bot, on_networks, write_files

PEOPLE = {
    "alice": ["text:alice", "slack:UALICE", f"telegram:{on_networks('alice')[1]}"],
    "bob": ["text:bob", "text:bob_at_home", "slack:UBOB", "slack:UBOB2", f"telegram:{on_networks('bob')[1]}"],
    "carol": ["text:carol", "slack:UCAROL", f"telegram:{on_networks('carol')[1]}"],
}
SRE = a_policy(("@sre",), retry_count=60, retry_delay=10.0)


def two_of(*by: str) -> Policy:
    """Return a policy that needs two of these."""
    quorum = AllOf(all=(Seat(by=by), Seat(by=by)))
    return replace(SRE, stages=(replace(SRE.stages[0], quorum=quorum),))


# A group that has changed between the answer and the claim


@dataclass
class Group:
    """A group of CONFIRM_GROUPS that can be changed."""

    setting: Any
    becomes: Callable[[list[str]], None]


def a_dict(_: Path) -> Group:
    table: dict[str, list[str]] = {}
    return Group(table, lambda members: table.update(sre=members))


def a_file(folder: Path) -> Group:
    path = folder / "groups.yaml"
    path.write_text("sre: []")
    return Group(path, lambda members: path.write_text(f"sre: [{', '.join(members)}]") and None)


def a_function(_: Path) -> Group:
    table: dict[str, list[str]] = {}
    return Group(table.__getitem__, lambda members: table.update(sre=members))


@pytest.fixture(params=[a_dict, a_file, a_function])
def group(request: pytest.FixtureRequest, tmp_path: Path) -> Group:
    made: Group = request.param(tmp_path)
    made.becomes(["alice", "bob", "carol"])
    return made


@dataclass
class Desk:
    """An engine, of which it is noted what was started."""

    store: Store
    groups: Groups
    told: list[State] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = Engine(self.store, RECORDS, lambda each: self.told.append(each.state), self.groups.roster)

    def ask(self, policy: Policy = SRE) -> str:
        asked = self.engine.create(a_plan(policy), Speaker("alice", Place(person="@alice")), "it")
        self.engine.apply(asked.id, Posted())
        return asked.id

    def confirm(self, execution_id: str, person: str, **more: Any) -> Decision:
        return self.engine.apply(execution_id, Answer(person, Verdict.APPROVE, **more))

    def claim(self, execution_id: str) -> Execution:
        self.engine.apply(execution_id, Advance("one"))
        execution, _ = self.engine.read(execution_id)
        assert execution is not None
        return execution


def a_desk(store: Store, setting: Any) -> Desk:
    config = SimpleNamespace(CONFIRM_PEOPLE=PEOPLE, CONFIRM_GROUPS=setting)
    return Desk(store, read_settings(config, {}).groups)


def test_who_is_in_the_group_at_the_claim_too_lets_it_run(store: Store, group: Group) -> None:
    desk = a_desk(store, group.setting)
    asked = desk.ask()
    assert isinstance(desk.confirm(asked, "bob"), Step)
    assert desk.claim(asked).state is State.RUNNING


def test_an_approver_who_leaves_the_group_before_the_claim_lets_nothing_run(store: Store, group: Group) -> None:
    """Whichever way the group is kept: it is looked up when the claim counts the answers again."""
    desk = a_desk(store, group.setting)
    asked = desk.ask()
    desk.confirm(asked, "bob")
    group.becomes(["alice", "carol"])
    ended = desk.claim(asked)
    assert (ended.state, ended.reason) == (State.EXPIRED, "the confirmation no longer counted")
    assert State.RUNNING not in desk.told


def test_one_of_two_approvers_who_leaves_before_the_claim_lets_nothing_run(store: Store, group: Group) -> None:
    desk = a_desk(store, group.setting)
    asked = desk.ask(two_of("@sre"))
    assert [type(desk.confirm(asked, person)) for person in ("bob", "carol")] == [Step, Step]
    group.becomes(["alice", "carol"])
    assert desk.claim(asked).state is State.EXPIRED
    assert State.RUNNING not in desk.told


def test_who_left_before_the_answer_may_not_answer_and_who_came_may(store: Store, group: Group) -> None:
    desk = a_desk(store, group.setting)
    asked = desk.ask()
    group.becomes(["carol"])
    refused = desk.confirm(asked, "bob")
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.NOT_YOURS
    assert isinstance(desk.confirm(asked, "carol"), Step)
    assert desk.claim(asked).state is State.RUNNING


def test_a_group_that_is_gone_at_the_claim_lets_nothing_run_and_says_which(store: Store) -> None:
    table = {"sre": ["bob"]}
    desk = a_desk(store, table)
    asked = desk.ask()
    desk.confirm(asked, "bob")
    del table["sre"]
    ended = desk.claim(asked)
    assert ended.state is State.EXPIRED
    assert ended.reason == "who is in @sre cannot be looked up: CONFIRM_GROUPS has no such group; add it there"


FAILURES = {
    "fails": "the function of CONFIRM_GROUPS failed (ConnectionError); the bot's log says why",
    "hangs": "there was no answer within 0.2 s from the function of CONFIRM_GROUPS; say it again later",
    "says nothing": "what the function of CONFIRM_GROUPS returns must be a list of names, not None; correct it",
    "says a text": "what the function of CONFIRM_GROUPS returns must be a list of names, not 'bob'; correct it",
    "ends the bot": "the function of CONFIRM_GROUPS failed (SystemExit); the bot's log says why",
}


@pytest.fixture
def let_go() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("failure", FAILURES)
def test_where_the_function_cannot_tell_nothing_runs_and_it_is_said_why(
    store: Store, let_go: threading.Event, failure: str
) -> None:
    """At the answer, which counts for nothing then, and at the claim."""
    well = True

    def members(_: str) -> Any:
        if well:
            return ["bob"]
        match failure:
            case "fails":
                raise ConnectionError("ldap://bot:secret@host")
            case "hangs":
                let_go.wait()
            case "ends the bot":
                raise SystemExit
            case "says a text":
                return "bob"

    desk = Desk(store, Groups(People(PEOPLE), Function(members, within=0.2)))
    answered, asked = desk.ask(), desk.ask()
    desk.confirm(answered, "bob")
    well = False

    with pytest.raises(GroupError) as raised:
        desk.confirm(asked, "bob")
    assert str(raised.value) == f"who is in @sre cannot be looked up: {FAILURES[failure]}"
    untouched, _ = desk.engine.read(asked)
    assert untouched is not None
    assert (untouched.state, untouched.votes) == (State.PENDING, ())

    ended = desk.claim(answered)
    assert (ended.state, ended.reason) == (State.EXPIRED, str(raised.value))
    assert State.RUNNING not in desk.told


# Who is one person, and who is not


def test_two_identities_of_one_person_fill_one_seat_also_in_groups(store: Store) -> None:
    """The group may list either, or both, or the name beside them."""
    for members in (["bob"], ["text:bob", "text:bob_at_home"], ["bob", "slack:UBOB", "slack:UBOB2", "text:bob"]):
        desk = a_desk(store, {"sre": [*members, "carol"]})
        people = People(PEOPLE)
        asked = desk.ask(two_of("@sre"))
        for identity in ("text:bob", "text:bob_at_home", "slack:UBOB2"):
            desk.confirm(asked, people.person(identity), identity=identity)
        assert desk.claim(asked).state is State.PENDING
        desk.confirm(asked, people.person("slack:UCAROL"))
        assert desk.claim(asked).state is State.RUNNING


@pytest.mark.parametrize(
    "looks_like", ["Bob", "b\u043eb", "@bob", "text:Bob", "slack:bob", "slack:ubob", "irc:bob", "bob "]
)
def test_who_only_looks_like_a_member_is_none(store: Store, looks_like: str) -> None:
    desk = a_desk(store, lambda _: ["bob", looks_like])
    asked = desk.ask()
    refused = desk.confirm(asked, f"text:{looks_like}")
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.NOT_YOURS


@pytest.mark.parametrize("word", ["anyone", "others"])
def test_a_guest_is_not_anyone_and_a_member_is(store: Store, word: str) -> None:
    """A guest whom a policy names is who it means; that a guest may not say so for all is what `anyone` says."""
    desk = a_desk(store, {"sre": ["bob"]})
    asked = desk.ask(a_policy((word,)))
    refused = desk.confirm(asked, "slack:UEVE", guest=True)
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.GUEST
    assert isinstance(desk.confirm(asked, "slack:UEVE"), Step)
    assert isinstance(desk.confirm(desk.ask(), "bob", guest=True), Step)


# In real chats: on three networks

SAY = {
    "aliases/say.yaml": """
name: say
formats: ["say {{it}}"]
run: {command: [echo, "{{ it }}"]}
confirm: {within: 10m}
""",
}
BOB = "#ops/bob"
"""As whom access control knows bob in a room of Errbot's text backend."""


@dataclass
class Chatting:
    """A bot on a network, and what a plan asks for there with a policy of the test's own."""

    talk: Talk

    @property
    def confirm(self) -> Any:
        return self.talk.bot.plugin_manager.get_plugin_obj_by_name("Confirm")

    def asks(self, policy: Policy, by: str = "alice", text: str = "say it") -> str:
        """Let somebody ask in #ops, as the command of the alias does; return the id."""
        service, chat = self.talk.service, self.confirm.chat
        (match,) = service.index.matches(text)
        planned = replace(plan(service.catalog, match), policy=policy)
        service.requests.request([planned], chat.speaker(self.message(by)), text, post=chat.ask)
        return self.talk.prompt()

    def permission(self, within: float = 30.0) -> Permission:
        """Return one of the test's own, patient on a slow machine."""
        return Permission(self.talk.bot, self.confirm.chat, self.confirm.hold.ready, within)

    def message(self, name: str, room: str = "#ops") -> Any:
        """Return a message of somebody as the network hands it over."""
        bot = self.talk.bot
        message = bot.build_message("!say it")
        message.to = bot.query_room(room)
        message.frm = bot._occupant(bot.person(name), message.to)
        message.extras.update(bot._extras(room))
        return message


@contextmanager
def a_chat(folder: Path, network: str = "text", **config: Any) -> Iterator[Chatting]:
    write_files(folder, SAY)
    settings = {"CONFIRM_PEOPLE": PEOPLE, "LOOPBACK_NETWORK": network, **config}
    with a_bot(folder, **settings) as talk:
        yield Chatting(talk)


@pytest.mark.parametrize("network", ["text", "slackv3", "telegram"])
def test_in_a_chat_each_member_of_a_group_is_a_person_by_the_id_of_the_network(tmp_path: Path, network: str) -> None:
    """Two of a group must answer: two identities of one are one, and who is called like a member is nobody."""
    with a_chat(tmp_path, network, CONFIRM_GROUPS={"sre": ["bob", "carol"]}) as chatting:
        talk = chatting.talk
        asked = chatting.asks(two_of("@sre"))
        for name in ("mallory", "bobby", "alice"):
            getattr(talk, name).says(f"!confirm {asked}")
            talk.hears(f"{asked} is not yours to confirm")
        talk.bob.says(f"!confirm {asked}")
        second = {"text": "bob_at_home", "slackv3": "bob2"}.get(network, "bob")
        getattr(talk, second).says(f"!confirm {asked}", None)
        talk.quiet()
        assert [vote.person for vote in talk.execution(asked).votes] == ["bob"]
        assert talk.execution(asked).state is State.PENDING
        talk.carol.says(f"!confirm {asked}")
        talk.hears(f"{asked} succeeded")


def test_in_a_chat_a_member_who_leaves_before_the_second_answer_counts_no_more(tmp_path: Path) -> None:
    groups = {"sre": ["bob", "carol"]}
    with a_chat(tmp_path, CONFIRM_GROUPS=groups) as chatting:
        asked = chatting.asks(two_of("@sre"))
        chatting.talk.bob.says(f"!confirm {asked}")
        chatting.talk.quiet()
        groups["sre"] = ["carol"]
        chatting.talk.carol.says(f"!confirm {asked}")
        chatting.talk.quiet()
        assert chatting.talk.execution(asked).state is State.PENDING


def test_in_a_chat_a_group_that_nobody_can_look_up_is_said(tmp_path: Path) -> None:
    groups = {"sre": ["bob"]}
    with a_chat(tmp_path, CONFIRM_GROUPS=groups) as chatting:
        asked = chatting.asks(SRE)
        del groups["sre"]
        chatting.talk.bob.says(f"!confirm {asked}")
        chatting.talk.hears("who is in @sre cannot be looked up: CONFIRM_GROUPS has no such group; add it there")
        assert chatting.talk.execution(asked).votes == ()


def test_who_is_a_guest_is_what_slack_says_at_this_moment(tmp_path: Path) -> None:
    with a_chat(tmp_path, "slackv3") as chatting:
        chat, web = chatting.confirm.chat, chatting.talk.bot.slack_web
        assert not chat.guest(chatting.message("eve"))
        web.guests.add("UEVE")
        assert chat.guest(chatting.message("eve"))
        assert not chat.guest(chatting.message("bob"))
        assert chat.ways(chatting.message("eve")) == ("chat", "slack")
        assert chat.message_id(chatting.message("eve")) != chat.message_id(chatting.message("eve")) != ""


@pytest.mark.parametrize("word", ["anyone", "others"])
def test_in_a_chat_a_guest_of_slack_is_not_anyone(tmp_path: Path, word: str) -> None:
    """Whom Slack makes a guest before the answer counts as one; whom nobody can tell, too."""
    with a_chat(tmp_path, "slackv3") as chatting:
        talk, web = chatting.talk, chatting.talk.bot.slack_web
        asked = chatting.asks(a_policy((word,), retry_count=60, retry_delay=10.0))
        web.guests.add("UEVE")
        talk.eve.says(f"!confirm {asked}")
        talk.quiet()
        known, talk.bot.slack_web.users_info = web.users_info, lambda user: {"ok": False}
        talk.mallory.says(f"!confirm {asked}")
        talk.quiet()
        assert talk.execution(asked).votes == ()
        talk.bot.slack_web.users_info = known
        talk.carol.says(f"!confirm {asked}")
        talk.hears(f"{asked} succeeded")
        assert [vote.person for vote in talk.execution(asked).votes] == ["carol"]


# Who asked may no longer ask


def test_who_has_lost_the_permission_to_ask_runs_nothing(tmp_path: Path) -> None:
    """By access control, between the prompt and the answer; nothing is posted but the end."""
    controls: dict[str, Any] = {}
    with a_chat(tmp_path, ACCESS_CONTROLS=controls) as chatting:
        talk = chatting.talk
        talk.bob.says("!say it")
        asked = talk.prompt()
        controls["alias.say"] = {"denyusers": [BOB]}
        talk.bob.says(f"!confirm {asked}")
        talk.hears(
            f"{asked} expired after it was confirmed: .*the bot's access control, or another of its filters, does not "
            "let bob ask for it any more"
        )
        assert talk.ended(asked).state is State.EXPIRED
        assert not any("You're not allowed" in text for text in talk.texts())
        assert talk.execution(asked).fence == 0

        controls.clear()
        talk.bob.says("!say it")
        asked = talk.prompt()
        talk.bob.says(f"!confirm {asked}")
        talk.hears(f"{asked} succeeded")


@pytest.mark.parametrize(("denied", "becomes"), [([BOB], State.EXPIRED), (["#ops/eve"], State.SUCCEEDED)])
def test_what_was_approved_before_a_start_is_judged_when_all_filters_are_there(
    tmp_path: Path, denied: list[str], becomes: State
) -> None:
    """A bot that starts takes up what may run before its access control is loaded, and must not run it yet."""
    with a_chat(tmp_path) as chatting:
        chatting.talk.bob.says("!say it")
        asked = chatting.talk.prompt()
    data = tmp_path / "data"
    records = Records(Seal(load_key(data / "err-confirm.key"), "err-confirm"))
    with closing(open_store(f"sqlite:///{data}/test.db", namespace="err-confirm")) as store:
        assert isinstance(Engine(store, records, lambda _: None).apply(asked, Answer("bob", Verdict.APPROVE)), Step)
    with a_chat(tmp_path, ACCESS_CONTROLS={"alias.say": {"denyusers": denied}}) as chatting:
        assert chatting.talk.ended(asked).state is becomes


@pytest.mark.parametrize("network", ["text", "slackv3", "telegram"])
@pytest.mark.parametrize(
    "control",
    [
        {"alias.say": {"denyusers": "{}"}},
        {"Alias commands:*": {"allowusers": ["nobody"]}},
        {"*": {"denyrooms": ["*"]}},
        {"alias.*": {"denyargs": ["say i*"]}},
    ],
)
def test_each_rule_of_access_control_counts_at_the_claim_as_for_a_command(
    tmp_path: Path, network: str, control: dict[str, Any]
) -> None:
    """On each network: for the person, the room and the text that were there when it was asked for."""
    aclattr = dict(zip(("slackv3", "telegram"), on_networks("bob"), strict=True)).get(network, BOB)
    rules = {
        name: {key: [aclattr] if value == "{}" else value for key, value in rule.items()}
        for name, rule in control.items()
    }
    controls: dict[str, Any] = {}
    with a_chat(tmp_path, network, ACCESS_CONTROLS=controls) as chatting:
        talk, permission = (
            chatting.talk,
            Permission(chatting.talk.bot, chatting.confirm.chat, chatting.confirm.hold.ready),
        )
        talk.bob.says("!say it")
        waiting = talk.execution(talk.prompt())
        assert permission(waiting) == ""
        controls.update(rules)
        assert "does not let bob ask for it any more" in permission(waiting)


def test_an_alias_that_is_gone_is_judged_by_its_name_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """What waits outlives its file; who may not say it any more is asked all the same."""
    controls: dict[str, Any] = {}
    with a_chat(tmp_path, ACCESS_CONTROLS=controls) as chatting:
        talk = chatting.talk
        talk.bob.says("!say it")
        waiting = talk.execution(talk.prompt())
        (tmp_path / "aliases/say.yaml").unlink()
        talk.alice.says("!aliases reload", None)
        talk.hears("are in use")
        permission = chatting.permission()
        before = dict(talk.bot.commands)
        assert permission(waiting) == ""
        controls["Alias commands:alias.say"] = {"denyusers": [BOB]}
        assert "does not let bob ask for it any more" in permission(waiting)
        assert talk.bot.commands == before
        assert "alias.say" not in talk.bot.all_commands


class TestInDoubt:
    """Where nobody can tell whether somebody may still ask, nothing runs."""

    @pytest.fixture
    def chatting(self, tmp_path: Path) -> Iterator[Chatting]:
        with a_chat(tmp_path) as chatting:
            yield chatting

    @pytest.fixture
    def waiting(self, chatting: Chatting) -> Execution:
        chatting.talk.bob.says("!say it")
        execution: Execution = chatting.talk.execution(chatting.talk.prompt())
        return execution

    def test_a_filter_that_fails(self, chatting: Chatting, waiting: Execution) -> None:
        def broken(*_: Any) -> Any:
            raise RuntimeError("out of order")

        bot = chatting.talk.bot
        bot.command_filters = [broken, *bot.command_filters]
        assert "does not let bob ask for it any more" in chatting.permission()(waiting)

    def test_a_filter_that_makes_something_else_of_it(self, chatting: Chatting, waiting: Execution) -> None:
        bot = chatting.talk.bot
        bot.command_filters = [*bot.command_filters, lambda msg, cmd, args, dry_run: (msg, "echo", args)]
        assert "does not let bob ask for it any more" in chatting.permission()(waiting)

    def test_a_filter_that_hangs(self, chatting: Chatting, waiting: Execution, let_go: threading.Event) -> None:
        bot, filters = chatting.talk.bot, chatting.talk.bot.command_filters

        def hanging(msg: Any, cmd: str, args: Any, dry_run: bool) -> Any:
            let_go.wait()
            return msg, cmd, args

        bot.command_filters = [hanging, *filters]
        permission = chatting.permission(within=0.1)
        assert (
            permission(waiting) == "whether bob may still ask for it cannot be told: there was no answer within 0.1 s"
        )
        bot.command_filters = filters

    def test_each_filter_knows_that_it_is_only_asked(self, chatting: Chatting, waiting: Execution) -> None:
        seen: list[bool] = []

        def curious(msg: Any, cmd: str, args: Any, dry_run: bool) -> Any:
            seen.append(dry_run)
            return msg, cmd, args

        chatting.talk.bot.command_filters = [curious, *chatting.talk.bot.command_filters]
        assert chatting.permission()(waiting) == ""
        assert seen == [True]

    def test_somebody_who_is_not_to_be_found_any_more(self, chatting: Chatting, waiting: Execution) -> None:
        gone = replace(waiting, place=replace(waiting.place, person="bob"))
        why = chatting.permission()(gone)
        assert why.startswith("whether bob may still ask for it cannot be told: ")

    def test_a_bot_that_is_just_starting_leaves_it_until_it_can_tell(
        self, chatting: Chatting, waiting: Execution
    ) -> None:
        starting = Permission(chatting.talk.bot, chatting.confirm.chat, threading.Event())
        with pytest.raises(NotReadyError):
            starting(waiting)

    def test_a_bot_on_another_network_leaves_it_to_one_that_is_there(
        self, chatting: Chatting, waiting: Execution
    ) -> None:
        for identity in ("slack:UBOB", "telegram:5", "texts:bob"):
            with pytest.raises(NotReadyError):
                chatting.permission()(replace(waiting, identity=identity))


def test_what_cannot_be_told_yet_waits_and_ends_when_it_is_too_late(store: Store) -> None:
    """It is neither run nor refused meanwhile; who vouches is not asked once it would not run anyhow."""
    asked_for: list[str] = []

    def vouch(execution: Execution) -> Vouched:
        asked_for.append(execution.id)
        if len(asked_for) == 1:
            raise NotReadyError("not yet")
        return Vouched(doubt="" if len(asked_for) == 2 else "no")

    engine = Engine(store, RECORDS, lambda _: None, vouch=vouch)
    policy = a_policy(retry_count=60, retry_delay=10.0)
    first, second = (engine.create(a_plan(policy), Speaker("alice", Place(person="@alice")), "it").id for _ in range(2))
    for each in (first, second):
        engine.apply(each, Posted())
        engine.apply(each, Answer("alice", Verdict.APPROVE))
    refused = engine.apply(first, Advance("one"))
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.NOT_YET
    claimed = engine.apply(first, Advance("one"))
    assert isinstance(claimed, Step)
    assert claimed.execution.state is State.RUNNING
    doubted = engine.apply(second, Advance("one"))
    assert isinstance(doubted, Step)
    assert (doubted.execution.state, doubted.execution.reason) == (State.EXPIRED, "no")
    assert asked_for == [first, first, second], "once for each claim"
