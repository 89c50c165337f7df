"""One process of a race: count up in one record by compare-and-swap, after a line on standard input.

racer.py URL ID WINS    prints how often it won and lost; WINS 0: has no end, prints each win
"""

import itertools
import os
import sys

from err_confirm.store import open_store
from err_confirm.store.base import Record, Store, Swap, SwapStatus


def count_up(store: Store, execution_id: str, attempt: int) -> bool:
    """Try once to write the next number; tell whether it was written."""
    stored, _ = store.read(execution_id)
    version, count = (stored.version, int(stored.body)) if stored else (0, 0)
    record = Record(execution_id, version + 1, f"{os.getpid()}-{attempt}", b"%d" % (count + 1))
    return store.swap(Swap(record=record)).status is SwapStatus.OK


def main(url: str, execution_id: str, wins: int) -> None:
    """Race until it has won so often."""
    store = open_store(url, namespace="test")
    store.read(execution_id)
    won = 0
    print("ready", flush=True)
    sys.stdin.readline()
    for attempt in itertools.count(1):
        won += count_up(store, execution_id, attempt)
        if not wins:
            print(won, flush=True)
        elif won == wins:
            print(won, attempt - won)
            break
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
