"""Say to scripts how a command ended."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of all commands; those from 64 on are of sysexits.h, those from 128 on are a shell's."""

    OK = 0
    NO = 1
    AMBIGUOUS = 2
    REFUSED = 3
    USAGE = 64
    UNAVAILABLE = 69
    INTERRUPTED = 130
    BROKEN_PIPE = 141
