"""Read what people say behind the id when they confirm, and say how to: a choice, a code, an answer or a reason."""

import html
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from err_confirm.durations import format_duration
from err_confirm.ids import bare
from err_confirm.model.policies import Choice, Effect, Policy, Question, QuestionType, ReasonRule
from err_confirm.policy_words.reasons import reason_words
from err_confirm.text.visible import escaped, visible
from err_confirm.transition.demands import chosen, question

APPROVE = "approve"
"""The choice that is meant where nobody names one."""
CODE, REASON = "<code>", "<reason>"
"""Stand for what only who answers knows."""
ANSWERS = {
    QuestionType.TEXT: ("<answer>", "any text"),
    QuestionType.EMAIL: ("<e-mail>", "an e-mail address"),
    QuestionType.NUMBER: ("<number>", "a number"),
    QuestionType.JSON: ("<JSON>", "JSON"),
}
"""What stands for an answer, and what it must be, by the type of the question."""

_SINGLE, _DOUBLE = "'\u2018\u2019\u201a\u201b", '"\u201c\u201d\u201e\u201f'
_TYPED_AS = {"'": _SINGLE, '"': _DOUBLE, "-": "-\u2010\u2011\u2013\u2014"}
"""What phones make of quotes and dashes."""
_STRAIGHT = dict.fromkeys(map(ord, _DOUBLE), '"') | dict.fromkeys(map(ord, _SINGLE), "'")
_AROUND = r"(?:[^\w\s]|_)*"
_CODE = re.compile(rf"{_AROUND}([0-9]{{6,8}}|[0-9]{{3}}\s[0-9]{{3,4}}|[0-9]{{4}}\s[0-9]{{3,4}}){_AROUND}(?!\S)")
_YES = re.compile(r"(?:^|\s)([`*]*)[yY][eE][sS]\1[.!]?\Z")
_PARTS = re.compile(r"\s+|[-\u2010\u2011\u2013\u2014]{2,}|.")
_LANGUAGE = re.compile(r"[a-z]*\n")
_MAIL_LINK = re.compile(r"<mailto:([^|>]+)(?:\|[^>]*)?>")
_OTHER_ANSWERS = frozenset({"deny", "dismiss", "snooze", "cancel", "reject", "decline"})
_NO = frozenset({"no", "nope", "not", "never", "don't", "don\u2019t", "dont", "wait", "stop", "later"}) | _OTHER_ANSWERS
"""Words that begin no reason for a yes: who says them may want something else."""


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody has said behind the id; `typed` are those of the policy's texts that stand there."""

    choice: str = ""
    code: str = ""
    typed: tuple[str, ...] = ()
    answer: str = ""
    reason: str = ""
    sure: bool = False


def read_answer(policy: Policy | None, text: str) -> Said:
    """Return what is meant by all that stands behind the id of a yes.

    In this order, each only where the policy asks for it: a choice, a code, the texts, then the answer to the question
    or else the reason, and `yes`. A choice that does not exist stays as it was said. Where nothing can be chosen, words
    that mean no are a choice, too, so that none of them is the reason of a yes.
    """
    rest = text.strip()
    if policy is None:
        return Said(reason=rest)
    name, rest = _choice(policy, rest)
    choice = chosen(policy, name)
    if choice is None:
        return Said(choice=name, reason=rest)
    said = Said(choice=name)
    if choice.effect is Effect.APPROVE:
        if policy.otp:
            code, rest = _code(rest)
            said = replace(said, code=code)
        typed, rest = _texts(policy.typed, rest)
        said = replace(said, typed=tuple(typed))
    if choice.sure and (yes := _YES.search(rest)):
        said, rest = replace(said, sure=True), rest[: yes.start()].rstrip()
    asked = question(policy, choice)
    if not policy.choices and (word := _means_no(rest, asked=asked is not None)):
        return Said(choice=word)
    return replace(said, reason=rest) if asked is None else replace(said, answer=_value(asked, rest))


