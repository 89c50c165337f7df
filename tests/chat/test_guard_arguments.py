"""A guard over some arguments of a command: there is no way to say `prod` past it, and `staging` is never asked for."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from err_confirm.model.executions import State
from servers import eventually
from talk import ROOT, Talk, a_bot, write_files

SITE = """
import json

from errbot import BotPlugin, arg_botcmd, botcmd


class Deploy(BotPlugin):
    def _ran(self, *what):
        with open(f"{self.bot_config.BOT_DATA_DIR}/ran", "a") as file:
            print(json.dumps(what), file=file)

    @botcmd
    def deploy(self, msg, args):
        self._ran(args)
        return "deployed"

    @arg_botcmd("where", nargs="?")
    @arg_botcmd("--env", "-e", "--environment")
    @arg_botcmd("--count", "-c", type=int)
    @arg_botcmd("--force", "-f", action="store_true")
    def ship(self, msg, where, env, count, force):
        self._ran(where, env)
        return "shipped"
"""
GUARD = {
    "commands": ["Deploy:deploy prod*", "Deploy:ship prod*", "Deploy:ship --env prod*"],
    "confirm": {"by": ["bob"], "within": "1h"},
}
DEPLOY = [
    "!deploy {w}",
    "!deploy {W}",
    "!deploy {w}uction",
    "!deploy {w} web1 now",
    "!  deploy   {w}  ",
    "!deploy\n{w}",
    "!deploy\t{w}\tweb1",
    "!deploy {w}\nweb1",
    "!deploy\u00a0{w}",
    "!deploy \u00a0{w}",
    "!deploy {w}\u00a0web1",
    "!deploy\u2003{w}",
    '!deploy "{w}"',
    "!deploy '{w}'",
    '!deploy "{w} web1"',
    '!deploy " {w}"',
    '!deploy "{h}"{t}',
    "!deploy {h}'{t}'",
    "!deploy \\{w}",
    '!deploy ""{w}',
    '!deploy "{w}',
    "!deploy \u201c{w}\u201d",
    "!deploy \u2018{W}\u2019 web1",
    "bot, deploy {w}",
    "@errbot: deploy  {W}",
]
SHIP = [
    "!ship {w}",
    "!ship {W}",
    "!ship {w}uction",
    '!ship "{w}"',
    "!ship '{h}'{t}",
    "!ship \u201c{w}\u201d",
    "!ship   {w}",
    "!ship\n{w}",
    "!ship\u00a0{w}",
    "!ship -- {w}",
    "!ship --force {w}",
    "!ship --fo {w}",
    "!ship -f {w}",
    "!ship \u2014force {w}",
    "!ship {w} --force",
    "!ship --force -- {w}",
    "!ship --count 3 {w}",
    "!ship --count=3 {w}",
    "!ship --co 3 {w}",
    "!ship -c3 {w}",
    "!ship -c 3 {w}",
    "!ship -fc3 {w}",
    "!ship -c3 -f '{w}'",
    "!ship --env qa {w}",
    "!ship --env {w}",
    "!ship --env={w}",
    "!ship --env '{W}'",
    '!ship --env="{w}"',
    "!ship \u2014env \u201c{w}\u201d",
    "!ship --envi {w} web1",
    "!ship --environment {w}",
    "!ship --environm={w} web1",
    "!ship -e {w}",
    "!ship -e{w}",
    "!ship -e={w} web1",
    "!ship -fe {w} web1",
    "!ship -fe{w}",
    "!ship web1 --env {w}",
    "!ship web1 -f -e {w}",
    "!ship -c 3 --env {w} -f web1",
    "!ship --env qa --env {w}",
    "!ship --env\n{w}",
    "bot, ship web1 --env {w}",
]


def ways(word: str) -> list[str]:
    """Return all of them with one word."""
    return [way.format(w=word, W=word.upper(), h=word[0], t=word[1:]) for way in DEPLOY + SHIP]


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    plug = "[Core]\nName = Deploy\nModule = deploy\n"
    files = {"aliases/prod.yaml": json.dumps(GUARD), "plugins/deploy.plug": plug, "plugins/deploy.py": SITE}
    write_files(tmp_path, files)
    (tmp_path / "plugins/err-confirm").symlink_to(ROOT / "plugins/err-confirm")
    config = {"BOT_ALT_PREFIXES": ("bot", "@errbot"), "BOT_ALT_PREFIX_SEPARATORS": (":", ",")}
    with a_bot(tmp_path, BOT_EXTRA_PLUGIN_DIR=str(tmp_path / "plugins"), **config) as talk:
        yield talk


def ran(folder: Path) -> list[str]:
    path = folder / "data/ran"
    return path.read_text().splitlines() if path.exists() else []


def test_no_way_to_say_prod_runs_unasked(talk: Talk, tmp_path: Path) -> None:
    """Held 68 of 68; that each was said rightly is seen when they were confirmed."""
    said = ways("prod")
    assert len(set(said)) == 68
    for number, each in enumerate(said):
        talk.alice.says(each, f"#r{number}")
    talk.quiet()
    eventually(lambda: len(talk.executions()) == len(said) and all(each.posted for each in talk.executions()))
    assert ran(tmp_path) == []
    held = {each.place.room: each for each in talk.executions()}
    assert [text for number, text in enumerate(said) if f"#r{number}" not in held] == []
    for each in held.values():
        talk.bob.says(f"!confirm {each.id}", None)
    ended = {each.text: talk.ended(each.id) for each in held.values()}
    assert [text for text, each in ended.items() if each.state is not State.SUCCEEDED] == []
    assert len(ran(tmp_path)) == len(said)
    letters = ["".join(filter(str.isalpha, line)).lower() for line in ran(tmp_path)]
    assert [line for line in letters if "prod" not in line] == []


def test_staging_is_never_asked_for(talk: Talk, tmp_path: Path) -> None:
    """Held 0 of 68: each runs at once, however it is said."""
    said = ways("staging")
    for number, each in enumerate(said):
        talk.alice.says(each, f"#r{number}")
    eventually(lambda: len(ran(tmp_path)) == len(said))
    talk.quiet()
    assert talk.executions() == []
