"""Starts a bot from this checkout: `make run`, or `.venv/bin/errbot -c config.py -T`.

Everything before CONFIRM_PEOPLE is Errbot's own (https://errbot.readthedocs.io/en/latest/user_guide/configuration);
copy the CONFIRM_* part into the config.py of your bot.
"""

import logging
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_DATA = _HERE / "data"
_DATA.mkdir(exist_ok=True)

BACKEND = "Text"
TEXT_DEMO_MODE = True  # one line a message; without it the text backend shows each in six formats
BOT_ADMINS = ("@alice",)  # the text backend lets you type as the first
BOT_PREFIX = "!"
BOT_DATA_DIR = str(_DATA)
BOT_EXTRA_PLUGIN_DIR = str(_HERE / "plugins")  # a str: a Path would not be found
AUTOINSTALL_DEPS = False  # `make setup` has installed what the plugins need
BOT_LOG_FILE = str(_DATA / "errbot.log")
BOT_LOG_LEVEL = logging.INFO

# Who is who. `!confirm me` shows how the bot sees you. One person, whatever identities they use.
CONFIRM_PEOPLE = {
    "alice": ["text:alice"],
    "bob": ["text:bob"],
    "carol": ["text:carol"],
}

# Who belongs together: policies say `by: "@sre"`. Or the path of a YAML file, or a function: group -> list of people.
CONFIRM_GROUPS = {
    "sre": ["alice", "bob", "carol"],
    "leads": ["carol"],
}

# What an alias without `confirm:` gets: whoever asked confirms, within a minute.
CONFIRM_DEFAULT = "requester"

# Where executions are kept. One machine: SQLite. Several: redis://host:6379/0 (or CONFIRM_STORE in the environment).
CONFIRM_STORE = f"sqlite:///{_DATA / 'err-confirm.db'}"

# What people say, and what can run.
CONFIRM_ALIASES = [_HERE / "aliases"]
CONFIRM_ACTIONS = [_HERE / "actions"]

# How long what runs may go on when the bot is stopped.
CONFIRM_STOP_GRACE = "10s"
