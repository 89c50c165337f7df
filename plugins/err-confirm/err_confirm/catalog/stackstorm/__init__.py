"""Read the metadata of StackStorm's actions where these are simple and safe to run here; say of each other why not."""

from err_confirm.catalog.stackstorm.reader import is_metadata, read_metadata

__all__ = ["is_metadata", "read_metadata"]
