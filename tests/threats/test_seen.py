"""Whoever confirms has seen all of it, and each character as what it is."""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from err_confirm.text.lookalikes import lookalikes
from err_confirm.text.visible import exact, visible
from talk import PROMPT, Talk, a_bot, write_files

FILES = {
    "actions/echo.yaml": """
name: echo
parameters: {what: {type: string, required: true, free: true, dash: true}}
run: {command: [echo, "{{ what }}"]}
""",
    "aliases/say.yaml": "{name: say, formats: ['say {{what}}'], action_ref: echo, confirm: {within: 10m}}",
}

IGNORABLE = [
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0x200B, 0x2010)),
    *(*range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x3164, *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0),
    *(*range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)),
]
"""Default_Ignorable_Code_Point of Unicode 14 (DerivedCoreProperties.txt)."""
ASSIGNED = [code for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")]
EMPTY = [0x2800, 0x1D159, 0x16FE4, *(code for code in ASSIGNED if unicodedata.category(chr(code)) == "Zs")]
OVERLAYS = [
    code for code in ASSIGNED if unicodedata.category(chr(code)) == "Me" or unicodedata.combining(chr(code)) == 1
]
TWINS = [code for code in ASSIGNED if not unicodedata.is_normalized("NFC", chr(code))]
UNSEEN = sorted({code for code in [*IGNORABLE, *EMPTY, *OVERLAYS, *TWINS] if code != 0x20})
"""What shows nothing, what strikes out what stands before it, and what looks the same as something else."""

SPOOFS = [
    *(
        "p\u0430ypal",
        "\u0440\u0430\u0443\u0440\u0430l",
        "g\u043e\u043egle.com",
        "micr\u03bfsoft",
        "\u0391pple",
        "web\u0661",
    ),
    *(
        "\u0455\u0441\u043e\u0440\u0435",
        "\u0410\u0412\u0421",
        "\u039f\u039a",
        "prod-\u0430",
        "db\u04cf",
        "v\uff11",
        "\uff57\uff45\uff42",
    ),
    *(
        "\U0001d429\U0001d42b\U0001d428\U0001d41d",
        "\u24d0dmin",
        "ro\u03bft",
        "\u13aapi",
        "l\u0456nux",
        "\u0501b01",
        "st\u0430ging,prod",
    ),
    *("\u212bngstrom-x\u0430", "k\u0585rn", "\uff52m"),
]
HONEST = [
    *("größe", "naïve", "Łódź", "Việt", "привет", "мир-труд", "Київ", "Ελλάδα", "κόσμος", "שלום", "مرحبا", "नमस्ते"),
    *("日本語", "東京Tower", "カタカナー", "ひらがな漢字", "한국어", "สวัสดี", "தமிழ்", "web01", "🙂", "straße", "Tōkyō"),
]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("seen")
    write_files(folder, FILES)
    with a_bot(folder) as talk:
        yield talk


def asked_for(talk: Talk, value: str) -> str:
    """Return the prompt for a value."""
    talk.alice.says(f"!say {value}")
    asked = talk.prompt()
    _, prompt = talk.heard[-1]
    talk.alice.says(f"!cancel {asked}")
    talk.hears(f"{asked} canceled")
    return prompt


def batches(codes: Iterable[int], size: int) -> Iterator[list[str]]:
    characters = map(chr, codes)
    while batch := list(itertools.islice(characters, size)):
        yield batch


def test_no_character_that_misleads_the_eye_is_shown_raw_in_a_prompt(talk: Talk) -> None:
    """Each behind a letter, as that is what a mark strikes out; surrogates cannot be said."""
    raw, shown = [], 0
    for batch in batches(UNSEEN, 200):
        prompt = asked_for(talk, "".join(f"a{char}" for char in batch))
        raw += [char for char in batch if char in prompt]
        shown += sum(prompt.count(exact(char)) > 1 for char in batch)  # as a value, and in what runs
    print(f"\ncharacters {len(UNSEEN)}, shown raw {len(raw)}")
    assert (raw, shown) == ([], len(UNSEEN))


def test_an_accent_and_its_letter_look_like_no_single_character() -> None:
    """What is shown is always composed: what looks the same, is the same."""
    pairs = [f"{letter}{mark}" for letter in "aeiouncsAEIOUNCS" for mark in map(chr, range(0x300, 0x370))]
    assert [pair for pair in pairs if not unicodedata.is_normalized("NFC", visible(pair))] == []
    assert visible("e\u0301") == r"e\u0301"
    assert visible("a" + "\u0329" * 20).count("\u0329") == 4
    assert visible("\u0301a `\u0301") == r"\u0301a `\u0301"


def test_a_word_that_mixes_scripts_is_flagged_in_the_prompt_and_a_plain_one_is_not(talk: Talk) -> None:
    """With the letters that are not what they seem as escapes."""
    flagged = {word: re.findall(r"^\s*look twice.*$", asked_for(talk, word), re.MULTILINE) for word in SPOOFS + HONEST}
    found = [word for word in SPOOFS if flagged[word]]
    wrong = [word for word in HONEST if flagged[word]]
    print(f"\nlook-alikes {len(SPOOFS)}, flagged {len(found)}; plain words {len(HONEST)}, flagged {len(wrong)}")
    assert (found, wrong) == (SPOOFS, [])
    assert flagged["p\u0430ypal"] == [r"look twice, letters that are not what they seem: p\u0430ypal"]
    assert all(line.isascii() and "\\" in line for word in SPOOFS for line in flagged[word])
    assert lookalikes("p\u0430ypal p\u0430ypal") == [r"p\u0430ypal"]


@pytest.mark.parametrize("network", ["text", "slackv3", "telegram"])
def test_a_prompt_is_shown_whole_or_not_at_all(network: str, tmp_path: Path) -> None:
    """Sizes from short to far too long, of characters that take one place, several, and an escape."""
    write_files(tmp_path, FILES)
    alice = {"text": "text:alice", "slackv3": "slack:UALICE", "telegram": f"telegram:{int.from_bytes(b'alice')}"}
    whole = refused = cut = 0
    with a_bot(
        tmp_path, LOOPBACK_NETWORK=network, MESSAGE_SIZE_LIMIT=1_000, CONFIRM_PEOPLE={"alice": [alice[network]]}
    ) as talk:
        for char, size in itertools.product("xé<\u202e漢`", range(20, 1_000, 60)):
            talk.alice.says(f"!say {char * size}")
            said = talk.hears(rf"{PROMPT}|canceled, nothing ran: `?(its prompt would have .* say it shorter)")
            if said[2]:
                refused += 1
                continue
            whole += 1
            _, prompt = talk.heard[-1]
            escapes = {"<": "&lt;", "`": r"\u0060"} if network == "slackv3" else {}
            header, runs, *_ = prompt.split("\n")
            for shown in (header.partition("→")[2], runs.partition("echo ")[2]):
                cut += shown.count(escapes.get(char, visible(char))) < size
            cut += re.search(rf"^!deny {said[1]}$", prompt, re.MULTILINE) is None
    print(f"\n{network}: sizes {whole + refused}, shown whole {whole}, refused {refused}, cut {cut}")
    assert cut == 0
    assert (whole > 10, refused > 10) == (True, True)


@pytest.mark.parametrize("network", ["text", "slackv3"])
def test_a_long_message_is_divided_and_what_was_code_stays_code(network: str, tmp_path: Path) -> None:
    """Nothing gets lost, and nothing of a value comes out of its code where a message ends."""
    files = {**FILES, "aliases/now.yaml": "{name: now, formats: ['now {{what}}'], action_ref: echo, confirm: none}"}
    write_files(tmp_path, files)
    people = {"alice": ["text:alice", "slack:UALICE"]}
    with a_bot(tmp_path, LOOPBACK_NETWORK=network, MESSAGE_SIZE_LIMIT=1_000, CONFIRM_PEOPLE=people) as talk:
        talk.alice.says("!now " + "*hot* " * 600 + "end")
        asked = talk.hears(r"(\w{8}) running")[1]
        talk.hears("succeeded")
        talk.alice.says(f"!show {asked}")
        talk.quiet()
    parts = [text for _, text in talk.heard if "hot" in text]
    said = sum(part.count("*hot*") for part in parts)
    print(f"\n{network}: messages {len(parts)}, values said {said}")
    assert max(len(part.encode()) for part in parts) <= 1_000
    if network == "slackv3":
        assert [part for part in parts if "hot" in re.sub(r"`[^`\n]+`|```\n.*?\n```", "", part, flags=re.DOTALL)] == []
    assert said > 4 * 590
