"""Do what a page says, from its first block to its last, in a copy of the checkout: write, lint, say, compare.

`PYTHONPATH=plugins/err-confirm .venv/bin/python tests/docs_walk.py docs/cli.md` writes into a page again what its chat
and console blocks answer, and what refused files are told.
"""

import difflib
import doctest
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docs_pages import ROOT, Block, blocks, flat
from err_confirm.answers.otp import codes
from err_confirm.catalog import Catalog, load, parse_policy
from err_confirm.settings import read_settings
from talk import Talk, a_bot

SHOWN_AS = "/srv/err-confirm"
"""What the pages call the checkout where its full path shows."""

ALPHABET = "0-9a-hjkmnp-tv-z"
FILE = re.compile(r"\A(?:#!.*\n)?# ((?:aliases|actions)/[\w.-]+)\n")
LIBRARY_FILE = re.compile(r"\A# (plugins/[\w./-]+)\n")
PART = re.compile(r"\A# part of an (alias|action)\n")
REFUSED = re.compile(r"\A# refused: ((aliases|actions)/[\w.-]+)\n")
CONFIG = "# at the end of config.py\n"
"""With what a Python block begins that belongs to the copy's settings."""
RELOADED = "`!aliases reload` is said and confirmed, which is not shown"
"""What a page says whose files are taken into use without a word."""
# An id on a page has a digit and a letter; one that is given by chance need not.
_ID = re.compile(rf"\b(?=[a-z]*[0-9])(?=[0-9]*[a-z])[{ALPHABET}]{{8}}\b")
_WORD = re.compile(rf"\b[{ALPHABET}]{{8}}\b")
_NAMED = re.compile(rf"[{ALPHABET}]{{4,8}}", re.IGNORECASE)
# `bob to bot>` says something to the bot alone, `bot to bob>` to somebody alone who has not just spoken.
_SAID = re.compile(r"^(\w+(?: to \w+)?)> +(.*)$")
_CLOCK = re.compile(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d UTC")
_TOOK = re.compile(r"(succeeded in|after) [\d.]+ (?:s|min)")
_LEFT = re.compile(r"(\d+(?:\.\d)? (?:s|min|h|d)(?: \d+ (?:s|min|h))?) (left|more\b)")
_SECRET = re.compile(r"\b[A-Z2-7]{32}\b")
_BOUND = re.compile(r"bound to: [0-9a-f]{16}")
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
LEFT_WITHIN = 10
"""Seconds by which a time that is left may differ from the page's; a 24th of it, where it is shown so coarsely."""

SILENCE = 2.5
"""Seconds for which the bot gets to say all it has to say when a page is written."""

CLOCK = "14:03:20 UTC"
DAY = "2026-09-23 "
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CODE = "287082"
"""Stand on a page for the secret of somebody's second factor, and for a code of it that counts."""
LEFT_OUT = "…"
"""Stands on a page for what the bot says to somebody directly and nobody need read."""
Message = tuple[str, list[str]]
"""`bot`, or `bot to bob` where Bob alone is told and has not just spoken, and the lines."""
ASIDE = "@root"
"""Whom the bot answers when `Talk.quiet` asks it."""
ADMINS_ONLY = ("!aliases reload", "!plugin", "!shutdown")
"""With what begins what only a bot admin may say, and to the bot alone."""


class Walk:
    """A copy of the checkout in which a page's blocks are done one after the other."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._talk: Talk | None = None
        self._names: dict[str, Any] = {}
        self._unread = False
        self._steps: dict[str, int] = {}
        self.ids: dict[str, str] = {}
        for name in ("aliases", "actions"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "config.py", folder)
        (folder / "plugins").symlink_to(ROOT / "plugins", target_is_directory=True)

    @property
    def config(self) -> dict[str, Any]:
        """The settings of the copy's config.py."""
        return runpy.run_path(str(self.folder / "config.py"))

    @property
    def talk(self) -> Talk:
        """The bot of this copy, started when it is first needed."""
        if self._talk is None:
            settings = {name: value for name, value in self.config.items() if name.startswith("CONFIRM_")}
            self._talk = self._stack.enter_context(a_bot(self.folder, shipped=True, **settings))
        return self._talk

    def do(self, block: Block) -> None:
        """Do one block; fails where the page is wrong."""
        named = FILE.search(block.text)
        match block.language:
            case "yaml" if REFUSED.search(block.text):
                pass  # together with the text block that follows it
            case "yaml" if part := PART.search(block.text):
                assert problems_of(completed(part[1], block.text), f"{part[1]}.yaml", self.folder) == []
            case "yaml" | "python" | "sh" if named:
                self._write(named[1], block)
            case "yaml":
                raise AssertionError(f"{block.where}: say in a comment at its top what it is")
            case "python" if ours := LIBRARY_FILE.search(block.text):
                (self._own_library() / ours[1]).write_text(block.text)
            case "diff":
                patch = ["git", "apply", "--unidiff-zero", "-"]
                subprocess.run(patch, cwd=self._own_library(), input=block.text, text=True, check=True)
            case "python" if block.text.startswith(CONFIG):
                with (self.folder / "config.py").open("a") as config:
                    config.write(block.text)
            case "python":
                self._execute(block)
            case "console":
                found = self.console(block).splitlines()
                compare(block, list(map(loose, block.text.splitlines())), list(map(loose, found)))
            case "chat":
                self._say(block)

    def _own_library(self) -> Path:
        """Return the folder, with a library in it that is no longer the checkout's; commands use it from then on."""
        plugins = self.folder / "plugins"
        if plugins.is_symlink():
            plugins.unlink()
            shutil.copytree(ROOT / "plugins", plugins, ignore=shutil.ignore_patterns("__pycache__"))
            program = self.folder / "bin/err-confirm"
            program.parent.mkdir()
            run = f'PYTHONPATH="{plugins}/err-confirm" exec {sys.executable} -m err_confirm "$@"'
            program.write_text(f"#!/bin/sh\n{run}\n")
            program.chmod(0o755)
        return self.folder

    def _write(self, name: str, block: Block) -> None:
        path = self.folder / name
        path.write_text(block.text)
        self._unread = self._talk is not None and RELOADED in flat(block.page)
        if not path.suffix:
            path.chmod(0o755)
        if (self.folder / "plugins").is_symlink():
            catalog = self.load()
            assert [*catalog.errors, *catalog.warnings] == [], block.where
        else:
            assert "0 errors, 0 warnings" in self._run("err-confirm lint"), block.where

    def load(self) -> Catalog:
        """Load all files of the copy."""
        return loaded(self.folder, self.config)

    def _execute(self, block: Block) -> None:
        if ">>>" in block.text:
            test = doctest.DocTestParser().get_doctest(block.text, self._names, block.where, str(block.page), 0)
            report: list[str] = []
            doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.append, clear_globs=False)
            self._names = test.globs
            assert not report, f"{block.where}\n{''.join(report)}"
            return
        names = dict(self._names)
        exec(compile(block.text, block.where, "exec"), names)
        read_settings(SimpleNamespace(**names))

    def console(self, block: Block) -> str:
        """Return a console block as it really is: each command with its output."""
        shown = []
        for command in re.findall(r"^\$ (.*)$", block.text, re.MULTILINE):
            output = self._run(_ID.sub(lambda found: self.ids.get(found[0], found[0]), command))
            shown.append(f"$ {command}\n{output}")
        return steady(self._as_on_the_page("".join(shown).replace(str(self.folder), SHOWN_AS)))

    def _run(self, command: str) -> str:
        """Return what a line for a shell prints."""
        path = f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env={**os.environ, "PATH": path, "COLUMNS": "80"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        ).stdout

    def reload(self) -> None:
        """Let the bot take the files into use that were written since."""
        if self._unread:
            self.talk.alice.says("!aliases reload", None)
            self.talk.alice.says(f"!confirm {self.talk.prompt('@alice')}", None)
            self.talk.hears("succeeded", "@alice")
            self._unread = False

    def _say(self, block: Block) -> None:
        self.reload()
        for turn in turns(block):
            expected = flattened(turn.answers)
            heard = self._exchange(turn, len(expected), block)
            self._learn(expected, heard)
            translated = [_ID.sub(lambda found: self.ids.get(found[0], found[0]), line) for line in expected]
            # What several are told at once is told by several threads.
            in_order: Callable[[Iterable[str]], list[str]] = list if len(dict(turn.answers)) < 2 else sorted
            compare(block, in_order(map(loose, translated)), in_order(map(loose, heard)))
            for shown, real in zip(times_left(expected), times_left(heard), strict=True):
                assert abs(shown - real) <= max(LEFT_WITHIN, shown // 24), block.where

    def chat(self, block: Block) -> str:
        """Return a chat block as it really is, with the page's ids, times and clock."""
        shown = ""
        self.reload()
        for turn in turns(block):
            said = len(self.talk.heard)
            self._tell(turn)
            time.sleep(SILENCE)
            self.talk.quiet()
            heard = self._heard(turn, said)
            self._learn(flattened(turn.answers), flattened(heard))
            shown += f"{turn.speaker + '>':6} {turn.text}\n"
            for to, lines in heard:
                for number, line in enumerate(lines):
                    shown += f"{'' if number else f'{to}>':6} {self._as_on_the_page(line)}\n"
        return shown

    def _as_on_the_page(self, line: str) -> str:
        for ours, theirs in self.ids.items():
            line = line.replace(theirs, ours)
        return _SECRET.sub(SECRET, _CLOCK.sub(lambda at: f"{DAY if at[1] else ''}{CLOCK}", line))

    def _tell(self, turn: "Turn") -> None:
        """Say something in a room; to the bot alone what only admins may say, and the answer to a prompt there."""
        said = self._translated(turn.text)
        if CODE in said:
            said = said.replace(CODE, self._code(turn.person))
        direct = turn.direct or self._is_direct(turn.person, said)
        getattr(self.talk, turn.person).says(said, None if direct else "#ops")

    def _code(self, person: str) -> str:
        """Return a code of somebody's second factor that counts: each does only once."""
        *_, secret = (
            found[0] for to, text in self.talk.heard if to == f"@{person}" for found in _SECRET.finditer(text)
        )
        _, *taken = sorted(codes(secret, time.time()).items())  # the first may be over when it is looked at
        self._steps[person], code = next(each for each in taken if each[0] > self._steps.get(person, 0))
        return code

    def _is_direct(self, person: str, said: str) -> bool:
        if said.lower().startswith(ADMINS_ONLY):
            return True
        places = [execution.place for execution in self.talk.executions() if execution.id in said.split()]
        return any(not place.room and place.person == f"@{person}" for place in places)

    def _exchange(self, turn: "Turn", lines: int, block: Block) -> list[str]:
        """Say something as a person, and return the lines that the bot answers to anybody."""
        said = len(self.talk.heard)
        self._tell(turn)
        try:
            while len(flattened(self._heard(turn, said))) < lines:
                self.talk.hears(".")
        except AssertionError as error:
            raise AssertionError(f"{block.where}: {turn.speaker} says {turn.text}\n{error}") from None
        self.talk.quiet()
        return flattened(self._heard(turn, said))

    def _heard(self, turn: "Turn", since: int) -> list[Message]:
        """Return the messages that came since then: in the room, then to one after the other of those told directly."""
        spoken = "" if turn.direct else f"@{turn.person}"
        heard = [
            (f"bot to {to[1:]}" if to.startswith("@") and to != spoken else "bot", lines_of(message, self.folder))
            for to, message in self.talk.heard[since:]
            if to != ASIDE
        ]
        left_out = [each for each in turn.answers if each[1] == [LEFT_OUT] and each[0] in dict(heard)]
        return sorted([*left_out, *(each for each in heard if each[0] not in dict(left_out))], key=itemgetter(0))

    def _learn(self, expected: list[str], heard: list[str]) -> None:
        """Note which id is meant by each id of the page, and which token by each token behind an id."""
        real = {execution.id for execution in self.talk.executions()}
        for wanted, found in zip(expected, heard, strict=False):
            given = [word for word in _WORD.findall(found) if word in real or f"-{word}" in found]
            for ours, theirs in zip(_ID.findall(wanted), given, strict=False):
                self.ids.setdefault(ours, theirs)

    def _translated(self, text: str) -> str:
        """Return what is said with the ids that were really given, also where only the start of one is said."""

        def real(found: re.Match[str]) -> str:
            start = found[0].lower()
            for ours, theirs in self.ids.items():
                if ours.startswith(start):
                    cut = theirs[: len(start)]
                    return cut.upper() if found[0].isupper() else cut
            return found[0]

        command, _, rest = text.partition(" ")
        return f"{command} {_NAMED.sub(real, rest)}".rstrip()


@dataclass(frozen=True, slots=True)
class Turn:
    """Who says what on a page (`bob`, or `bob to bot` where it is said to the bot alone), and what the bot answers."""

    speaker: str
    text: str
    answers: list[Message] = field(default_factory=list)

    @property
    def person(self) -> str:
        return self.speaker.partition(" ")[0]

    @property
    def direct(self) -> bool:
        return self.speaker != self.person


def turns(block: Block) -> list[Turn]:
    """Return who says what in a chat block, and what the bot answers."""
    found: list[Turn] = []
    for line in block.text.splitlines():
        said = _SAID.match(line)
        if said and not said[1].startswith("bot"):
            found.append(Turn(said[1], said[2]))
        elif said:
            found[-1].answers.append((said[1], [said[2].strip()]))
        elif line.strip():
            found[-1].answers[-1][1].append(line.strip())
    return found


def flattened(messages: Iterable[Message]) -> list[str]:
    """Return the lines of messages; what somebody alone is told begins with who that is."""
    return [f"{by} {line}" if " " in by else line for by, lines in messages for line in lines]


@contextmanager
def a_walk() -> Iterator[Walk]:
    """Give a copy of the checkout, and end its bot."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield Walk(Path(folder).resolve(), stack)


def lines_of(message: str, folder: Path) -> list[str]:
    """Return what a message shows, line by line."""
    return [line.strip() for line in message.replace(str(folder), SHOWN_AS).splitlines() if line.strip()]


def loose(line: str) -> str:
    """Return a line without what differs from run to run; ids are compared as they are."""
    line = _CLOCK.sub(lambda at: f"{'DAY ' if at[1] else ''}HH:MM:SS UTC", line)
    line = _TOOK.sub(r"\1 T", line)
    line = _SECRET.sub(SECRET, line)
    return _BOUND.sub("bound to: DIGEST", _LEFT.sub(r"T \2", line))


def steady(output: str) -> str:
    """Return what a command printed without what differs from run to run, and from machine to machine."""
    output = re.sub(r"\d{4}-\d\d-\d\d(?= \d\d:)", "2026-11-20", output)
    output = re.sub(r"answers in [\d.]+ ms", "answers in 0.4 ms", output)
    return re.sub(r"Python [\d.]+ with Errbot [\d.]+", "Python 3.11.7 with Errbot 6.2.1", output)


def times_left(lines: list[str]) -> list[float]:
    """Return the times that some lines say are left, in seconds."""
    return [seconds(found) for line in lines for found, _ in _LEFT.findall(line)]


def seconds(text: str) -> float:
    """Return `1 min 30 s` in seconds, and `7.5 s`, as a page has it only where it is shown late."""
    words = text.split()
    return sum(float(count) * _SECONDS[unit] for count, unit in zip(words[::2], words[1::2], strict=True))


def compare(block: Block, expected: list[str], found: list[str]) -> None:
    """Fail with a diff if a block says something else than what really happens."""
    if expected != found:
        diff = "\n".join(difflib.unified_diff(expected, found, "the page", "what happens", lineterm=""))
        raise AssertionError(f"{block.where}\n{diff}")


def loaded(folder: Path, config: dict[str, Any]) -> Catalog:
    """Load the alias and action files below a folder, under the settings of a config.py."""
    settings = read_settings(SimpleNamespace(**config), {})
    known: dict[str, Any] = {"people": settings.people, "groups": settings.groups}
    default = parse_policy(settings.default, **known)
    return load([folder / "aliases"], [folder / "actions"], **known, default=default)


def problems_of(text: str, name: str, beside: Path, kind: str = "") -> list[str]:
    """Return the errors of one file, loaded beside the actions of a folder."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        for part in ("aliases", "actions"):
            (site / part).mkdir()
        shutil.copytree(beside / "actions", site / "actions", dirs_exist_ok=True)
        path = site / (kind or ("actions" if name == "action.yaml" else "aliases")) / name
        path.write_text(text)
        catalog = loaded(site, runpy.run_path(str(beside / "config.py")))
        return [str(problem).removeprefix(f"{folder}/") for problem in catalog.errors]


def completed(kind: str, text: str) -> str:
    """Return a part of an alias or action file with the keys that it must have besides."""
    keys = set(re.findall(r"^(\w+):", text, re.MULTILINE))
    needed = {"name": "part"}
    if kind == "alias":
        needed["formats"] = "[a part of an alias]"
    if not keys & {"run", "action_ref"}:
        needed["run"] = '{command: ["true"]}'
    return text + "".join(f"{key}: {value}\n" for key, value in needed.items() if key not in keys)


def refusals(block: Block, walk: Walk) -> str:
    """Return what is said of a file that is refused."""
    found = REFUSED.search(block.text)
    assert found is not None
    name = found[1].partition("/")[2]
    return "".join(f"{line}\n" for line in problems_of(block.text, name, walk.folder, found[2]))


def write(page: Path) -> None:
    """Write what really happens into a page: chat and console blocks, and the text after a refused file."""
    text, read_to = page.read_text(), 0
    all_blocks = blocks(page)
    with a_walk() as walk:
        for before, block in zip([None, *all_blocks], all_blocks, strict=False):
            start = text.index(f"```{block.language}\n{block.text}```", read_to) + len(f"```{block.language}\n")
            real = block.text
            if before and REFUSED.search(before.text):
                real = refusals(before, walk)
            elif block.language in ("console", "chat"):
                real = walk.console(block) if block.language == "console" else walk.chat(block)
            elif block.language == "diff" or block.text.startswith((CONFIG, "# plugins/")) or FILE.search(block.text):
                walk.do(block)
            text = text[:start] + real + text[start + len(block.text) :]
            read_to = start + len(real)
    page.write_text(text)


if __name__ == "__main__":
    for each in sys.argv[1:]:
        write(Path(each).resolve())
