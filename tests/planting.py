"""Plant a bug in a module of ours: rules that do not find it would miss it in the real code, too."""

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
