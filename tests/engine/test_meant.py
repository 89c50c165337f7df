"""Which execution somebody means who answers."""

from builders import a_policy
from err_confirm.engine.meant import Unclear, implied, resolve
from err_confirm.model.executions import Place
from err_confirm.store.base import Store
from err_confirm.transition.events import Cancel
from err_confirm.transition.steps import Refusal
from house import a_house

PATIENT = a_policy(retry_count=60, retry_delay=60.0)


def test_an_execution_is_named_by_its_id_by_the_start_of_it_or_not_at_all(store: Store) -> None:
    with a_house(store) as house:
        execution = house.ask(PATIENT)
        assert resolve(store, f"`{execution.id.upper()}`") == execution.id
        assert resolve(store, execution.id[:4]) == execution.id
        assert resolve(store, "nothing") == Unclear("nothing")
        assert resolve(store, execution.id[:3]) == Unclear(execution.id[:3])
        assert isinstance(house.engine.apply("00000000", Cancel("alice")), Refusal)


def test_a_bare_confirm_means_the_newest_of_ones_own_in_the_same_place(store: Store) -> None:
    """And nothing for two minutes after one of theirs has ended there: that one may be meant."""
    with a_house(store) as house:
        here, room = Place(person="@alice"), Place(person="@alice", room="#ops")
        assert implied(house.engine, "alice", here) == Unclear("")
        first, second = house.ask(PATIENT), house.ask(PATIENT)
        house.ask(PATIENT, by="bob")
        assert implied(house.engine, "alice", here) == second.id
        assert implied(house.engine, "alice", here, most=2) == Unclear("", (second.id,))
        assert implied(house.engine, "alice", room) == Unclear("")
        assert implied(house.engine, "carol", here) == Unclear("")
        house.engine.apply(second.id, Cancel("alice"))
        assert isinstance(implied(house.engine, "alice", here), Unclear)
        assert first.id in [each.id for each in house.engine.waiting(9)[0]]
