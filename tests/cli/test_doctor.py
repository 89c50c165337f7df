"""`err-confirm doctor`: each way to set a bot up wrongly is named with what puts it right."""

import dbm.dumb
import json
import pickle
import shelve
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builders import a_policy
from err_confirm.catalog import Catalog
from err_confirm.cli import answerers, main
from err_confirm.errors import StoreUnavailableError, UnsafeStoreError
from err_confirm.health import Finding, Health
from err_confirm.model.files import Alias, Source
from err_confirm.model.policies import AllOf, Policy, Seat, Stage, When
from err_confirm.people import People
from err_confirm.people.directories import Function, Table
from err_confirm.people.groups import Groups
from err_confirm.store import open_store
from err_confirm.store.base import Record, Swap
from err_confirm.store.redis_check import access, keeping, serving
from err_confirm.store.sqlite_check import file_system
from servers import RedisServer
from talk import a_bot, write_files

CONFIG = """
import logging
BACKEND = "Text"
BOT_DATA_DIR = "data"
BOT_LOG_LEVEL = logging.WARNING
CONFIRM_PEOPLE = {"alice": ["text:alice"], "bob": ["text:bob"]}
"""
ALIAS = "name: greet\nformats: [greet]\nrun: {command: [echo]}\nconfirm: {by: [alice, bob]}\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a sound setup, and make it the current one."""
    write_files(tmp_path, {"config.py": CONFIG, "aliases/greet.yaml": ALIAS, "actions/README": ""})
    (tmp_path / "data").mkdir(mode=0o700)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Doctor:
    """Calls the doctor, and keeps what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> dict[str, tuple[str, str]]:
        """Return each finding, what → (health, fix)."""
        self.code = main(["doctor", "--json", *arguments])
        findings = json.loads(self._capsys.readouterr().out)
        assert self.code == any(finding["health"] == "error" for finding in findings)
        return {finding["what"]: (finding["health"], finding["fix"]) for finding in findings}


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(capsys)


def the(findings: dict[str, tuple[str, str]], words: str) -> tuple[str, str]:
    """Return health and fix of the one finding with these words."""
    (found,) = [finding for what, finding in findings.items() if words in what]
    return found


def a_store(site: Path) -> None:
    with closing(open_store(f"sqlite:///{site}/data/err-confirm.db", namespace="err-confirm")) as store:
        store.swap(Swap(record=Record("7f3kq2xa", 1, "token", b"{}")))


# What it says


def test_a_sound_setup_has_no_error_and_exit_code_0(site: Path, doctor: Doctor) -> None:
    a_store(site)
    (site / "data/core.db").write_bytes(b"")
    findings = doctor()
    assert doctor.code == 0
    assert [what for what, (health, _) in findings.items() if health == "error"] == []
    for words in ("the settings of config.py", "the store is SQLite", "open to their owner alone", "on this machine"):
        assert the(findings, words) == ("ok", "")
    assert the(findings, "1 alias, 2 guards and 1 action can be used") == ("ok", "")


def test_for_people_each_finding_is_a_line_with_its_fix_below(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_files(site, {"aliases/wrong.yaml": f"{ALIAS}fromats: [x]\n"})
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "\nerror   aliases/wrong.yaml:5: " in out
    assert "\n        → correct this line" in out
    assert out.splitlines()[-1] == "1 error, 3 warnings"
    assert "\033" not in out


def test_every_finding_that_is_not_well_says_what_to_do(site: Path, doctor: Doctor) -> None:
    write_files(site, {"config.py": "CONFIRM_STROE = 1\n", "aliases/wrong.yaml": "name: wrong\n"})
    findings = doctor()
    assert all(bool(fix) is (health != "ok") for health, fix in findings.values()), findings


def test_it_creates_nothing(site: Path, doctor: Doctor) -> None:
    assert the(doctor(), "is not there yet")[0] == "warning"
    assert list((site / "data").iterdir()) == []


# Settings, files and people


def test_without_a_config_there_is_one_error(site: Path, doctor: Doctor) -> None:
    (site / "config.py").unlink()
    assert the(doctor(), "there is no config.py")[0] == "error"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("CONFIRM_NAMESPACE = 5", "CONFIRM_NAMESPACE must be a str"),
        ("CONFIRM_STORE = 'mysql://u:secret@h'", 'store "mysql://***@h": unknown kind'),
        ("CONFIRM_DEFAULT = 'dave'", "CONFIRM_DEFAULT: people stand under the key by"),
        ("raise RuntimeError('no')", "config.py cannot be read: RuntimeError: no"),
    ],
)
def test_a_setting_that_stops_the_plugin_is_an_error(site: Path, doctor: Doctor, line: str, words: str) -> None:
    write_files(site, {"config.py": f"{CONFIG}{line}\n"})
    assert the(doctor(), words)[0] == "error"


def test_a_setting_that_there_is_not_is_a_warning(site: Path, doctor: Doctor) -> None:
    write_files(site, {"config.py": f"{CONFIG}CONFIRM_ALIASSES = 'ops'\n"})
    health, fix = the(doctor(), "CONFIRM_ALIASSES is no setting")
    assert health == "warning"
    assert "CONFIRM_ALIASES" in fix


def test_somebody_whom_no_list_has_is_an_error_with_its_line(site: Path, doctor: Doctor) -> None:
    write_files(site, {"aliases/greet.yaml": ALIAS.replace("bob", "bbo")})
    assert the(doctor(), 'aliases/greet.yaml:4: unknown person "bbo" (did you mean "bob"?)')[0] == "error"


def test_an_alias_without_its_action_is_a_warning(site: Path, doctor: Doctor) -> None:
    write_files(site, {"aliases/far.yaml": "name: far\nformats: [far]\naction_ref: linux.far\n"})
    assert the(doctor(), 'alias "far" starts the action "linux.far", which has no file here')[0] == "warning"


def test_no_alias_at_all_is_a_warning(site: Path, doctor: Doctor) -> None:
    (site / "aliases/greet.yaml").unlink()
    assert the(doctor(), "there is no alias that can be used")[0] == "warning"


def test_who_has_no_identity_on_this_network_cannot_confirm(site: Path, doctor: Doctor) -> None:
    config = CONFIG.replace('"text:alice"', '"text:alice", "slack:U1"').replace('"Text"', '"SlackV3"')
    only_bob = ALIAS.replace("greet", "leave").replace("[alice, bob]", "bob")
    write_files(site, {"config.py": config, "aliases/leave.yaml": only_bob})
    findings = doctor()
    assert the(findings, "bob has no slack identity, and cannot confirm greet")[0] == "warning"
    assert the(findings, 'aliases/leave.yaml:1: nobody can confirm "leave": bob has no slack identity')[0] == "error"
    assert not any("everybody whom a policy names" in what for what in findings)


def test_who_has_no_identity_on_this_network_cannot_confirm_what_is_guarded(site: Path, doctor: Doctor) -> None:
    people = CONFIG.replace('"bob": ["text:bob"]', '"bob": ["slack:U2"]')
    assert people != CONFIG
    write_files(site, {"config.py": people, "aliases/prod.yaml": "commands: Health:restart\nconfirm: {by: bob}\n"})
    assert the(doctor(), 'aliases/prod.yaml:1: nobody can confirm "prod": bob has no text identity')[0] == "error"


def test_a_network_on_which_nobody_can_be_told_apart_is_an_error(site: Path, doctor: Doctor) -> None:
    write_files(site, {"config.py": CONFIG.replace('"Text"', '"XMPP"')})
    assert the(doctor(), "on the backend XMPP nobody can be told apart")[0] == "error"


@pytest.mark.parametrize(
    ("level", "health"),
    [("logging.INFO", "warning"), ("'DEBUG'", "warning"), ("None", "warning"), ("logging.ERROR", "ok")],
)
def test_a_log_that_holds_what_was_typed_is_a_warning(site: Path, doctor: Doctor, level: str, health: str) -> None:
    write_files(site, {"config.py": CONFIG.replace("logging.WARNING", level)})
    assert the(doctor(), "BOT_LOG_LEVEL")[0] == health


def test_the_versions_are_said(site: Path, doctor: Doctor) -> None:
    python = ".".join(map(str, sys.version_info[:3]))
    assert the(doctor(), f"this is Python {python} with Errbot 6.2")[0] == "ok"


# Errbot's web server

LISTENING = {"HOST": "0.0.0.0", "PORT": 3141, "SSL": {"enabled": False, "host": "", "port": 3142}}


def configured(site: Path, configs: dict[str, Any]) -> None:
    with closing(shelve.Shelf(dbm.dumb.open(str(site / "data/core.db"), "c"), protocol=2)) as shelf:
        shelf["configs"] = configs


@pytest.mark.parametrize(
    ("configs", "health", "words"),
    [
        ({}, "ok", "Errbot's web server is not configured"),
        ({"Webserver": LISTENING}, "warning", "listens on 0.0.0.0:3141, has no login, and no TLS"),
        ({"Webserver": {**LISTENING, "HOST": "10.1.2.3"}}, "warning", "listens on 10.1.2.3:3141"),
        ({"Webserver": {**LISTENING, "HOST": "127.0.0.1"}}, "ok", "listens on 127.0.0.1:3141, on this machine only"),
        ({"Webserver": {**LISTENING, "HOST": "localhost"}}, "ok", "on this machine only"),
        ({"Webserver": {**LISTENING, "SSL": {"enabled": True, "port": 3142}}}, "warning", "0.0.0.0:3142, has no login"),
        ({"Webserver": {"HOST": "127.0.0.1"}}, "warning", "cannot be seen"),
        ({"Other": {"path": Path("x")}}, "ok", "is not configured"),
    ],
)
def test_where_the_web_server_listens(
    site: Path, doctor: Doctor, configs: dict[str, Any], health: str, words: str
) -> None:
    configured(site, configs)
    assert the(doctor(), words)[0] == health


def test_what_cannot_be_read_is_said_to_be_unseen(site: Path, doctor: Doctor) -> None:
    assert the(doctor(), "core.db is not there")[0] == "warning"
    (site / "data/core.db").write_text("no shelf at all, but some text")
    assert the(doctor(), "whether Errbot's web server is open to the network cannot be seen")[0] == "warning"
    write_files(site, {"config.py": f"{CONFIG}STORAGE = 'Memory'\n"})
    assert the(doctor(), "cannot be seen: what Errbot keeps in Memory is not read here")[0] == "warning"


class Dropper:
    """Writes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("open('dropped', 'w').close()",)