def written(said: Said) -> str:
    """Return the words behind the id that say this, on one line."""
    texts = [visible(text).strip() or '""' for text in said.typed]
    parts = [said.choice, said.code, *texts, said.answer or said.reason, "yes" if said.sure else ""]
    return " ".join(" ".join(part.splitlines()) for part in parts if part)


def example(policy: Policy, choice: Choice) -> Said:
    """Return all that an answer with this choice must bring, with `<code>`, `<reason>` and the like in it."""
    approves, asked = choice.effect is Effect.APPROVE, question(policy, choice)
    return Said(
        choice=choice.name,
        code=CODE if approves and policy.otp else "",
        typed=policy.typed if approves else (),
        answer=ANSWERS[asked.type][0] if asked is not None and _wanted(policy, choice, asked) else "",
        reason=REASON if approves and asked is None and _needs_reason(policy) else "",
        sure=choice.sure,
    )


def behind(policy: Policy, choice: Choice, code: Callable[[object], str]) -> list[str]:
    """Return in words what must stand behind the id and the choice, in this order; `code` makes values inert."""
    wanted, asked = list[str](), question(policy, choice)
    if choice.effect is Effect.APPROVE:
        wanted += ["your code"] if policy.otp else []
        wanted += [code(text) for text in policy.typed]
    reason = wanted_reason(policy, code) if choice.effect is Effect.APPROVE and _needs_reason(policy) else ""
    if asked is not None:
        kind = "" if asked.type is QuestionType.TEXT else f" ({ANSWERS[asked.type][1]})"
        freely = "" if _wanted(policy, choice, asked) else "if you like, "
        also = f", which is also {reason}" if reason else ""
        wanted.append(f"{freely}an answer to {code(asked.text)}{kind}{also}")
    elif reason:
        wanted.append(reason)
    return [*wanted, "`yes`"] if choice.sure else wanted


def wanted_reason(policy: Policy, code: Callable[[object], str]) -> str:
    """Return in words which reason is needed: `a reason such as OPS-123 …`."""
    return " and ".join(reason_words(pattern, code) for pattern in policy.patterns) or "a reason"


def how_to_answer(
    policy: Policy, execution_id: str, token: str = "", *, prefix: str, code: Callable[[object], str]
) -> list[str]:
    """Return the lines that say how to answer; each command stands alone on its line, to be copied by a long press.

    Args:
        policy: what must be answered.
        execution_id: which one.
        token: what the one person who reads this must bring.
        prefix: what commands begin with.
        code: makes a value inert in Markdown.
    """
    reference, lines = f"{execution_id}-{token}" if token else execution_id, list[str]()
    for choice in policy.choices or (Choice(name=""),):
        if said := caption(choice):
            lines.append(f"to {code(said)}:")
        lines.append(f"{prefix}confirm {reference} {choice.name}".strip())
        if wanted := behind(policy, choice, code):
            lines.append(f"and behind it, on the same line: {', '.join(wanted)}")
    return [*lines, f"{prefix}deny {execution_id}"]


def caption(choice: Choice) -> str:
    """Return what a choice does, as its file says it; where it says nothing, only what is not plain from its effect."""
    if choice.caption or choice.effect is Effect.APPROVE:
        return choice.caption
    return "say no" if choice.effect is Effect.DENY else f"be asked again in {format_duration(choice.after)}"


def split_first(text: str) -> tuple[str, str]:
    """Return the first word of a text and the rest."""
    first, *rest = text.split(maxsplit=1) or [""]
    return first, "".join(rest)


def _choice(policy: Policy, text: str) -> tuple[str, str]:
    """Return the name of the choice that is said first, and the rest; without a word, the one that approves."""
    if not policy.choices:
        return "", text
    if not text:
        default = (each for each in policy.choices if each.name.lower() == APPROVE and each.effect is Effect.APPROVE)
        return next((choice.name for choice in default), ""), ""
    first, rest = split_first(text)
    names = {choice.name.lower(): choice.name for choice in policy.choices}
    words = (first.lower(), bare(first).lower())
    return next((names[word] for word in words if word in names), first), rest


