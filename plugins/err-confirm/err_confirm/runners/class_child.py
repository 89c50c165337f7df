"""Call `run` of a StackStorm pack's class, with a stand-in for what StackStorm gives it; runs alone."""

import importlib.util
import json
import logging
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_BASES = ("st2common.runners.base_action", "st2actions.runners.pythonrunner")
"""The modules that packs import `Action` from: today, and before StackStorm 2.8."""
_TEMPLATE = "{{"


class Unavailable:
    """Stands where StackStorm has a service, and says that there is none."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        sys.exit(
            f"the class uses {self._name}.{name} of StackStorm, which is not here; write an action file of your own"
        )


class Action:
    """What packs derive their classes from."""

    def __init__(self, config: Any = None, action_service: Any = None) -> None:
        self.config = config or {}
        self.action_service = action_service or Unavailable("action_service")
        self.logger = logging.getLogger(type(self).__name__)

    @property
    def datastore(self) -> Any:
        """Say that there is no datastore."""
        return Unavailable("datastore")


def main() -> None:
    """Call the class; print what it returns, text as it is, everything else as JSON; end with 1 if it says no."""
    call = json.load(sys.stdin)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    prefix = call["secret"]
    secrets = {name.removeprefix(prefix): os.environ.pop(name) for name in [*os.environ] if name.startswith(prefix)}
    found = _class(Path(call["file"]))(config=_config(Path(call["config"])), action_service=None)
    result, said_no = found.run(**call["arguments"], **secrets), False
    if isinstance(result, tuple) and len(result) == 2:
        succeeded, result = result
        if not isinstance(succeeded, bool):
            sys.exit("run returned two values, of which the first must be true or false")
        said_no = not succeeded
    if result is not None:
        print(result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str))
    sys.exit(1 if said_no else 0)


def _class(file: Path) -> Any:
    """Return the one class of a file that is derived from `Action`."""
    _stand_in()
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        sys.exit(f"{file} cannot be read as Python; correct entry_point")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        sys.exit(
            f'{file.name} needs the module "{error.name}", which is not installed beside the bot; install it there'
        )
    except FileNotFoundError as error:
        sys.exit(f"there is no file {error.filename}; correct entry_point")
    own = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Action)]
    own = [each for each in own if each.__module__ == module.__name__]
    if len(own) != 1:
        sys.exit(f"{file.name} has {len(own)} classes that are derived from Action; it must have one")
    return own[0]


def _stand_in() -> None:
    """Put modules with `Action` where packs import it from."""
    for name in _BASES:
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:length]), ModuleType(".".join(parts[:length])))
        vars(sys.modules[name])["Action"] = Action


def _config(file: Path) -> Any:
    """Return what a pack's own configuration says, nothing if there is none."""
    if not file.exists():
        return {}
    import yaml  # noqa: PLC0415, TID251 (only where it is needed; this runs alone)

    text = file.read_text("utf-8")
    if _TEMPLATE in text:
        sys.exit(f"{file} has templates, which only StackStorm fills in; write the values")
    return yaml.safe_load(text)


if __name__ == "__main__":
    main()