def test_what_errbot_has_stored_is_read_and_never_executed(site: Path, doctor: Doctor) -> None:
    """Whoever can write the bot's data must not run anything as whoever calls the doctor."""
    configured(site, {"Webserver": LISTENING, "Evil": Dropper()})
    assert the(doctor(), "listens on 0.0.0.0:3141")[0] == "warning"
    assert not (site / "dropped").exists()
    pickle.loads(pickle.dumps(Dropper()))
    assert (site / "dropped").exists(), "the dropper itself works"


def test_the_shelf_is_where_and_as_errbot_writes_it(site: Path, doctor: Doctor) -> None:
    """Written by a real bot; what it stores last may be in the file only when it has ended."""
    with a_bot(site) as talk:
        talk.bot.plugin_manager.set_plugin_configuration("Webserver", LISTENING)
        assert the(doctor(), "Errbot's web server")[0]
    assert the(doctor(), "listens on 0.0.0.0:3141")[0] == "warning"


# SQLite


@pytest.mark.parametrize("end", ["", "-wal", "-shm", ".lock"])
def test_a_file_that_others_may_open_is_an_error(site: Path, doctor: Doctor, end: str) -> None:
    a_store(site)
    path = site / f"data/err-confirm.db{end}"
    path.touch()
    path.chmod(0o640)
    health, fix = the(doctor(), f"err-confirm.db{end} is open to others (mode 0640)")
    assert (health, fix) == ("error", f"chmod 600 {path}")