def _code(text: str) -> tuple[str, str]:
    match = _CODE.match(text)
    return ("".join(match[1].split()), text[match.end() :].lstrip()) if match else ("", text)


def _texts(texts: Sequence[str], said: str) -> tuple[list[str], str]:
    """Return those of the texts that are said first, in any order, and what follows them."""
    left, found = list(dict.fromkeys(texts)), list[str]()
    while left:
        match, text = next(((match, text) for text in left if (match := _pattern(text).match(said))), (None, ""))
        if match is None:
            break
        left.remove(text)
        found.append(text)
        said = said[match.end() :].lstrip()
    return found, said


def _pattern(text: str) -> re.Pattern[str]:
    """Return what matches a text as people type what they are shown: with the escapes in it, in back-ticks or quotes.

    Each letter counts, also whether it is a capital; only what phones and networks change for themselves does not.
    """
    if not visible(text).strip():
        return re.compile(rf"[{_DOUBLE}]\s*[{_DOUBLE}](?!\S)")
    spelled = "".join(_spelled(text.strip(" ")))
    quoted = (f"[{quotes}]{spelled}[{quotes}]" for quotes in (_SINGLE, _DOUBLE))
    ways = "|".join([spelled, rf"(`+) ?{spelled} ?\1", *quoted])
    return re.compile(rf"(?:{ways})(?!\S)")


def _spelled(text: str) -> Iterator[str]:
    """Yield expressions, one for each character and for each run of blanks or dashes.

    Each says by itself where it ends: the text may be somebody's value, and must not make the search a long one.
    """
    for match in _PARTS.finditer(text):
        part = match[0]
        if part.isspace():
            blank = rf"(?:\s|{'|'.join(re.escape(escaped(char)) for char in dict.fromkeys(part))})"
            yield f"{blank}{{{len(part)}}}" if text[match.end() :].startswith("\\") else f"{blank}+"
        elif not part.strip("-"):
            pairs, odd = divmod(len(part), 2)
            yield f"(?:[{_TYPED_AS['-']}]{{{len(part)}}}|\u2014{{{pairs}}}{'-' * odd})"
        else:
            yield "".join(map(_one, part))


def _one(char: str) -> str:
    forms = [*_TYPED_AS.get(char, char), escaped(char), html.escape(char, quote=False)]
    return f"(?:{'|'.join(map(re.escape, dict.fromkeys(forms)))})"


def _means_no(text: str, *, asked: bool) -> str:
    """Return the word by which somebody seems to say something else than yes; an answer to a question may begin so."""
    first, rest = split_first(text)
    word = bare(first).lower()
    return first if word in (_OTHER_ANSWERS if asked else _NO) and not (asked and rest) else ""


def _value(asked: Question, text: str) -> str:
    """Return an answer without what phones and networks add to it; what cannot be one stays as it is."""
    match asked.type:
        case QuestionType.EMAIL:
            link = _MAIL_LINK.fullmatch(text)
            return link[1] if link else text.strip("`*<>\"'\u201c\u201d.,")
        case QuestionType.NUMBER:
            return text.strip("`*\"'\u201c\u201d")
        case QuestionType.JSON:
            bare = _unfenced(text)
            return next((each for each in (text, bare, bare.translate(_STRAIGHT)) if _is_json(each)), text)
    return text


def _unfenced(text: str) -> str:
    """Return what stands between back-ticks; however many there are, in one look: anybody may say them."""
    ticks = min(len(text) - len(text.lstrip("`")), len(text) - len(text.rstrip("`")))
    if not 0 < 2 * ticks < len(text):
        return text
    inside = text[ticks:-ticks]
    language = _LANGUAGE.match(inside)
    return inside[language.end() if language else 0 :].strip()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _needs_reason(policy: Policy) -> bool:
    return policy.reason is ReasonRule.REQUIRED or bool(policy.patterns)


def _wanted(policy: Policy, choice: Choice, asked: Question) -> bool:
    """Tell whether an answer cannot be left out: where a reason is needed, the answer is one."""
    return asked.required or (choice.effect is Effect.APPROVE and _needs_reason(policy))
