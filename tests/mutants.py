"""Plant one small bug after the other in the core, and see whether a test finds it.

python tests/mutants.py [--workers 2] [--again] [--most 24] [module ...]
also: make mutants, make mutants MODULES="gate policy"

It works in copies of the tree. Results are added to data/mutants.jsonl, and what stands there is not tried twice;
--again tries what survived once more, after there are new tests; --most tries so many of each module, always the same.
Left alone are what the log says, texts for people, annotations, and a module's constants, which are settings and held
by the docs.
"""

import argparse
import ast
import copy
import difflib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "data" / "mutants.jsonl"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where the copies are: what a store writes there is on its disk at once."""
LIBRARY = Path("plugins/err-confirm/err_confirm")
STORE = ("tests/store/test_journal.py", "tests/store/test_contract.py")
ENGINE = ("tests/engine/test_engine.py", "tests/engine/test_gate.py")
SQLITE = ("-k", "sqlite", "tests/store/test_sqlite_store.py", *STORE, "tests/store/test_open.py")
REDIS = (
    "-k",
    "(redis and not fakeredis) or LostReply",
    "tests/store/test_redis_store.py",
    *STORE,
    "tests/store/test_open.py",
)
FAULTS = "tests/store/test_faults.py"
TRANSITION = ("-k", "not planted", "tests/policy/test_policy.py", "tests/transition/test_transition.py")
RECORDS = ("tests/store/test_seal.py", "tests/journal/test_forgery.py", "tests/journal/test_journal.py")
LOCKS = ("-k", "not redis", "tests/locks/test_mutexes.py")
AHEAD = ("-k", "not redis", "tests/threats/test_ahead.py", "tests/chat/test_targets.py")
GRAMMAR = ("tests/grammar/test_grammar.py", "tests/plan/test_index.py", "tests/catalog/test_alias_files.py")
LOOPS = ("-k", "not redis", "tests/runners/test_loop.py", "tests/test_loops.py")
GUARDED = (
    "tests/guards/test_guards.py",
    "tests/chat/test_guards.py",
    "tests/threats/test_guard_attacks.py",
    "tests/chat/test_guards_off.py",
    "tests/chat/test_guard_matrix.py",
)
TESTS: dict[str, tuple[str, ...]] = {
    **{f"guards/{name}.py": GUARDED for name in ("__init__", "readings")},
    **{f"holding/{name}.py": GUARDED for name in ("methods", "held", "judge", "hold", "flows", "calls")},
    **{
        f"transition/{name}.py": TRANSITION
        for name in ("__init__", "answering", "claiming", "demands", "running", "steps", "waiting")
    },
    **{f"policy/{name}.py": TRANSITION for name in ("__init__", "seating", "times")},
    "engine/gate.py": ("-k", "not redis and not planted", "tests/engine/test_looks.py", *ENGINE),
    "engine/polls.py": ("-k", "not redis and not planted", "tests/engine/test_looks.py", *ENGINE),
    "engine/outbox.py": ("-k", "not redis and not planted", "tests/engine/test_outbox.py", *ENGINE),
    "journal/__init__.py": ("-k", "not redis and not planted", *RECORDS),
    "journal/records.py": ("-k", "not redis and not planted", *RECORDS, *ENGINE),
    "limits.py": ("tests/test_limits.py",),
    "answers/__init__.py": ("tests/answers/test_answers.py",),
    "policy/openings.py": ("tests/policy_words/test_policy_words.py",),
    "plan/index.py": ("tests/plan/test_plan.py", "tests/plan/test_index.py"),
    "following.py": ("-k", "not redis", "tests/test_following.py"),
    "sequels.py": ("-k", "not redis", "tests/test_following.py"),
    "requesting.py": ("tests/test_requesting.py", "tests/chat/test_targets.py"),
    **{f"locks/{name}.py": LOCKS for name in ("mutexes", "mutex_uses")},
    "vouching.py": LOCKS,
    **{f"runners/loops/{name}.py": LOOPS for name in ("pace", "loop")},
    "tally.py": (
        "-k",
        "not redis",
        "tests/test_following.py",
        "tests/runners/test_loop.py",
        "tests/chat/test_loops.py",
    ),
    "journal/witness.py": ("-k", "not redis", "tests/journal/test_witness.py"),
    "answers/guesses.py": ("tests/chat/test_guesses.py",),
    "conditions/__init__.py": ("tests/conditions/test_conditions.py", "tests/catalog/test_rules.py"),
    "conditions/strictness.py": ("tests/conditions/test_strictness.py",),
    **{f"grammar/{name}.py": GRAMMAR for name in ("representation", "expression")},
    "rendering/targets.py": ("-k", "not redis", "tests/chat/test_targets.py", "tests/threats/test_ahead.py"),
    "rendering/__init__.py": AHEAD,
    **{f"plan/{name}.py": AHEAD for name in ("preparing", "probes")},
    "engine/recheck.py": AHEAD,
    "remote/job_record.py": (
        "-k",
        "grants_a_job or not_to_be_had or put_back",
        "tests/remote/test_worker.py",
        "tests/threats/test_jobs.py",
    ),
    "transition/running.py": (*TRANSITION, "tests/test_loops.py", "tests/chat/test_abort.py"),
    "store/shelf.py": ("-k", "not redis", "tests/store/test_shelf.py"),
    "locks/__init__.py": ("-k", "not redis", "tests/locks/test_locks.py"),
    "answers/otp.py": ("-k", "not redis", "tests/answers/test_otp.py"),
    "store/seal.py": ("-k", "not redis and not planted", *RECORDS),
    "store/sqlite_store.py": (*SQLITE, FAULTS),
    "store/sqlite_watch.py": (*SQLITE, FAULTS),
    "store/turn.py": ("tests/store/test_turn.py", *SQLITE, FAULTS),
    "store/redis_store.py": (*REDIS, FAULTS),
    **{f"store/lua/{path.name}": REDIS for path in sorted((ROOT / LIBRARY / "store/lua").glob("*.lua"))},
}
"""What pytest is told for each module: the quickest tests first, as it stops at the first that fails."""

SWAPS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.And: (ast.Or,), ast.Or: (ast.And,),
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,), ast.Pow: (ast.Mult,),
    ast.BitOr: (ast.BitAnd,), ast.BitAnd: (ast.BitOr,),
}  # fmt: skip
IMPORTED = "ignore::pytest.PytestAssertRewriteWarning"
TEXT = [  # in Lua, and in the SQL inside Python
    (r"<=", "<"), (r"(?<!<)<(?![<=>])", "<="), (r">=", ">"), (r"(?<![<>-])>(?!=)", ">="), (r"==", "~="), (r"~=", "=="),
    (r" and ", " or "), (r" or ", " and "), (r"\bnot ", ""), (r" \+ 1\b", " + 2"), (r" - 1\b", " - 2"),
    (r", 0,", ", 1,"), (r"\b(\w+ [<>=]+ \?)", r"(\1 OR 1)"), (r" DESC\b", ""),
    (r"ORDER BY (\w+)(?! DESC)", r"ORDER BY \1 DESC"),
    (r"OR REPLACE", "OR IGNORE"), (r" IMMEDIATE", " DEFERRED"), (r"= WAL", "= DELETE"), (r"= FULL", "= NORMAL"),
    (r"UNIQUE (?=\()", "CHECK "),
    (r"IF NOT EXISTS ", ""), (r"data_version", "user_version"),
]  # fmt: skip
LUA_LINES = r"(?m)^ *(?:(?:redis\.call|forget)\(.*\)|return .*|offset = .*|found\[.*|number, seal = .*)$"
Edit = tuple[int, int, str]
Mutant = tuple[str, str]
"""The name of a module, and its text with a bug in it."""


def python_edits(source: str) -> Iterator[Edit]:  # noqa: PLR0915 - one table of cases
    """Yield each bug that fits, as a span of bytes and what is to stand there instead."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def instead(node: ast.AST, new: ast.AST | str) -> Edit:
        text = new if isinstance(new, str) else f"({ast.unparse(new)})"
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset, text

    def changed(node: ast.AST, **fields: object) -> Edit:
        new = copy.copy(node)
        for name, value in fields.items():
            setattr(new, name, value)
        return instead(node, new)

    def visit(node: ast.AST, inside: bool) -> Iterator[Edit]:  # noqa: PLR0912
        match node:
            case ast.FunctionDef():
                for child in [node.args, *node.body[ast.get_docstring(node) is not None :]]:
                    yield from visit(child, True)
                return
            case ast.ClassDef():
                for child in node.body:
                    yield from visit(child, False)
                return
            case ast.JoinedStr() | ast.arg() | ast.Import() | ast.ImportFrom():
                return
            case ast.Expr(ast.Call(ast.Attribute(ast.Name("log")) | ast.Name("assert_never")) | ast.Constant()):
                return
            case ast.Assign() | ast.AnnAssign() if not inside:
                if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                    yield from visit(node.value, False)
                return
            case ast.Compare(ops=[operator]):
                yield from (changed(node, ops=[other()]) for other in SWAPS[type(operator)])
            case ast.Compare(ops=operators):
                for at, operator in enumerate(operators):
                    for other in SWAPS[type(operator)]:
                        yield changed(node, ops=[*operators[:at], other(), *operators[at + 1 :]])
            case ast.BoolOp(operator, values):
                yield from (changed(node, op=other()) for other in SWAPS[type(operator)])
                for at in range(len(values)):
                    yield changed(node, values=[*values[:at], *values[at + 1 :]])
            case ast.BinOp(op=operator) | ast.AugAssign(op=operator) if type(operator) in SWAPS:
                new = copy.copy(node)
                new.op = SWAPS[type(operator)][0]()
                yield instead(node, ast.unparse(new) if isinstance(new, ast.stmt) else new)
            case ast.UnaryOp(ast.Not(), operand):
                yield instead(node, operand)
            case ast.Constant(bool() as value):
                yield instead(node, str(not value))
            case ast.Constant(int() | float() as value):
                yield from (instead(node, repr(value + step)) for step in (1, -1))
            case ast.Constant(str() as value) if re.match(r" ?[\nA-Z]+ ", value):
                start, end, _ = instead(node, "")
                text = source.encode()[start:end].decode()
                for at, to, new in text_edits(text):
                    yield start + len(text[:at].encode()), start + len(text[:to].encode()), new
            case ast.Call(keywords=keywords):
                for at in range(len(keywords)):
                    yield changed(node, keywords=[*keywords[:at], *keywords[at + 1 :]])
            case ast.Return(value) if value and not isinstance(value, ast.Constant):
                yield instead(node, "return None")
            case ast.Return() | ast.Continue() | ast.Break() | ast.Raise():
                yield instead(node, "pass")
        if isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign):
            yield instead(node, "pass")
        test = getattr(node, "test", None) or getattr(node, "guard", None)
        for condition in [*([test] if test else []), *getattr(node, "ifs", [])]:
            if not isinstance(condition, ast.Compare) and not isinstance(condition, ast.UnaryOp):
                yield instead(condition, ast.UnaryOp(ast.Not(), condition))
        for field, child in ast.iter_fields(node):
            if field not in ("annotation", "returns", "decorator_list"):
                for each in child if isinstance(child, list) else [child]:
                    if isinstance(each, ast.AST):
                        yield from visit(each, inside)

    for top in ast.parse(source).body:
        yield from visit(top, False)


