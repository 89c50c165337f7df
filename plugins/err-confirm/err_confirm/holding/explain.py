"""Say what a text means, what would run, and who would have to confirm that here and now. Asks and runs nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from err_confirm.catalog import Catalog, own_command
from err_confirm.conditions import Situation
from err_confirm.conditions.rulings import Ruling, ruling
from err_confirm.errors import ActionMissingError, GuardsDifferError, TargetsError, TemplateError, TextError
from err_confirm.guards import ALIAS_COMMANDS, BotCommand, Guards, bot_command
from err_confirm.holding.held import Held
from err_confirm.holding.methods import Methods
from err_confirm.model.executions import Place, Plan
from err_confirm.model.files import Alias, Guard
from err_confirm.model.policies import Policy
from err_confirm.model.runs import NOTHING, Target
from err_confirm.plan import decided, describe, looks_ahead, plan
from err_confirm.plan.index import Index

TOLD = (ActionMissingError, TargetsError, TemplateError, TextError)
"""What is said of one text, and keeps no other from being explained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """One thing that a text would start.

    It is that of an `alias`, or of a `command` with its arguments, over which `guard` stands. `policy` is what holds
    here and now, `ruling` which rules have made it so. `refused` is why nothing would be asked for or run. `ahead` is
    what would run before anybody is asked; `runs` is empty as long as that must name the `targets` first.
    """

    alias: str = ""
    command: BotCommand | None = None
    guard: Guard | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    runs: str = ""
    targets: tuple[Target, ...] = ()
    ahead: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    policy: Policy | None = None
    ruling: Ruling = field(default_factory=Ruling)
    refused: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """A command that Errbot would call for a text, its method, and the arguments that it would get."""

    command: BotCommand
    method: Any
    args: str


@dataclass(frozen=True, slots=True)
class Explainer:
    """Reads texts as a bot would.

    Attributes:
        index: of the aliases.
        guards: of this moment.
        methods: of the bot's commands.
        catalog: has the actions.
        moment: returns the time, if one of some policies looks at it.
        prefix: of the bot.
    """

    index: Index
    guards: Guards
    methods: Methods
    catalog: Catalog
    moment: Callable[[list[Policy | None]], float | None]
    prefix: str

    def meanings(self, text: str, place: Place) -> list[Meaning]:
        """Return all that a text would start if somebody said it there, without the bot's prefix; nothing is a list.

        As in Errbot, a plain command leaves nothing to regex commands. An alias goes before all but our own commands.
        """
        name, method, args = self.methods.meant(text)
        plain = None if method is None else _Found(bot_command(name, method), method, args)
        own = (plain is not None and plain.command.own) or bool(own_command(text))
        aliased = [] if own else list(self._aliased(text, place))
        if plain is not None:
            return aliased or [self._slip(plain, text) or self._commanded(plain, place)]
        return [*aliased, *(self._commanded(found, place) for found in self._regex(text))]

    def _slip(self, plain: _Found, text: str) -> Meaning | None:
        """Return what is said of a slip."""
        if (near := slip(self.index, plain.command, plain.args, text)) is None:
            return None
        why = f"{near.name} is not said so, and the command {plain.command.name} stands alone"
        return Meaning(command=plain.command, refused=why)

    def _regex(self, text: str) -> Iterator[_Found]:
        for command, method in self.methods.all():
            aliased = command.plugin == ALIAS_COMMANDS and command.own
            if command.regex and not aliased and method._err_command_re_pattern.search(text):
                yield _Found(command, method, text)

    def _aliased(self, text: str, place: Place) -> Iterator[Meaning]:
        winner = self.index.winner(text)
        if winner is None:
            return
        try:
            matches = self.index.matches(text)
        except TextError as error:  # too long, ambiguous, a value twice
            yield Meaning(alias=winner.name, refused=str(error))
            return
        for match in matches:
            meaning, policy = Meaning(alias=match.alias.name, parameters=match.values), match.alias.policy
            at = self.moment([policy])
            try:
                planned = plan(self.catalog, match, room=place.room, at=at)
            except TOLD as error:  # a value that does not fit, a policy that refuses
                yield replace(meaning, refused=str(error))
            else:
                situation = Situation(parameters=planned.parameters, room=place.room, at=at)
                yield _planned(meaning, planned, policy, situation)

    def _commanded(self, found: _Found, place: Place) -> Meaning:
        command, method = found.command, found.method
        try:
            guard = self.guards.guarding(command, found.args, getattr(method, "_err_command_parser", None))
        except GuardsDifferError as error:
            return Meaning(command=command, refused=str(error))
        if guard is None or guard.error:
            return Meaning(command=command, guard=guard, refused=guard.error if guard else "")
        meaning = Meaning(command=command, guard=guard)
        held = Held(command, method, found.args, guard)
        situation = Situation(parameters={}, room=place.room, at=self.moment([guard.policy]))
        try:
            planned = replace(held.plan(place, self.prefix), policy=decided(guard.policy, situation))
        except TOLD as error:
            return replace(meaning, refused=str(error))
        return _planned(meaning, planned, guard.policy, situation)


def slip(index: Index, command: BotCommand, args: str, text: str) -> Alias | None:
    """Return the alias that was perhaps meant by a text which Errbot takes for one of its commands; None if none was.

    A slip such as `restart web 01` must not become Errbot's `restart`, which takes no notice of the rest.
    """
    alone = command.admin_only and not command.own and command.name == text.split(maxsplit=1)[0]
    return index.beginning(text) if alone and args else None


def _planned(meaning: Meaning, planned: Plan, policy: Policy | None, situation: Situation) -> Meaning:
    return replace(
        meaning,
        parameters=planned.parameters,
        runs="" if planned.invocation == NOTHING else describe(planned.invocation),
        targets=planned.conduct.targets,
        ahead=looks_ahead(planned),
        others={name: describe(other) for name, other in planned.others.items()},
        policy=planned.policy,
        ruling=ruling(policy, situation, planned.policy),
    )