def test_a_folder_into_which_others_may_put_files_is_an_error(site: Path, doctor: Doctor) -> None:
    a_store(site)
    (site / "data").chmod(0o770)
    assert the(doctor(), f"others may put files into {site}/data (mode 0770)")[0] == "error"


def test_a_damaged_file_is_an_error(site: Path, doctor: Doctor) -> None:
    a_store(site)
    path = site / "data/err-confirm.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    content[size * 2 :] = b"\xa5" * (len(content) - size * 2)
    path.write_bytes(content)
    findings = doctor()
    assert any(
        health == "error" and ("damaged" in what or "malformed" in what) for what, (health, _) in findings.items()
    )


@pytest.mark.parametrize("content", [b"some text\n" * 1000, b""])
def test_a_file_that_is_no_store_is_an_error(site: Path, doctor: Doctor, content: bytes) -> None:
    (site / "data/err-confirm.db").write_bytes(content)
    assert the(doctor(), "cannot be used now: ")[0] == "error"


MOUNTS = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:5 / /srv rw,relatime shared:1 - nfs4 files:/srv rw
24 23 0:6 / /srv/local\040disk rw - xfs /dev/vdb rw
25 22 0:7 / /srv2 rw - fuse.sshfs user@host: rw
""".strip().splitlines()


@pytest.mark.parametrize(
    ("path", "health"),
    [
        ("/var/lib/bot.db", Health.OK),
        ("/srv/bot.db", Health.ERROR),
        ("/srv/local disk/bot.db", Health.OK),
        ("/srv2/bot.db", Health.ERROR),
        ("/srvx/bot.db", Health.OK),
    ],
)
def test_a_file_on_a_network_file_system_is_an_error(path: str, health: Health) -> None:
    assert file_system(Path(path), MOUNTS).health is health
    assert file_system(Path(path), []).health is Health.WARNING


# Redis

SAFE = ("--appendonly", "yes", "--maxmemory-policy", "noeviction")
UNSAFE = {
    "maxmemory-policy is allkeys-lru": ("--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"),
    "its AOF is off": ("--appendonly", "no", "--maxmemory-policy", "noeviction"),
}


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def on_network(port: int) -> tuple[str, ...]:
    """Return options for a server that this machine reaches as it would another one."""
    return ("--port", str(port), "--bind", "0.0.0.0", "--protected-mode", "no")


@pytest.fixture
def at(site: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def _at(url: str) -> None:
        write_files(site, {"config.py": f"{CONFIG}CONFIRM_STORE = {url!r}\n"})

    return _at


def test_a_safe_server_on_a_socket_is_well(at: Any, doctor: Doctor, own_redis_server: RedisServer) -> None:
    own_redis_server.start(*SAFE)
    at(f"redis+unix://{own_redis_server.socket}")
    findings = doctor()
    assert doctor.code == 0
    for words in (
        "the store is Redis at ",
        "answers in",
        "this is Redis 6",
        "maxmemory-policy is noeviction",
        "its AOF is on",
        "reached on this machine only",
    ):
        assert any(words in what and health == "ok" for what, (health, _) in findings.items()), words


@pytest.mark.parametrize("what", UNSAFE)
def test_a_server_that_may_forget_is_an_error_unless_that_is_accepted(
    at: Any, doctor: Doctor, own_redis_server: RedisServer, what: str
) -> None:
    own_redis_server.start(*UNSAFE[what])
    at(f"redis+unix://{own_redis_server.socket}")
    health, fix = the(doctor(), what)
    assert health == "error"
    assert "redis.conf" in fix
    at(f"redis+unix://{own_redis_server.socket}?unsafe=yes")
    assert the(doctor(), what)[0] == "warning"
    assert doctor.code == 0


def test_a_server_that_is_down_is_an_error(at: Any, doctor: Doctor, own_redis_server: RedisServer) -> None:
    at(f"redis+unix://{own_redis_server.socket}")
    assert the(doctor(), "cannot be used now: ")[0] == "error"


def test_a_server_on_the_network_needs_a_password_and_tls(
    at: Any, doctor: Doctor, own_redis_server: RedisServer, port: int
) -> None:
    own_redis_server.start(*SAFE, *on_network(port))
    at(f"redis://0.0.0.0:{port}")
    findings = doctor()
    assert the(findings, "takes commands without a password")[0] == "error"
    assert the(findings, "without TLS")[0] == "error"
    at(f"redis://127.0.0.1:{port}")
    assert the(doctor(), "reached on this machine only")[0] == "ok"


def test_a_password_of_ours_is_none_while_others_need_none(
    at: Any, doctor: Doctor, own_redis_server: RedisServer, port: int
) -> None:
    """An ACL user beside an open default user keeps nobody out."""
    own_redis_server.start(*SAFE, *on_network(port), *["--user", "bot", "on", ">secret", "~*", "&*", "+@all"])
    at(f"redis://bot:secret@0.0.0.0:{port}")
    findings = doctor()
    assert the(findings, "takes commands without a password")[0] == "error"
    assert "secret" not in json.dumps(findings)


def test_a_server_that_asks_for_a_password_is_well_but_for_tls(
    at: Any, doctor: Doctor, own_redis_server: RedisServer, port: int
) -> None:
    own_redis_server.start(*SAFE, *on_network(port), "--requirepass", "secret")
    at(f"redis://:secret@0.0.0.0:{port}")
    findings = doctor()
    assert the(findings, "it asks for a password")[0] == "ok"
    assert the(findings, "without TLS")[0] == "error"
    at(f"redis://:wrong@0.0.0.0:{port}")
    assert the(doctor(), "cannot be used now: ")[0] == "error"


def test_what_a_managed_server_does_not_tell_cannot_be_seen(
    at: Any, doctor: Doctor, own_redis_server: RedisServer
) -> None:
    own_redis_server.start(*SAFE, *["--user", "bot", "on", ">secret", "~*", "&*", "+@all", "-info", "-config"])
    at(f"redis+unix://bot:secret@{own_redis_server.socket}")
    findings = doctor()
    for words in ("maxmemory-policy cannot be seen", "AOF cannot be seen", "the version of Redis cannot be seen"):
        assert the(findings, words)[0] == "warning"
    assert doctor.code == 0


def healths(findings: Iterator[Finding]) -> list[Health]:
    return [finding.health for finding in findings]


def test_what_other_servers_say_of_themselves() -> None:
    """Those that no test can start: an old one, a replica, one behind TLS whose certificate nobody checks."""
    assert healths(serving({"redis_version": "6.0.16", "role": "master"})) == [Health.ERROR]
    assert healths(serving({"redis_version": "7.2.4", "role": "slave"})) == [Health.OK, Health.ERROR]
    assert healths(keeping({"maxmemory_policy": "volatile-ttl", "aof_enabled": 1})) == [Health.ERROR, Health.OK]
    remote = {"host": "192.0.2.1", "port": 6379}
    assert healths(access(remote, encrypted=True, anybody=False)) == [Health.OK, Health.OK]
    unchecked = {**remote, "ssl_cert_reqs": "none"}
    assert healths(access(unchecked, encrypted=True, anybody=False)) == [Health.OK, Health.ERROR]
    assert healths(access({"host": "localhost"}, encrypted=False, anybody=True)) == [Health.OK]


# The bot itself


@pytest.mark.parametrize("what", UNSAFE)
def test_the_bot_uses_no_server_that_may_forget_unless_told_to(own_redis_server: RedisServer, what: str) -> None:
    """It looks when it first reaches the server; until then, and after a correction, all is as with any server."""
    url = f"redis+unix://{own_redis_server.socket}"
    with closing(open_store(url, namespace="test")) as store:
        with pytest.raises(StoreUnavailableError, match="cannot be used now"):
            store.read("7f3kq2xa")
        own_redis_server.start(*UNSAFE[what])
        for _ in range(2):
            with pytest.raises(UnsafeStoreError, match=f"is not used: {what}.* or write .unsafe=yes at the end"):
                store.swap(Swap(record=Record("7f3kq2xa", 1, "token", b"{}")))
        with closing(open_store(f"{url}?unsafe=yes", namespace="test")) as unsafe:
            assert unsafe.read("7f3kq2xa")[0] is None, "nothing was written"
        own_redis_server.kill()
        own_redis_server.start(*SAFE)
        assert store.swap(Swap(record=Record("7f3kq2xa", 1, "token", b"{}"))).record is not None


def test_a_server_that_does_not_tell_is_not_used_either(own_redis_server: RedisServer) -> None:
    own_redis_server.start(*SAFE, *["--user", "bot", "on", ">secret", "~*", "&*", "+@all", "-info"])
    store = open_store(f"redis+unix://bot:secret@{own_redis_server.socket}", namespace="test")
    with closing(store), pytest.raises(UnsafeStoreError, match="maxmemory-policy cannot be seen"):
        store.read("7f3kq2xa")


def test_in_chat_the_refusal_says_why(own_redis_server: RedisServer, tmp_path: Path) -> None:
    own_redis_server.start(*UNSAFE["its AOF is off"])
    write_files(tmp_path, {"aliases/greet.yaml": ALIAS})
    with a_bot(tmp_path, CONFIRM_STORE=f"redis+unix://{own_redis_server.socket}") as talk:
        talk.alice.says("!greet")
        talk.hears("is not used: its AOF is off")


# Groups, and whether those who must answer can

TEAM = People({"alice": ["text:alice"], "bob": ["text:bob"], "carol": ["slack:U3"]})


def a_catalog(policy: Policy, name: str = "deploy") -> Catalog:
    alias = Alias(name=name, action_ref=name, formats=(), source=Source(Path("deploy.yaml"), 3), policy=policy)
    return Catalog(aliases={name: alias}, guards={}, actions={}, problems=())


def in_groups(table: dict[str, list[str]]) -> Groups:
    return Groups(TEAM, Table(lambda: table))


def by(*names: str, need: int = 1) -> Policy:
    seat = Seat(by=names)
    return a_policy(names) if need == 1 else replace(a_policy(names), stages=(Stage(quorum=AllOf(all=(seat,) * need)),))


def said(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    found = list(findings)
    assert all(bool(each.fix) is (each.health is not Health.OK) for each in found)
    return [(each.health, each.what) for each in found]


def test_a_group_of_people_who_are_there_is_well() -> None:
    groups = in_groups({"sre": ["alice", "text:eve"], "idle": []})
    assert said(answerers.groups(a_catalog(by("@sre", "carol")), groups))[-1][0] == "ok"
    assert said(answerers.groups(a_catalog(by("alice")), in_groups({}))) == []


def test_a_group_that_names_nobody_is_an_error_and_each_nobody_a_warning() -> None:
    groups = in_groups({"sre": ["dave", "@leads"], "leads": ["alice", "eve"], "qa": []})
    assert said(answerers.groups(a_catalog(by("@sre", "@leads", "@qa")), groups)) == [
        ("warning", "eve of @leads is nobody"),
        ("error", "nobody is in @qa, whom deploy asks for"),
        ("warning", "dave and @leads of @sre are nobody"),
        ("error", "nobody is in @sre, whom deploy asks for"),
    ]


def test_a_group_that_cannot_be_looked_up_is_an_error_also_where_only_a_condition_names_it() -> None:
    def away(_: str) -> list[str]:
        raise ConnectionError

    policy = replace(by("requester"), when=(When(policy=by("@leads")),), deny=Seat(by=("@qa",)))
    found = said(answerers.groups(a_catalog(policy), Groups(TEAM, Function(away))))
    assert [(health, what[:40]) for health, what in found] == [
        ("error", f"who is in @{name} cannot be looked up: the function"[:40]) for name in ("leads", "qa")
    ]
    assert said(answerers.groups(a_catalog(policy), in_groups({"qa": ["alice"]})))[0] == (
        "error",
        "who is in @leads cannot be looked up: CONFIRM_GROUPS has no such group; add it there",
    )


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        (by("@sre"), [("warning", "carol has no text identity, and cannot confirm deploy")]),
        (by("@leads"), [("error", 'deploy.yaml:3: nobody can confirm "deploy": carol has no text identity')]),
        (by("@leads", "others"), [("warning", "carol has no text identity, and cannot confirm deploy")]),
        (by("@sre", need=2), [("warning", "carol has no text identity, and cannot confirm deploy")]),
        (
            by("@sre", need=3),
            [("error", 'deploy.yaml:3: too few people can confirm "deploy": carol has no text identity')],
        ),
        (by("alice", need=2), [("error", 'deploy.yaml:3: too few people can confirm "deploy": there are no others')]),
        (by("@nobody"), [("error", 'deploy.yaml:3: nobody can confirm "deploy": there are no others')]),
        (by("alice"), [("ok", "everybody whom a policy names has an identity on Text")]),
        (by("anyone", need=2), [("ok", "everybody whom a policy names has an identity on Text")]),
        (by("@gone"), []),
    ],
)
def test_who_of_a_group_cannot_answer_here_is_counted(policy: Policy, found: list[tuple[str, str]]) -> None:
    """One person fills one seat; a group that cannot be looked up is said elsewhere."""
    groups = in_groups({"sre": ["alice", "bob", "carol"], "leads": ["carol"], "nobody": ["dave"]})
    assert said(answerers.people(a_catalog(policy), TEAM, groups, "Text")) == found


def test_the_groups_of_a_bot_are_looked_up(site: Path, doctor: Doctor) -> None:
    alias = ALIAS.replace("[alice, bob]", '"@sre", need: 2')
    write_files(
        site, {"aliases/greet.yaml": alias, "config.py": f'{CONFIG}CONFIRM_GROUPS = {{"sre": ["alice", "bob"]}}\n'}
    )
    assert the(doctor(), "everybody in the 1 groups that policies name is somebody")[0] == "ok"
    write_files(site, {"config.py": f'{CONFIG}CONFIRM_GROUPS = {{"sre": ["alice"]}}\n'})
    assert the(doctor(), 'aliases/greet.yaml:1: too few people can confirm "greet": there are no others')[0] == "error"
    write_files(site, {"config.py": f'{CONFIG}CONFIRM_GROUPS = "our_teams:members"\n'})
    assert the(doctor(), "who is in @sre cannot be looked up: the function of CONFIRM_GROUPS failed")[0] == "error"
    write_files(site, {"our_teams.py": "members = {'sre': ['alice', 'bob']}.__getitem__\n"})
    assert the(doctor(), "everybody in the 1 groups")[0] == "ok"
