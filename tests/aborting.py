"""Another process, as another bot would be: it wants stopped what runs elsewhere, and says what came of it.

aborting.py URL PERSON REASON ID
"""

import sys

from builders import RECORDS
from err_confirm.engine import Engine
from err_confirm.store import open_store
from err_confirm.transition.events import Abort

if __name__ == "__main__":
    url, person, reason, execution_id = sys.argv[1:]
    engine = Engine(open_store(url), RECORDS, lambda _: None)
    print(type(engine.apply(execution_id, Abort(person, reason))).__name__)
    engine.store.close()
