"""What the metadata of a StackStorm action may say: its keys, and ours that widen what chat may give."""

from typing import Annotated, Any

from pydantic import Field

from err_confirm.catalog.entries import ParameterEntry, Runnable
from err_confirm.catalog.entries import ParameterName as Name
from err_confirm.catalog.run_keys import Conducted
from err_confirm.model.files import ParameterType

OURS = frozenset(ParameterEntry.model_fields)
_UNCHECKED = (
    *("minLength", "minItems", "uniqueItems", "properties", "patternProperties", "additionalProperties"),
    *("anyOf", "allOf", "oneOf", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
)
"""Keys of JSON Schema that would bound a value, and that nobody checks here."""
_NotChecked = Annotated[Any, Field(description="Not checked here: its action is left out.")]


class MetadataParameter(ParameterEntry):
    """One parameter of a StackStorm action; `pattern`, `free`, `dash`, `min`, `max` and `max_length` are as in ours."""

    immutable: bool = False
    """`true`: its value is the default, and nobody can change it."""
    secret: bool = False
    """`true`: nobody can say it in chat; its default is `env:NAME`, a variable of the bot."""
    position: Annotated[int, Field(ge=0)] | None = None
    """Which of a script's arguments it is. Without it, it is `--name=value`."""
    minimum: float | None = None
    """The least number."""
    maximum: float | None = None
    """The greatest number."""
    maxLength: Annotated[int, Field(ge=1)] | None = None
    """The most characters of a string."""
    maxItems: Annotated[int, Field(ge=1)] | None = None
    """The most items of an array."""
    items: dict[str, Any] = Field(default_factory=dict)
    """What the items of an array are; not looked at."""
    title: str = ""
    """For a reader; not looked at."""
    format: str = ""
    """As in StackStorm, not looked at."""
    minLength: _NotChecked = None
    minItems: _NotChecked = None
    uniqueItems: _NotChecked = None
    properties: _NotChecked = None
    patternProperties: _NotChecked = None
    additionalProperties: _NotChecked = None
    anyOf: _NotChecked = None
    allOf: _NotChecked = None
    oneOf: _NotChecked = None
    exclusiveMinimum: _NotChecked = None
    exclusiveMaximum: _NotChecked = None
    multipleOf: _NotChecked = None

    def unchecked(self) -> str:
        """Return a key that bounds a value and is not checked here, nothing if there is none."""
        return next((key for key in _UNCHECKED if getattr(self, key) not in (None, False)), "")

    def entry(self) -> dict[str, Any]:
        """Return what an action file of ours would say of it, without the default."""
        entry = {key: getattr(self, key) for key in OURS & self.model_fields_set if key != "default"}
        longest = {ParameterType.STRING: self.maxLength, ParameterType.ARRAY: self.maxItems}.get(self.type)
        more = {"min": self.minimum, "max": self.maximum, "max_length": longest}
        return {**{key: value for key, value in more.items() if value is not None}, **entry}


class MetadataFile(Runnable, Conducted):
    """A file of `actions/` as StackStorm has them."""

    runner_type: str
    """What runs it: local-shell-cmd, local-shell-script, python-script and http-request run here."""
    entry_point: str | None = ""
    """The script or the Python file, seen from the actions folder."""
    enabled: bool = True
    """`false` switches it off."""
    parameters: dict[Name, MetadataParameter] = Field(default_factory=dict)
    """Its parameters: name and keys of each; those of its runner, such as `cmd`, among them."""
    tags: list[Any] = Field(default_factory=list)
    """StackStorm's; not looked at."""
    notify: dict[str, Any] = Field(default_factory=dict)
    """StackStorm's; not looked at."""
    output_schema: dict[str, Any] = Field(default_factory=dict)
    """StackStorm's; not looked at."""
    metadata_file: str = ""
    """StackStorm's; not looked at."""
    ref: str = ""
    """StackStorm's; not looked at."""
    uid: str = ""
    """StackStorm's; not looked at."""
