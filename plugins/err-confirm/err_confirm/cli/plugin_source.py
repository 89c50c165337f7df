"""Read from a plugin's source which chat commands it has, without running any of it."""

import ast
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

KINDS = {"botcmd": False, "arg_botcmd": False, "re_botcmd": True, "botmatch": True}
"""Errbot's decorators of commands, and whether a regular expression finds the command."""
_PLUGIN = "BotPlugin"
_DEEPEST = 20
"""How many names are followed from one to the next; more of them lead in a circle."""


class SourceError(Exception):
    """Raised when a plugin's source cannot be read."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a plugin that is a command."""

    function: str
    name: str
    admin_only: bool
    regex: bool


class Sources:
    """Python files, each parsed once.

    Args:
        folders: where plugins import from each other.
        installed: where else they may find a class to build on, as on `sys.path`.
    """

    def __init__(self, folders: Sequence[Path], installed: Sequence[Path]) -> None:
        self.folders = folders
        self.installed = installed
        self._modules: dict[Path, _Module] = {}

    def commands(self, path: Path) -> list[Method]:
        """Return the commands of the class that Errbot takes from a plugin's file, as Errbot sorts them.

        Raises:
            SourceError: the file cannot be read, is no Python, or has no plugin.
        """
        module = self.open(path)
        classes = {name: each for name in module.classes if (each := module.find(name)) and each.is_plugin()}
        for name, (other, attribute) in module.imported.items():
            path_there = self.locate(other, [path.parent, *self.folders])
            if path_there and (each := self.open(path_there).find(attribute)) and each.is_plugin():
                classes[name] = each  # Errbot takes what a file has imported for its own
        if not classes:  # what it is built on is in no file here
            classes = {name: each for name in module.classes if (each := module.find(name)) and any(each.methods())}
        if not classes:
            raise SourceError("it has no class that is a plugin")
        methods = classes[min(classes)].methods()
        return sorted(methods, key=lambda method: method.function)

    def open(self, path: Path) -> "_Module":
        """Return a file's module. Raises SourceError."""
        if path not in self._modules:
            self._modules[path] = _Module(self, path, _parsed(path))
        return self._modules[path]

    def locate(self, module: str, folders: Iterable[Path]) -> Path | None:
        """Return the file of `package.module`, or None; nothing is imported to find it."""
        for folder in folders:
            base = folder.joinpath(*module.split("."))
            for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
                if os.path.isfile(path):  # a Path would raise where a name is too long
                    return path
        return None


