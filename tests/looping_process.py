"""looping_process.py STORE EVIDENCE [--retry] TARGET…: a process that runs a loop until it is killed."""

import sys
from contextlib import closing
from pathlib import Path

from err_confirm.runners import starters
from err_confirm.store import open_store
from house import a_house
from looping import a_loop
from servers import eventually

AT_ONCE = 3


def main(url: str, evidence: str, *ids: str) -> None:
    """Start the loop, and wait."""
    retry, ids = "--retry" in ids, tuple(each for each in ids if each != "--retry")
    with closing(open_store(url)) as store, a_house(store, None, starters()["loop"]) as house:
        house.start(a_loop(Path(evidence), list(ids), retry=retry, concurrency=AT_ONCE, max_errors=9))
        eventually(lambda: False)


if __name__ == "__main__":
    main(*sys.argv[1:])
