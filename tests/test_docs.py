"""README and docs say what is true: each block does what the page says, each table has what the code has."""

import ast
import re
import runpy
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import fields, replace
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
import yaml
from errbot import BotPlugin
from pydantic import BaseModel

from builders import NOW, RECORDS, a_policy, an_execution
from docs_pages import (
    DOCS,
    PAGES,
    README,
    ROOT,
    anchors,
    blocks,
    codes,
    first_codes,
    flat,
    headings,
    links,
    prose,
    table,
)
from docs_sentences import sentences
from docs_walk import FILE, REFUSED, a_walk, compare, loaded, refusals
from err_confirm import errors
from err_confirm.backends import BACKENDS
from err_confirm.catalog import RESERVED
from err_confirm.catalog.entries import (
    AckEntry,
    ActionFile,
    AliasFile,
    FormatEntry,
    GuardFile,
    ParameterEntry,
    ResultEntry,
)
from err_confirm.catalog.policy import PolicyEntry
from err_confirm.catalog.policy.answer_keys import AskEntry, QuestionEntry
from err_confirm.catalog.policy.choices import ChoiceEntry
from err_confirm.catalog.policy.conditions_key import WhenEntry
from err_confirm.catalog.policy.keys import DenyEntry, PolicyKeys
from err_confirm.catalog.policy.stages import EscalateEntry, RetryEntry
from err_confirm.catalog.run_keys import PreviewKeys, RateEntry, TargetKeys
from err_confirm.chat import DONE
from err_confirm.cli import COMMANDS, Exit
from err_confirm.durations import format_duration, parse_duration
from err_confirm.engine import Engine
from err_confirm.guards import BotCommand, Guards
from err_confirm.journal import CALLED, NOTES, OBJECTED, PRUNED, STOPPING, Entry, Line, append
from err_confirm.limits import Limits
from err_confirm.model.executions import Place, Speaker, State, Verdict, Vote
from err_confirm.model.files import Guard, ParameterType, Source
from err_confirm.model.runs import Outcome
from err_confirm.people import EVERYBODY, People
from err_confirm.plan import plan
from err_confirm.plan.index import Index
from err_confirm.plan.preparing import Preparing
from err_confirm.plan.probes import Probes
from err_confirm.runners import RUNNERS, STARTERS
from err_confirm.runners.base import Context
from err_confirm.runners.class_runner import ClassSettings
from err_confirm.runners.command_runner import CommandSettings
from err_confirm.runners.http_settings import HttpRequest, HttpSettings
from err_confirm.runners.processes.environment import CONSTANTS
from err_confirm.runners.processes.process import GRACE
from err_confirm.runners.processes.settings import parse_size
from err_confirm.runners.python_runner import PythonSettings
from err_confirm.runners.said_runner import BotSettings
from err_confirm.runners.stackstorm_runner import StackStormSettings
from err_confirm.settings import Settings, read_settings
from err_confirm.store import open_store
from err_confirm.store.base import Store
from err_confirm.templating.filters import FILTERS
from err_confirm.transition import transition
from err_confirm.transition.events import Advance, Answer, Cancel, Finish, Posted, Renew
from err_confirm.transition.steps import LEASE, RUN_WITHIN, Step
from house import a_plan
from servers import PATIENCE, RedisServer
from talk import a_bot

LIBRARY = ROOT / "plugins/err-confirm/err_confirm"
ALIASES, ACTIONS, CHAT, CLI, CONCEPTS = (
    DOCS / f"{name}.md" for name in ("aliases", "actions", "chat", "cli", "concepts")
)
COMPARISON, GUARDS, POLICIES, RELIABILITY, SECURITY, STORES = (
    DOCS / f"{name}.md" for name in ("comparison", "guards", "policies", "reliability", "security", "stores")
)
NOTHING = "–"
OURS = ("Confirm", "Aliases", "Guards", "Locks")


def names_in(name: str) -> dict[str, Any]:
    """Return the names of a test module: how much of something it does."""
    return runpy.run_path(str(ROOT / "tests" / name))


RACE, MACHINE, HOSTILE = map(names_in, ("test_race.py", "transition/test_transition.py", "hostile.py"))
LOOPS = names_in("test_loops.py")
GUARDED = names_in("chat/test_guard_matrix.py")
MATRIX = (len(GUARDED["CELLS"]) + len(GUARDED["SYNCHRONOUS_CELLS"])) * len(GUARDED["FATES"])