def readable(path: Path) -> Path:
    """Return the path of a file; a pipe would be waited for. Raises SourceError."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise SourceError("is no file")
    return path


def _parsed(path: Path) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it does that is not wise is not ours to say
            return ast.parse(readable(path).read_bytes(), str(path))
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}") from error
    except (SyntaxError, ValueError) as error:
        raise SourceError(f"is no Python that can be read: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise SourceError("is nested too deeply to be read") from error


@dataclass
class _Module:
    """What a file defines at its top, and what its names come from."""

    sources: Sources
    path: Path
    tree: ast.Module
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for statement in _statements(self.tree.body):
            match statement:
                case ast.ClassDef():
                    self.classes[statement.name] = statement
                case ast.Import():
                    self.modules |= {each.asname or each.name: each.name for each in statement.names}
                case ast.ImportFrom():
                    origin = self._origin(statement)
                    self.imported |= {each.asname or each.name: (origin, each.name) for each in statement.names}
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.values[name] = value

    def _origin(self, statement: ast.ImportFrom) -> str:
        """Return where an import leads; one that is seen from this file as a path that cannot be a module's name."""
        return f"{'.' * statement.level}{statement.module or ''}"

    def find(self, name: str, depth: int = 0) -> "_Class | None":
        """Return the class that a name means here, wherever that is defined."""
        if name in self.classes:
            return _Class(self, self.classes[name])
        if depth < _DEEPEST and name in self.imported:
            origin, attribute = self.imported[name]
            return self._there(origin, attribute, depth)
        return None

    def base(self, node: ast.expr) -> "_Class | None":
        """Return the class that stands in the brackets of another."""
        if isinstance(node, ast.Name):
            return self.find(node.id)
        if isinstance(node, ast.Attribute):
            origin = ast.unparse(node.value)
            if origin in self.imported:
                origin = ".".join(self.imported[origin])
            return self._there(self.modules.get(origin, origin), node.attr, 0)
        return None

    def _there(self, origin: str, attribute: str, depth: int) -> "_Class | None":
        folders = [self.path.parent, *self.sources.folders, *self.sources.installed]
        levels = len(origin) - len(origin.lstrip("."))
        if levels:
            folders = [self.path.parents[min(levels, len(self.path.parents)) - 1]]
        path = self.sources.locate(origin.lstrip(".") or "__init__", folders)
        try:
            return self.sources.open(path).find(attribute, depth + 1) if path else None
        except SourceError:  # what it would have been is not known then, as if it were nowhere
            return None

    def meant(self, node: ast.expr) -> str:
        """Return the name that something has where it comes from: `botcmd` for errbot.botcmd and for its other name."""
        if isinstance(node, ast.Attribute):
            return node.attr
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, ("", node.id))[1]
        return ""

    def decorator(self, node: ast.expr, depth: int = 0) -> tuple[str, dict[str, ast.expr]] | None:
        """Return which of Errbot's decorators something is, and what it is given."""
        if depth > _DEEPEST:
            return None
        if isinstance(node, ast.Call):
            is_partial = self.meant(node.func) == "partial" and node.args
            found = self.decorator(node.args[0] if is_partial else node.func, depth + 1)
            given = {each.arg: each.value for each in node.keywords if each.arg}
            return (found[0], found[1] | given) if found else None
        if self.meant(node) in KINDS:
            return self.meant(node), {}
        if isinstance(node, ast.Name) and node.id in self.values:
            return self.decorator(self.values[node.id], depth + 1)
        return None

    def value(self, node: ast.expr | None) -> object:
        """Return what is written for a value, here or as a constant at the top of the file; else None."""
        if isinstance(node, ast.Name):
            node = self.values.get(node.id)
        return node.value if isinstance(node, ast.Constant) else None


@dataclass(frozen=True)
class _Class:
    module: _Module
    definition: ast.ClassDef

    def is_plugin(self, depth: int = 0) -> bool:
        """Tell whether it is built on BotPlugin."""
        for node in self.definition.bases:
            if self.module.meant(node) == _PLUGIN:
                return True
            base = self.module.base(node)
            if base and depth < _DEEPEST and base.is_plugin(depth + 1):
                return True
        return False

    def methods(self) -> list[Method]:
        """Return its commands, those of what it is built on among them."""
        return [method for method in self._all().values() if method]

    def _all(self, depth: int = 0) -> dict[str, Method | None]:
        """Return all methods by their names, None for those that are no commands: they hide one that is."""
        found: dict[str, Method | None] = {}
        for statement in _statements(self.definition.body):
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                found[statement.name] = self._method(statement)
        for node in self.definition.bases:
            base = self.module.base(node)
            if base and depth < _DEEPEST:
                found = base._all(depth + 1) | found
        return found

    def _method(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Method | None:
        decorators = [found for node in function.decorator_list if (found := self.module.decorator(node))]
        if not decorators:
            return None
        kind, given = decorators[-1]  # of several, as with arg_botcmd, only the lowest names it
        name = self.module.value(given.get("name"))
        return Method(
            function=function.name,
            name=name if isinstance(name, str) and name else function.name,
            admin_only=bool(self.module.value(given.get("admin_only"))),
            regex=KINDS[kind],
        )


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements, those in an `if`, a `try` or a `with` among them."""
    for statement in body:
        yield statement
        match statement:
            case ast.If() | ast.For() | ast.While():
                yield from _statements([*statement.body, *statement.orelse])
            case ast.With():
                yield from _statements(statement.body)
            case ast.Try():
                handlers = [each for handler in statement.handlers for each in handler.body]
                yield from _statements([*statement.body, *handlers, *statement.orelse, *statement.finalbody])
