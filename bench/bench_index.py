"""Measure how long it takes to find out which alias a text means; each line of output is one JSON object.

PYTHONPATH=plugins/err-confirm .venv/bin/python bench/bench_index.py
"""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

from bench_guards import median_us

from err_confirm.errors import NoMatchError, TextError
from err_confirm.grammar import Representation
from err_confirm.model.files import Alias, Format, Source
from err_confirm.plan.index import Index

WORDS = "the quick brown fox jumps over the lazy dog " * 180
LONG = WORDS[:8150].strip()
RANDOM_AB = "".join(random.Random(1).choices("ab", k=8100))
EXPRESSIONS = [
    ("one parameter", "say {{a}}", f"say {LONG}"),
    ("two parameters", "say {{a}} to {{b}}", f"say {LONG} to x"),
    ("five parameters", "say {{a}} {{b}} {{c}} {{d}} {{e}}", f"say {LONG}"),
    ("five parameters, none matches", "say {{a}} {{b}} {{c}} {{d}} {{e}} end", f"say {LONG}"),
    ("five parameters, many quotes", "say {{a}} {{b}} {{c}} {{d}} {{e}}", "say " + "\"a {b' " * 1160),
    ("groups and a default", "(say|tell) {{a}}( to {{b=me}})?[!.]?", f"say {LONG} to x!"),
    ("1,600 blanks", "say {{a}} to {{b}}", "say" + " " * 1600 + "x to y"),
    ("8,000 blanks", "say {{a}} {{b}} {{c}} {{d}}", "say" + " " * 8000 + "x y z w"),
    ("nested repetition", "(a+)+b", "a" * 8100),
    ("overlapping alternatives", "(a|a|aa)+ {{x}}", "a" * 8100),
    ("10 optional in a row", "(a?){10}(a){10}{{x}}", "a" * 8100),
    ("exponential automaton", "(a|b)*a(a|b){20}c", RANDOM_AB),
    ("exponential automaton, biggest", "[ab]*a[ab]{65}c", RANDOM_AB),
    ("exponential automaton, with a parameter", "(a|b)*a(a|b){20}{{x}}", RANDOM_AB),
    ("2,000 pairs", "say {{a}}", "say x" + " a=1" * 2000),
    ("curly quotes", "say {{a}}", "say " + "\u201ca\u201d " * 1000),
]


def main() -> None:
    base = None
    for count in (1, 100, 1_000, 10_000):
        aliases = [alias(f"a{n}", f"do{n} {{{{host}}}} in {{{{env=prod}}}}") for n in range(count)]
        began = time.perf_counter()
        index = Index(aliases)
        built = time.perf_counter() - began
        text = f"do{count // 2} web1 in staging"
        matching = median_us(lambda index=index, text=text: index.matches(text), 300)
        base = base or matching
        missing = median_us(lambda index=index: outcome(index.matches, "nothing that is known"), 300)
        report(
            aliases=count,
            built_ms=round(built * 1000, 1),
            match_us=matching,
            ratio=round(matching / base, 2),
            no_match_us=missing,
        )
    same = Index([alias(f"a{n}", f"do {{{{host}}}} in env{n}") for n in range(1_000)])
    report(aliases=1_000, beginning="the same", match_us=median_us(lambda: same.matches("do web1 in env500"), 20))
    for name, representation, text in EXPRESSIONS:
        compiled = Representation(representation)
        first = median_us(lambda compiled=compiled, text=text: outcome(compiled.extract, text), 1)
        again = median_us(lambda compiled=compiled, text=text: outcome(compiled.extract, text), 30)
        found = outcome(compiled.extract, text)
        report(expression=name, bytes=len(text.encode()), matches=found, first_us=first, median_us=again)


def alias(name: str, representation: str) -> Alias:
    return Alias(
        name=name,
        action_ref="echo",
        formats=(Format(representations=(representation,)),),
        source=Source(Path("aliases/bench.yaml")),
        policy=None,
    )


def outcome(call: Callable[[str], object], text: str) -> bool:
    try:
        call(text)
    except NoMatchError:
        return False
    except TextError:
        return True
    return True


def report(**facts: object) -> None:
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
