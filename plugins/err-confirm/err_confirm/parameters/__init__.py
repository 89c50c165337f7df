"""Give an action its parameters: typed, checked, or refused by name."""

from err_confirm.parameters.casting import cast, cast_one, check_value, compile_pattern, settle
from err_confirm.parameters.values import check_type, check_word

__all__ = ["cast", "cast_one", "check_type", "check_value", "check_word", "compile_pattern", "settle"]
