"""Read the sentence below each key of a model, which says what the key means, for the JSON Schema alone.

Pydantic's own `use_attribute_docstrings` reads them from the source of every model whenever it is imported, which took
a fourth of what it takes to import the catalog.
"""

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel


def described(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Add to the schema of a model what its keys mean: what pydantic calls `json_schema_extra`."""
    for each in reversed(model.__mro__):
        if each.__module__.startswith("err_confirm."):
            for name, sentence in _sentences(each.__module__)[each.__name__].items():
                schema["properties"][model.model_fields[name].alias or name]["description"] = sentence


@cache
def _sentences(module: str) -> dict[str, dict[str, str]]:
    """Return the sentences of each class of a module, by the names of their keys."""
    return {
        each.name: {
            key.target.id: inspect.cleandoc(below.value.value)
            for key, below in pairwise(each.body)
            if isinstance(key, ast.AnnAssign)
            and isinstance(key.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        }
        for each in ast.parse(inspect.getsource(sys.modules[module])).body
        if isinstance(each, ast.ClassDef)
    }