def named(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_block_does_what_its_page_says(page: Path) -> None:
    """From the first block to the last, in a copy of the checkout: files, commands, conversations, Python."""
    all_blocks = blocks(page)
    with a_walk() as walk:
        for before, block in zip([None, *all_blocks], all_blocks, strict=False):
            if before and REFUSED.search(before.text):
                assert block.language == "text", f"{block.where}: what a refused file is told follows it"
                compare(block, block.text.splitlines(), refusals(before, walk).splitlines())
            else:
                walk.do(block)


LANGUAGES = ("", "yaml", "python", "diff", "sh", "console", "chat", "text", "mermaid")


def test_every_kind_of_block_is_one_that_is_done_or_looked_at_elsewhere() -> None:
    """`sh` without a file's name holds make's targets; a block without a language is a drawing or the session."""
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for page in PAGES:
        for block in blocks(page):
            assert block.language in ("", "yaml", "python", "diff", "sh", "console", "chat", "text", "mermaid"), (
                block.where
            )
            if block.language == "sh" and not FILE.search(block.text):
                for line in block.text.splitlines():
                    command, target = line.partition("#")[0].split()
                    assert command == "make"
                    assert target in targets, block.where


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative links name files of the checkout, and headings in them."""
    for link in links(page):
        target, _, anchor = link.partition("#")
        if target.startswith("https://"):
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_page_of_the_docs_can_be_reached_and_lines_are_short(page: Path) -> None:
    """Each page is linked from the README."""
    assert page == README or f"({page.relative_to(ROOT)})" in README.read_text()
    assert [line for line in prose(page).splitlines() if len(line) > 120 and not line.startswith("|")] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_test_bench_and_target_that_is_named_exists(page: Path) -> None:
    """`tests/a.py::TestB::test_c` has its file, class and function, and `make d` is a target."""
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for span in codes(prose(page)):
        if made := re.fullmatch(r"make (\w+)", span):
            assert made[1] in targets, span
        if re.match(r"(tests|bench)/", span):
            name, *parts = span.split("::")
            assert (ROOT / name).exists(), span
            for part in parts:
                assert re.search(rf"^ *(class|def) {part}\b", (ROOT / name).read_text(), re.MULTILINE), span


def test_the_first_screen_has_the_two_commands() -> None:
    """The session, three bullets, and `make run` and `make test` come before the first heading."""
    first_screen = README.read_text().partition("\n## ")[0]
    assert first_screen.index("<!-- transcript -->") < first_screen.index("<!-- /transcript -->")
    assert len(re.findall(r"^- ", first_screen, re.MULTILINE)) == 3
    assert re.findall(r"^make (\w+)", first_screen, re.MULTILINE) == ["run", "test"]


# What the settings and files can say


def test_the_settings_are_those_of_the_code_with_their_defaults() -> None:
    """A bot with all defaults written out has the settings of a bot with none."""
    rows = {codes(row[0])[0]: codes(row[1])[0] for row in table(README, "Put it into your bot")}
    assert set(rows) == set(re.findall(r"CONFIRM_[A-Z]+(?:_[A-Z]+)*", (LIBRARY / "settings.py").read_text()))
    assert len(rows) == len(fields(Settings))
    data = "/var/lib/errbot"
    written = {name: ast.literal_eval(value.replace("<BOT_DATA_DIR>", data)) for name, value in rows.items()}
    defaults = read_settings(SimpleNamespace(BOT_DATA_DIR=data), {})
    said = read_settings(SimpleNamespace(**written), {})
    assert replace(said, people=defaults.people, groups=defaults.groups) == defaults
    assert (said.people.names(), said.groups.names()) == ([], [])


def written(model: type[BaseModel], before: str = "") -> dict[str, tuple[type[BaseModel], str]]:
    """Return the keys of a model as files have them."""
    return {f"{before}{field.alias or name}": (model, name) for name, field in model.model_fields.items()}


TABLES: Sequence[tuple[Path, str, dict[str, tuple[type[BaseModel], str]]]] = [
    (
        ALIASES,
        "Keys of an alias file",
        written(AliasFile),
    ),
    (ALIASES, "Keys of a format", {key: (FormatEntry, key) for key in FormatEntry.model_fields}),
    (ALIASES, "ack and result", {key: (AckEntry, key) for key in AckEntry.model_fields}),
    (
        ALIASES,
        "The policy",
        {key: (PolicyEntry, key) for key in PolicyEntry.model_fields}
        | {f"retry.{key}": (RetryEntry, key) for key in RetryEntry.model_fields}
        | {f"escalate.{key}": (EscalateEntry, key) for key in EscalateEntry.model_fields}
        | {f"deny.{key}": (DenyEntry, key) for key in DenyEntry.model_fields}
        | {f"ask.{key}": (AskEntry, key) for key in AskEntry.model_fields}
        | {f"question.{key}": (QuestionEntry, key) for key in QuestionEntry.model_fields},
    ),
    (ALIASES, "Choices", {key: (ChoiceEntry, key) for key in ChoiceEntry.model_fields}),
    (
        ALIASES,
        "Rules",
        {key: (WhenEntry, key) for key in WhenEntry.model_fields if key not in PolicyKeys.model_fields},
    ),
    (GUARDS, "Keys of a guard file", {key: (GuardFile, key) for key in GuardFile.model_fields}),
    (
        ACTIONS,
        "Keys of an action file",
        written(ActionFile),
    ),
    (ACTIONS, "Rate", {key: (RateEntry, key) for key in RateEntry.model_fields}),
    (ACTIONS, "Keys of a parameter", {key: (ParameterEntry, key) for key in ParameterEntry.model_fields}),
    (ACTIONS, "Targets", written(TargetKeys)),
    (ACTIONS, "Preview", written(PreviewKeys)),
    (ACTIONS, "run: command", written(CommandSettings)),
    (ACTIONS, "run: python", written(PythonSettings)),
    (ACTIONS, "run: python_class", written(ClassSettings)),
    (ACTIONS, "run: http", written(HttpSettings) | written(HttpRequest, "http.")),
    (ACTIONS, "run: stackstorm", written(StackStormSettings)),
    (ACTIONS, "run: bot", written(BotSettings)),
]


@pytest.mark.parametrize(("page", "heading", "keys"), TABLES, ids=lambda value: value if isinstance(value, str) else "")
def test_the_keys_are_those_of_the_models_with_their_defaults(
    page: Path, heading: str, keys: dict[str, tuple[type[BaseModel], str]]
) -> None:
    """Each key of a model has one row, each row its key, and the default is the model's."""
    rows = {codes(row[0])[0]: row[1].strip("`") for row in table(page, heading)}
    assert sorted(codes(row[0])[0] for row in table(page, heading)) == sorted(keys)
    for key, shown in rows.items():
        model, name = keys[key]
        field = model.model_fields[name]
        assert (shown == "required") is field.is_required(), key
        if not field.is_required() and shown != "`CONFIRM_DEFAULT`".strip("`"):
            assert_default(field.get_default(), shown, key)


def assert_default(default: Any, shown: str, key: str) -> None:
    """Compare a default with a cell: `3s`, `64KiB`, `false`; a dash for nothing, whatever nothing is there."""
    if shown == NOTHING:
        assert not default or isinstance(default, BaseModel), key
        return
    said = yaml.safe_load(shown)
    readings = [said, [said], *(reading(said) for reading in (parse_duration, parse_size) if is_read(reading, said))]
    assert default in readings, key


def is_read(reading: Any, value: Any) -> bool:
    try:
        reading(value)
    except ValueError:
        return False
    return True


def test_result_has_the_keys_of_ack_but_one() -> None:
    """The page says so in the row of `append_url`."""
    assert set(AckEntry.model_fields) - set(ResultEntry.model_fields) == {"append_url"}


def test_the_lists_of_words_are_complete() -> None:
    """Types, filters, reserved words, words of a policy, runners, exit codes, errors, states."""
    assert first_codes(ACTIONS, "What may be typed") == [str(type_) for type_ in ParameterType]
    filters = re.search(r"### Filters\n\n(.*?)\n\n", ALIASES.read_text(), re.DOTALL)
    assert filters
    assert codes(filters[1]) == sorted(FILTERS)
    words = ", ".join(f"`{word}`" for word in sorted(RESERVED))
    assert f"our own words: {words}." in flat(ALIASES)
    by = next(row[2] for row in table(ALIASES, "The policy") if row[0] == "`by`")
    assert set(codes(by)) >= EVERYBODY
    assert set(RUNNERS) == {
        heading.removeprefix("run: ") for heading in headings(ACTIONS) if heading.startswith("run: ")
    }
    exit_codes = [(codes(row[0])[0], codes(row[1])[0]) for row in table(CLI, "Exit codes")]
    assert exit_codes == [(str(code.value), code.name) for code in Exit]
    commands = {heading for heading in headings(CLI) if heading.islower()}
    assert commands == set(COMMANDS)
    for name in first_codes(CLI, "As a library"):
        assert issubclass(getattr(errors, name), errors.TextError)
    ended = {state for state in State if state.ended}
    assert {row[0] for row in table(CHAT, "What is said of its own accord")} == ended
    schemes = {scheme: codes(row[1])[0] for row in table(CONCEPTS, "Identities by backend") for scheme in codes(row[0])}
    assert {mode.lower(): scheme for mode, scheme in schemes.items()} == {
        mode: backend.scheme for mode, backend in BACKENDS.items()
    }


# Policies


def test_each_key_of_a_policy_is_in_the_table_of_the_ten() -> None:
    """By what it is about, with where one of the ten has it or one of its neighbours."""
    named = [key for row in table(POLICIES, "Where each key is explained") for key in codes(row[1])]
    assert sorted(named) == sorted(PolicyEntry.model_fields)


def test_the_limits_of_prompts_are_those_of_the_code() -> None:
    """Each has its row, with its default."""
    rows = {codes(row[0])[0]: row[1] for row in table(POLICIES, "Limits")}
    pause = parse_duration(rows.pop("pause"))
    assert Limits(**{name: int(most) for name, most in rows.items()}, pause=pause) == Limits()
    assert len(rows) == len(fields(Limits)) - 1


# Guards

SPOKEN = {
    "!deploy": BotCommand(plugin="Deploy", name="deploy"),
    "!plugin reload": BotCommand(plugin="Plugins", name="plugin_reload"),
    "!aliases reload": BotCommand(plugin="Aliases", name="aliases_reload"),
}


def test_the_patterns_cover_what_the_page_says_and_not_what_it_says_not() -> None:
    """Each text of the second column, with each pattern of the first."""
    tried = 0
    for pattern, meaning in table(GUARDS, "Patterns"):
        for covered, part in zip((True, False), meaning.split("but not"), strict=False):
            for text in filter(re.compile("!").match, codes(part)):
                said = max((name for name in SPOKEN if text.startswith(name)), key=len)
                for each in codes(pattern):
                    guards = Guards([Guard(name="it", commands=(each,), source=Source(GUARDS), policy=a_policy())])
                    found = guards.guarding(SPOKEN[said], text.removeprefix(said).strip())
                    assert bool(found) is covered, (each, text)
                    tried += 1
    assert tried > 9


def test_why_a_held_command_fails_is_said_as_on_the_page() -> None:
    """Each reason stands in the code, but for the names in it."""
    source = "".join((LIBRARY / name).read_text() for name in ("holding/calls.py", "chat/__init__.py"))
    for reason in first_codes(GUARDS, "How it runs after the yes"):
        for part in re.split(r"Deploy:launch|Deploy|deploy|@alice|…", reason):
            assert part.strip(": ") in source, reason


# Numbers

PHRASES = [
    (ALIASES, f"has at most {import_module('err_confirm.grammar').MAX_TEXT_BYTES:,} bytes"),
    (ALIASES, f"at most {import_module('err_confirm.grammar').MAX_OCCURRENCES} executions"),
    (ALIASES, f"have at most {import_module('err_confirm.templating').LARGEST:,} characters"),
    (ALIASES, f"A file over {import_module('err_confirm.catalog.yaml_source').LARGEST // 1024} KiB"),
    (ALIASES, f"more than {import_module('err_confirm.catalog.yaml_source').DEEPEST} levels deep"),
    (ALIASES, f"At most {import_module('err_confirm.following').DEEPEST} follow one another"),
    (ALIASES, f"at least {import_module('err_confirm.catalog.policy.stages').SHORTEST_POLL} s and at most"),
    (ALIASES, f"and at most {import_module('err_confirm.catalog.policy.stages').LONGEST_WAIT / 86_400:g} days"),
    (ACTIONS, f"killed {GRACE:g} s later"),
    (ACTIONS, f"An execution has 1 to {import_module('err_confirm.rendering.targets').MOST_TARGETS:,} targets"),
    (ACTIONS, f"A prompt names {import_module('err_confirm.model.runs').SHOWN_TARGETS} targets"),
    (ACTIONS, f"its first {import_module('err_confirm.model.runs').SHOWN_LINES} lines"),
    (ACTIONS, f"and of these {import_module('err_confirm.model.runs').SHOWN_BYTES} bytes"),
    (ACTIONS, f"It may print {import_module('err_confirm.plan.preparing').LONGEST_PREVIEW // 1024} KiB"),
    (ACTIONS, f"longer than {import_module('err_confirm.plan.probes').SLOW:g} s"),
    (ACTIONS, f"and {import_module('err_confirm.plan.probes').AT_ONCE} of all people together"),
    (ACTIONS, f"at most {import_module('err_confirm.plan.probes').LONGEST:g} s, and an"),
    (GUARDS, f"has the last {import_module('err_confirm.holding.calls').MOST_OUTPUT:,} characters of them"),
    (GUARDS, f"it waits {import_module('err_confirm.holding.calls').STARTED_WITHIN:g} s for that"),
    (ACTIONS, f"which is `{CONSTANTS['PATH']}`, `LANG`, which is `{CONSTANTS['LANG']}`"),
    (CHAT, f"An id has {import_module('err_confirm.ids').LENGTH} characters"),
    (CHAT, f"of `{import_module('err_confirm.ids').ALPHABET}`"),
    (CHAT, f"The first {import_module('err_confirm.ids').SHORTEST} are enough"),
    (CHAT, f"in the last {import_module('err_confirm.engine.meant').JUST_ENDED / 60:g} minutes"),
    (CONCEPTS, f"must be claimed within {RUN_WITHIN:g} s"),
    (CONCEPTS, f"not happened for {LEASE:g} s"),
    (CONCEPTS, f"at most {LEASE:g} s after its last sign of life"),
    (CONCEPTS, f"not noted after {import_module('err_confirm.transition.steps').TELL_AGAIN:g} s is told by any bot"),
    (STORES, f"A call waits up to {import_module('err_confirm.store.sqlite_store').TIMEOUT:g} s for each"),
    (STORES, f"noticed within {import_module('err_confirm.store.sqlite_watch').DELAY * 1_000:g} ms"),
    (STORES, f"by err-confirm: {import_module('err_confirm.store.redis_store').TIMEOUT:g} s for the connection"),
    (STORES, f"must be claimed within {RUN_WITHIN:g} s; what runs is renewed, and lost after {LEASE:g} s without"),
    (SECURITY, f"within {RUN_WITHIN:g} s of the approval"),
    (SECURITY, f"any process may claim it for {RUN_WITHIN:g} s"),
    (SECURITY, f"texts of at most {import_module('err_confirm.grammar').MAX_TEXT_BYTES:,} bytes"),
    (SECURITY, f"{import_module('err_confirm.store.seal').KEY_BYTES} bytes from the system's secure source"),
    (STORES, f"`CONFIRM_JOURNAL_KEEP` ({read_settings(None, {}).journal_keep / 86_400:g} days)"),
    (RELIABILITY, f"{len(RACE['RACERS'])} processes, {RACE['EXECUTIONS']:,} executions each time"),
    (RELIABILITY, f"{RACE['VOTERS']} votes on one execution"),
    (RELIABILITY, f"or decided after a restart | {MATRIX:,} cells"),
    (SECURITY, f"{len(GUARDED['PATHS'])} ways, {len(GUARDED['KINDS'])} kinds of commands"),
    (SECURITY, f"and {len(GUARDED['FATES'])} ends, {MATRIX:,} cells"),
    (RELIABILITY, f"| {LOOPS['MANY']:,} targets | done {LOOPS['MANY']:,}"),
    (RELIABILITY, f"at most once for each {LOOPS['MOST_SHARE']} targets"),
    (RELIABILITY, f"its {len(MACHINE['EDGES'])} changes of state"),
    (RELIABILITY, f"the state machine | {len(MACHINE['PLANTED'])} |"),
    (RELIABILITY, f"the types of parameters | {len(names_in('parameters/test_parameters.py')['PLANTED'])} |"),
    (RELIABILITY, f"{len(names_in('runners/test_injection.py')['PAYLOADS'])} values, in 3 places"),
    (RELIABILITY, f"| {len(HOSTILE['ESCAPES'])} and {len(HOSTILE['BOMBS'])} |"),
    (
        README,
        f"whoever asked has {'a minute' if a_policy().within == 60 else format_duration(a_policy().within)} to confirm",
    ),
]


@pytest.mark.parametrize(("page", "phrase"), PHRASES, ids=lambda value: value.name if isinstance(value, Path) else "")
def test_the_numbers_in_sentences_are_those_of_the_code(page: Path, phrase: str) -> None:
    """A phrase that is made of constants stands on the page."""
    assert phrase in flat(page)


def test_the_table_of_limits_has_the_values_of_its_constants() -> None:
    """Each row names the constant that holds its value."""
    for _, shown, constant in table(CONCEPTS, "Limits"):
        module, _, name = constant.strip("`").rpartition(".")
        value = getattr(import_module(f"err_confirm.{module}"), name)
        number = re.search(r"[0-9][0-9.,]*", shown)
        assert number
        assert float(number[0].replace(",", "")) == value, constant


def test_the_polls_of_within_are_as_the_page_says() -> None:
    """A hundredth of it, but between 3 and 60 s."""
    assert "every hundredth of it, but not more often than every 3 s and not more seldom than every 60 s" in flat(
        ALIASES
    )
    for within, delay in [("1m", 3.0), ("10m", 6.0), ("4h", 60.0)]:
        entry = PolicyEntry.model_validate({"within": within}, context={"people": People({})})
        assert entry.policy().stages[0].retry_delay == delay


# Chat


def test_the_chat_commands_are_those_of_the_plugins(tmp_path: Path) -> None:
    """Each command has its heading, each heading its command; no other command of ours is spoken of."""
    chat_headings = {heading for heading in headings(CHAT) if heading.split()[0].islower()}
    with a_bot(tmp_path) as talk:
        ours = {
            name.replace("_", " ")
            for name, function in talk.bot.commands.items()
            if isinstance(function.__self__, BotPlugin) and function.__self__.name in OURS
        }
    assert chat_headings == ours
    assert {*DONE} <= ours


def test_every_chat_command_that_is_spoken_of_exists() -> None:
    """A code span that begins with `!` is a command of ours, an example's text, or Errbot's own."""
    config = runpy.run_path(str(ROOT / "config.py"))
    first_words = {way.split()[0] for alias in loaded(ROOT, config).aliases.values() for way in said_ways(alias)}
    known = {heading.split()[0] for heading in headings(CHAT)} | first_words
    known |= {"help", "asuser", "asadmin", "inperson", "greet", "repos", "plugin", "room", "echo", "deploy", "shutdown"}
    known |= {"flows", "history"}
    for page in PAGES:
        for span in codes(prose(page)):
            if re.match(r"!\w", span):
                assert span[1:].split()[0].rstrip(":") in known, f"{page.name}: {span}"


def said_ways(alias: Any) -> Iterator[str]:
    for each in alias.formats:
        yield from each.representations


def test_every_refusal_is_on_the_page_word_for_word() -> None:
    """The first column of the table is what the templates make of the same facts."""
    shown = {codes(row[0])[0] for row in table(CHAT, "Refusals")}
    assert shown == sentences()


# Stores, security, reliability, comparison


def test_the_urls_of_stores_are_those_that_open() -> None:
    """Each example opens a store, and each kind of URL has one."""
    urls = first_codes(STORES, "URLs")
    assert {url.partition(":")[0] for url in urls} == set(import_module("err_confirm.store")._KINDS)
    for url in urls:
        open_store(url).close()


def test_the_methods_of_a_store_are_those_of_the_protocol() -> None:
    """Each has its row, in their order."""
    assert first_codes(STORES, "A new store") == [name for name in vars(Store) if not name.startswith("_")]


def test_what_is_kept_where_is_what_is_really_there(own_redis_server: RedisServer, tmp_path: Path) -> None:
    """After one life, by a user who may do nothing but what the page says."""
    rows = [[codes(cell) for cell in row] for row in table(STORES, "What is kept where")]
    user = next(block for block in blocks(STORES) if block.text.startswith("user "))
    own_redis_server.start("--appendonly", "yes")
    with redis.Redis(unix_socket_path=str(own_redis_server.socket)) as client:
        client.execute_command("ACL", "SETUSER", *user.text.split()[1:])
        url = f"redis+unix://{own_redis_server.socket}?username=confirm&password=secret"
        with closing(open_store(url, namespace="err-confirm")) as store:
            with closing(store.watch()) as watch:
                execution_id = a_life(store)
                assert watch.wait(PATIENCE)
            (first, _), *_ = store.journal(0, 9)
            store.note(append(RECORDS.seal, Entry(at=NOW, what=PRUNED, facts={"through": first})), first)
        kept = {key.decode().removeprefix("{c:err-confirm}:") for key in client.scan_iter()}
        for command in ("FLUSHALL", "CONFIG GET dir", "GET other"):
            with redis.Redis.from_url(url.removeprefix("redis+")) as theirs, pytest.raises(redis.ResponseError):
                theirs.execute_command(*command.split())
    shown = {row[1][0].replace("<id>", execution_id).replace("<person>", "alice") for row in rows}
    assert kept == shown
    with closing(open_store(f"sqlite:///{tmp_path}/s.db")) as store:
        a_life(store)
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {row[2][0] for row in rows}


def a_life(store: Store) -> str:
    """Let an execution be asked for, confirmed and run; return its id."""
    engine = Engine(store, RECORDS, lambda _: None)
    execution = engine.create(a_plan(a_policy()), Speaker("alice", Place(person="@alice")), "it")
    for event in (
        Posted(),
        Answer("alice", Verdict.APPROVE),
        Advance("one"),
        Finish("one", 1, Outcome(exit_code=0)),
    ):
        engine.apply(execution.id, event)
    return execution.id


def test_the_fields_of_a_line_are_those_of_the_journal(tmp_path: Path) -> None:
    """Each has its row, and so has each thing that a line may tell."""
    rows = {name: row[1] for row in table(SECURITY, "The journal") for name in codes(row[0])}
    assert set(rows) == {*Entry.__slots__, *Line.__slots__} - {"entry", "text"}
    states = {str(state) for state in State} - {State.PENDING, State.APPROVED}
    steps = {"asked", "posted", "confirmed", OBJECTED, STOPPING, *CALLED.values(), *NOTES}
    assert set(codes(rows["what"])) == steps | states


def test_a_system_counts_as_matched_only_where_a_test_of_the_chat_replays_it() -> None:
    """All five have a row; each says yes or partly with such a test, and what is missing if it is not yet all there."""
    rows = table(COMPARISON, "The five that it wants to match")
    assert len(rows) == 5
    for system, *_, matched in rows:
        if matched.startswith(("**yes**", "**partly**")):
            assert any(span.startswith("tests/chat/test_peers") for span in codes(matched)), system
        if not matched.startswith("**yes**"):
            assert re.match(r"\*\*not yet\*\*: .{20}|\*\*partly\*\*: .*Missing: .{20}", matched), system


# The state machine and the modules


def test_the_drawing_of_the_states_has_every_change_that_there_is() -> None:
    """Every event on every state, with and without votes, in and out of time."""
    drawing = next(block for block in blocks(CONCEPTS) if block.language == "mermaid")
    drawn = set(re.findall(r"^ +(\w+) --> (\w+)", drawing.text, re.MULTILINE))
    assert drawn == set(changes())


def changes() -> Iterator[tuple[str, str]]:
    outcomes = [Outcome(exit_code=0), Outcome(exit_code=1), Outcome(exit_code=None, error="stopped", aborted=True)]
    events = [
        Posted(),
        Cancel("alice"),
        *(Answer("alice", verdict) for verdict in Verdict),
        Advance("p"),
        Renew("p", 1),
        *(Finish("p", 1, outcome) for outcome in outcomes),
    ]
    for state in State:
        for voted in (False, True):
            execution = an_execution(state=state)
            vote = Vote(
                person="alice",
                verdict=Verdict.APPROVE,
                at=NOW,
                expires_at=execution.expires_at,
                digest=execution.digest,
            )
            execution = replace(
                execution,
                votes=(vote,) if voted else (),
                approved_at=NOW,
                fence=1,
                process="p",
                lease_until=NOW + LEASE,
                outcome=outcomes[0],
            )
            for event in (*events, Advance("q")):
                for now in (NOW + 1, NOW + 1_000):
                    decision = transition(execution, event, now)
                    if isinstance(decision, Step) and decision.execution.state is not state:
                        yield str(state), str(decision.execution.state)


def test_modules_import_only_from_their_row_and_below() -> None:
    """The table of modules has each module, and the imports of all of them follow it."""
    rows = [(row[0], codes(row[1])) for row in table(CONCEPTS, "Modules")]
    assert rows.pop(0) == ("plugins", ["confirm.py", "aliases.py", "guards.py", "locks.py"])
    place = {module: number for number, (_, modules) in enumerate(rows) for module in modules}
    files = {path.stem if path.suffix else path.name: path for path in LIBRARY.iterdir() if path.name != "__init__.py"}
    files.pop("__pycache__", None)
    assert set(place) == set(files)
    imports = {
        module: {
            other
            for file in (path.rglob("*.py") if path.is_dir() else [path])
            for other in re.findall(r"^\s*from err_confirm(?:\.| import )([a-z]\w*)", file.read_text(), re.MULTILINE)
            if other != module
        }
        for module, path in files.items()
    }
    upwards = [
        f"{module} imports {other}" for module in imports for other in imports[module] if place[other] < place[module]
    ]
    assert upwards == []
    assert set(TopologicalSorter(imports).static_order()) == set(files)


def test_only_the_named_modules_import_what_is_theirs_alone() -> None:
    """Errbot, redis, sqlite3, yaml and processes, as the page says."""
    importers: dict[str, set[str]] = {}
    for path in sorted((ROOT / "plugins/err-confirm").rglob("*.py")):
        for module in re.findall(r"^(?:from|import) (errbot|redis|sqlite3|yaml|subprocess)\b", path.read_text(), re.M):
            room = path.relative_to(LIBRARY).parts[0] if path.is_relative_to(LIBRARY) else path.parent.name
            importers.setdefault(module, set()).add(path.name if module in ("redis", "sqlite3") else room)
    assert importers == {
        "errbot": {"err-confirm"},
        "redis": {"redis_store.py"},
        "sqlite3": {"sqlite_store.py", "sqlite_watch.py"},
        "yaml": {"catalog"},
        "subprocess": {"runners"},
    }


# The examples

SAID = {
    "clean_up": "clean up /tmp older than 10 days",
    "do_something": "do_something with h1,h2 word",
    "reboot": "reboot all of staging",
    "free_space": "free space on /tmp",
    "restart": "restart web01 db",
    "ship": "ship shop 41",
    "ship_back": "take shop back because of it",
    "smoke_test": "smoke test shop",
}
"""For each example, a text that starts it."""


def test_the_examples_have_no_errors_and_no_warnings() -> None:
    """Each alias is started by a text below, and each action by an alias."""
    catalog = loaded(ROOT, runpy.run_path(str(ROOT / "config.py")))
    assert [*catalog.errors, *catalog.warnings] == []
    assert set(SAID) == set(catalog.aliases)
    assert {alias.action_ref for alias in catalog.aliases.values()} == set(catalog.actions)


@pytest.mark.parametrize("name", SAID)
def test_an_example_does_something_real_and_harmless(name: str) -> None:
    """It runs to its end and says so, and the checkout is as before."""
    catalog = loaded(ROOT, runpy.run_path(str(ROOT / "config.py")))
    before = examples()
    (match,) = Index(catalog.aliases.values()).matches(SAID[name])
    planned = Preparing(Probes(RUNNERS), most=1).ready(plan(catalog, match))
    assert planned.alias == name
    outcome = STARTERS[planned.invocation.runner].start(planned.invocation, Context()).wait(30)
    assert outcome is not None
    assert outcome.succeeded, outcome
    assert outcome.output.strip()
    assert examples() == before


def examples() -> dict[str, bytes]:
    """Return the files of the examples, without what Python keeps of them."""
    files = [path for folder in ("aliases", "actions") for path in sorted((ROOT / folder).iterdir()) if path.is_file()]
    return {str(path.relative_to(ROOT)): path.read_bytes() for path in files}
