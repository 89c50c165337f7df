"""Hold what is guarded, from the moment that Errbot loads this file; and say what that is."""

from typing import Any

from errbot import BotPlugin, CommandError, botcmd

try:
    from err_confirm.dangers import coverage
    from err_confirm.hold import attach
except ImportError as error:  # a library is missing: nobody can tell any more which commands are guarded
    MISSING = str(error)
else:
    MISSING = ""


class Guards(BotPlugin):
    """Let commands of other plugins ask before they run."""

    def __init__(self, bot: Any, name: str | None = None) -> None:
        super().__init__(bot, name)
        if MISSING:
            bot.command_filters.append(self.refuse)
        else:
            self.hold = attach(bot, CommandError)

    def activate(self) -> None:
        """Cover what is guarded; a bot in which err-confirm cannot start has this all the same."""
        super().activate()
        if not MISSING:
            self.hold.cover()

    def refuse(self, msg: Any, cmd: str, args: Any, dry_run: bool) -> tuple[Any, Any, Any]:
        """Refuse every command, as a filter of last resort."""
        if dry_run:
            return msg, cmd, args
        self._bot.send_simple_reply(
            msg, f"nothing runs: err-confirm cannot tell which commands are guarded ({MISSING}); see README.md"
        )
        return None, None, None

    @botcmd
    def guards(self, msg: Any, _: str) -> Any:
        """List which commands ask first, and which look dangerous and do not."""
        confirm = self._bot.plugin_manager.get_plugin_obj_by_name("Confirm")
        confirm.check_on()
        found = coverage(confirm.service.guards, [command for command, _ in self.hold.methods.all()])
        return confirm.chat.reply(msg, confirm.chat.wording.say("guards", found=found))
