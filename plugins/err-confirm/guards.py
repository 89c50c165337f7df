"""Hold what is guarded, from the moment that Errbot loads this file; and say what that is.

What is imported here needs none of our libraries: where one is missing, this plugin holds all the same.
"""

from typing import Any

from errbot import BotPlugin, CommandError, botcmd

from err_confirm.guards.cover import coverage
from err_confirm.holding.hold import active, attach


class Guards(BotPlugin):
    """Let commands of other plugins ask before they run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hold = attach(self._bot, CommandError)

    @botcmd
    def guards(self, msg: Any, _: str) -> Any:
        """List which commands ask first, and which look dangerous and do not."""
        if (confirm := active(self._bot, "Confirm")) is None:
            raise CommandError(self.hold.judge.say("off"))
        commands = [command for command, _ in self.hold.methods.all()]
        if self.bot_config.HIDE_RESTRICTED_COMMANDS:  # as in !help, what somebody may not use is not there
            commands = [each for each in commands if self._bot._process_command_filters(msg, each.name, None, True)[0]]
        found = coverage(confirm.service.catalog.guards.values(), commands)
        if self.bot_config.HIDE_RESTRICTED_COMMANDS:
            found = found.of_what_is_there()
        return confirm.chat.reply(msg, confirm.chat.wording.say("guards", found=found))