def text_edits(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the bugs that fit in Lua or SQL, as a span of characters and what is to stand there instead."""
    for pattern, new in TEXT:
        for match in re.finditer(pattern, text):
            if "--" not in text[text.rfind("\n", 0, match.start()) + 1 : match.start()]:
                yield *match.span(), match.expand(new)


def mutants(name: str) -> Iterator[Mutant]:
    """Yield each mutant of a module once."""
    source = (ROOT / LIBRARY / name).read_text()
    raw, seen = source.encode(), {source}
    lua = [*text_edits(source), *((*match.span(), "") for match in re.finditer(LUA_LINES, source))]
    for start, end, text in python_edits(source) if name.endswith(".py") else lua:
        mutant = (raw[:start] + text.encode() + raw[end:]).decode()
        with suppress(SyntaxError):
            if name.endswith(".py"):
                compile(mutant, name, "exec")
            if mutant not in seen:
                seen.add(mutant)
                yield name, mutant


def sample(name: str, most: int | None) -> list[Mutant]:
    """Return so many mutants of a module, picked by a fixed seed; the first of them are those that fewer would be."""
    found = list(mutants(name))
    if most is not None and most < len(found):
        random.Random(0).shuffle(found)
    return found[:most]


def diff(mutant: Mutant) -> str:
    """Return the lines that differ."""
    name, text = mutant
    lines = difflib.unified_diff((ROOT / LIBRARY / name).read_text().splitlines(), text.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in lines if not line.startswith(("---", "+++")))


def known_as(name: str) -> str:
    """Return what people call a module: a package by its own name."""
    path = Path(name)
    return path.parent.name if path.stem == "__init__" else path.stem


def key(mutant: Mutant) -> str:
    return hashlib.sha256("\n".join(mutant).encode()).hexdigest()[:16]


def run(tree: Path, scratch: Path, tests: list[str]) -> int:
    """Run pytest in this process, which is for nothing else."""
    os.setsid()
    os.chdir(tree)
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
    output = os.open(tree / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.path[:] = [entry for entry in sys.path if entry not in ("", str(ROOT / "tests"))]
    return pytest.main(["-x", "-p", "no:cacheprovider", "-W", IMPORTED, "--no-header", "--tb=line", "-rfE", *tests])


def outcome(tree: Path, name: str, timeout: float) -> tuple[str, str]:
    """Run the tests of a module in a tree, in a process of their own; return how they ended, and what failed first."""
    tests = [each for each in TESTS[name] if not each.endswith(".py") or (tree / each).exists()]
    scratch = tree / "t"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    child = os.fork()  # and not a new Python: what is imported already need not be imported for each mutant
    if not child:
        with suppress(BaseException):
            os._exit(run(tree, scratch, tests))
        os._exit(3)
    deadline, ended = time.monotonic() + timeout, (0, 0)
    while ended[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
        ended = os.waitpid(child, os.WNOHANG)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    if ended[0] == 0:
        os.waitpid(child, 0)
        return "time-out", ""
    code = os.waitstatus_to_exitcode(ended[1])
    if code == 0:
        return "survived", ""
    printed = (tree / "output").read_text()
    failed = re.search(r"(?m)^(?:FAILED|ERROR|ImportError while loading) (.*)$", printed)
    assert failed or code < 0, f"no test failed, and still pytest ended with {code}: {printed}"
    return "killed", failed[1] if failed else f"signal {-code}"


def work(todo: list[Mutant]) -> None:
    """Try mutants in a copy of the tree, and add to the results what became of them."""
    timeouts: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="m-", dir=MEMORY) as folder, RESULTS.open("a") as results:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "data", "__pycache__"))
        servers = tree / "tests" / "servers.py"
        servers.write_text(servers.read_text().replace("PATIENCE = 60.0", "PATIENCE = 10.0"))  # many wait in vain here
        for number, (name, text) in enumerate(todo, 1):
            path, started = tree / LIBRARY / name, time.monotonic()
            right = path.read_text()
            if name not in timeouts:
                how, failed = outcome(tree, name, 600)
                printed = (tree / "output").read_text()
                assert how == "survived", f"{name}: its tests fail without a mutant, too: {failed}\n{printed[-3000:]}"
                timeouts[name] = 15 + 2 * (time.monotonic() - started)
            path.write_text(text)
            os.utime(path, (number, number))  # else Python may take the compiled form of the one before
            started = time.monotonic()
            how, failed = outcome(tree, name, timeouts[name])
            path.write_text(right)
            took = round(time.monotonic() - started, 1)
            line = {"module": name, "key": key((name, text)), "how": how, "by": failed, "s": took}
            results.write(json.dumps(line) + "\n")
            results.flush()


def known() -> dict[str, str]:
    """Return what became of each mutant that was tried."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    return {each["key"]: each["how"] for each in map(json.loads, lines)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help=f"of: {', '.join(map(known_as, TESTS))}")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="try once more what survived")
    parser.add_argument("--most", type=int, help="how many mutants of each module")
    arguments = parser.parse_args()
    wanted = [name for name in TESTS if not arguments.modules or known_as(name) in arguments.modules]
    made = {name: sample(name, arguments.most) for name in wanted}
    RESULTS.parent.mkdir(exist_ok=True)
    done = known()
    settled = {key for key, how in done.items() if how != "survived" or not arguments.again}
    todo = [each for name in wanted for each in made[name] if key(each) not in settled]
    children = []
    for worker in range(arguments.workers):
        children.append(os.fork())
        if not children[-1]:
            work(todo[worker :: arguments.workers])
            os._exit(0)
    failures = [child for child in children if os.waitpid(child, 0)[1]]
    done = known()
    print("| module | mutants | killed by a test | by the time-out | survived | killed |\n|---|---|---|---|---|---|")
    for name in wanted:
        ends = [done.get(key(each), "untried") for each in made[name]]
        counts = [ends.count(how) for how in ("killed", "time-out", "survived")]
        print(f"| {name} | {len(ends)} | {' | '.join(map(str, counts))} | {sum(counts[:2]) / len(ends):.1%} |")
    for each in (each for name in wanted for each in made[name] if done.get(key(each)) == "survived"):
        print(f"\n{each[0]} {diff(each)}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    import fakeredis  # noqa: F401 - what the tests import, too
    import hypothesis  # noqa: F401
    import pydantic  # noqa: F401
    import pytest
    import re2  # noqa: F401
    import redis.commands  # noqa: F401

    main()
