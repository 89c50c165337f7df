"""Plant a bug in a module of ours: rules that do not find it would miss it in the real code, too."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType


def planted(real: ModuleType, right: str, wrong: str, *types: str) -> ModuleType:
    """Return a module with one bug in it; of its types, these are the real ones, which others know."""
    assert real.__file__ is not None
    source = Path(real.__file__).read_text()
    assert right in source, right
    module = ModuleType(real.__name__)
    exec(compile(source.replace(right, wrong), "planted", "exec"), module.__dict__)
    module.__dict__.update({name: getattr(real, name) for name in types})
    return module


def planted_below(modules: Sequence[ModuleType], real: ModuleType, right: str, wrong: str, *types: str) -> ModuleType:
    """Return the last of some modules, of which each may import those before it, with one bug in one of them."""
    made: dict[ModuleType, ModuleType] = {}
    for each in modules[modules.index(real) :]:
        module = planted(each, *((right, wrong) if each is real else ("", "")), *(set(types) & set(vars(each))))
        for other, copy in made.items():
            theirs = [name for name, value in vars(module).items() if vars(other).get(name, made) is value]
            vars(module).update({name: vars(copy)[name] for name in theirs if not name.startswith("__")})
        made[each] = module
    return made[modules[-1]]
