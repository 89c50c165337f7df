"""Take off what a command begins with."""

from typing import Any


def without_prefix(msg: Any, bot: Any) -> str:
    """Return what was said without the bot's prefix, as Errbot's `process_message` (6.2.1) takes it off."""
    text: str = msg.body
    config = bot.bot_config
    lowered = text.lower() if config.BOT_ALT_PREFIX_CASEINSENSITIVE else text
    called = [prefix for prefix in bot.bot_alt_prefixes if lowered.startswith(prefix)]
    if called:
        text = text[len(max(called, key=len)) :]
        for separator in config.BOT_ALT_PREFIX_SEPARATORS:
            text = text.removeprefix(separator)
    return text.removeprefix(config.BOT_PREFIX).strip()
