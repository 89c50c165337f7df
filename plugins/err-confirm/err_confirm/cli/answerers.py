"""What `err-confirm doctor` looks at in people and groups: whether those who must answer can."""

from collections.abc import Iterator

from err_confirm.backends import BACKENDS
from err_confirm.catalog import Catalog
from err_confirm.errors import GroupError
from err_confirm.health import Finding, error, warning, well
from err_confirm.model.files import Alias, Guard
from err_confirm.model.policies import Policy, Quorum
from err_confirm.people import EVERYBODY, People
from err_confirm.people.groups import Groups
from err_confirm.policy import groups as groups_of
from err_confirm.policy.seating import Roster, seat_people, seats, ways
from err_confirm.policy.seating import names as named_in


def groups(catalog: Catalog, known: Groups) -> Iterator[Finding]:
    """Yield which groups cannot be looked up, have nobody, or have members that nobody is."""
    named: dict[str, list[str]] = {}
    for each, policy in _policies(catalog):
        for name in groups_of(policy):
            named.setdefault(name, []).append(each.name)
    all_well = True
    for name in sorted({*named, *known.names()}):
        try:
            members = known.members([name])[name]
        except GroupError as wrong:
            all_well = False
            yield error(str(wrong), "put it right: until then no answer counts for what asks for it, and it never runs")
            continue
        nobodies = known.nobodies(members)
        if nobodies:
            yield warning(
                f"{' and '.join(nobodies)} of {name} {'is' if len(nobodies) == 1 else 'are'} nobody",
                "name them in CONFIRM_PEOPLE, or remove them from the group",
            )
        if name in named and len(nobodies) == len(members):
            yield error(
                f"nobody is in {name}, whom {', '.join(dict.fromkeys(named[name]))} asks for",
                "add people to it in CONFIRM_GROUPS",
            )
        all_well = all_well and not nobodies and (bool(members) or name not in named)
    if named and all_well:
        yield well(f"everybody in the {len(named)} groups that policies name is somebody")


def people(catalog: Catalog, known: People, known_groups: Groups, mode: object) -> Iterator[Finding]:
    """Yield who of the policies cannot answer on the bot's chat network.

    Args:
        catalog: the aliases and guards.
        known: CONFIRM_PEOPLE.
        known_groups: CONFIRM_GROUPS; what asks for a group that cannot be looked up is left out here.
        mode: Errbot's BACKEND.
    """
    backend = BACKENDS.get(str(mode).lower())
    if backend is None:
        networks = ", ".join(sorted({name for name in BACKENDS if name != "test"}))
        yield error(f"on the backend {mode} nobody can be told apart for sure", f"use one of {networks}")
        return
    absent: dict[str, list[str]] = {}
    all_here = True
    for each, policy in _policies(catalog):
        for stage in policy.stages:
            try:
                roster = known_groups.roster(name for name in named_in(stage.quorum) if name.startswith("@"))
            except GroupError:
                all_here = False
                continue
            asked = _everybody(stage.quorum, roster)
            missing = [who for who in asked if not _is_here(who, known, backend.scheme)]
            here = [who for who in asked if who not in missing]
            all_here = all_here and not missing
            if _can_be_met(stage.quorum, here, roster):
                for who in missing:
                    absent.setdefault(who, []).append(each.name)
                continue
            all_here = False
            have = "has" if len(missing) == 1 else "have"
            why = f"{' and '.join(missing)} {have} no {backend.scheme} identity" if missing else "there are no others"
            yield error(
                f'{each.source}: {"too few people" if here else "nobody"} can confirm "{each.name}": {why}',
                "add one in CONFIRM_PEOPLE; !confirm me shows it" if missing else "add people in CONFIRM_GROUPS",
            )
    for who, names in sorted(absent.items()):
        yield warning(
            f"{who} has no {backend.scheme} identity, and cannot confirm {', '.join(dict.fromkeys(names))}",
            "add one in CONFIRM_PEOPLE; !confirm me shows it",
        )
    if all_here:
        yield well(f"everybody whom a policy names has an identity on {mode}")


def _policies(catalog: Catalog) -> Iterator[tuple[Alias | Guard, Policy]]:
    """Yield each policy with what has it, also what is added to it under a condition."""
    asking: list[Alias | Guard] = [*catalog.aliases.values(), *catalog.guards.values()]
    for each in asking:
        if each.policy is not None:
            yield each, each.policy
            yield from ((each, when.policy) for when in each.policy.when)


def _everybody(quorum: Quorum, roster: Roster) -> list[str]:
    """Return the people whom a quorum names, and those of its groups."""
    found = [who for name in named_in(quorum) for who in (sorted(roster[name]) if name in roster else [name])]
    return [who for who in dict.fromkeys(found) if who not in EVERYBODY]


def _can_be_met(quorum: Quorum, here: list[str], roster: Roster) -> bool:
    """Tell whether these people can fill all seats, apart from those for which anybody may be enough."""
    able = {
        seat: [number for number, who in enumerate(here) if who in _everybody(seat, roster)] for seat in seats(quorum)
    }
    named = [[seat for seat in way if EVERYBODY.isdisjoint(seat.by)] for way in ways(quorum)]
    return any(len(seat_people(way, able)) == len(way) for way in named)


def _is_here(person: str, known: People, scheme: str) -> bool:
    return any(identity.startswith(f"{scheme}:") for identity in known.identities(person))
