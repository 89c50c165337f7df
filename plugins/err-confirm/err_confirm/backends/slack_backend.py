"""Slack by errbot-backend-slackv3: user ids, threads, edits, guests, and what Slack makes live."""

import logging
from typing import Any

from err_confirm.backends.base import Backend, class_of, without_calls
from err_confirm.errors import NobodyError
from err_confirm.model.executions import Place

log = logging.getLogger(__name__)


class SlackBackend(Backend):
    """errbot-backend-slackv3: user ids (`U…`, `W…`), channel ids, and thread time stamps; bots are refused."""

    scheme = "slack"
    block_mark = "```"  # slackv3 0.3.2 takes Markdown's own fences away, and all in them would be live
    edits = True

    def inert(self, text: str) -> str:
        """Return the text with all that Slack reads inside code, too, escaped.

        Those are `<`, `>`, `&` (https://api.slack.com/reference/surfaces/formatting#escaping), the back-tick that ends
        code, names behind an `@` (slackv3 asks for `link_names`), and `](`, which slackv3 0.3.2 makes a link of.
        """
        text = without_calls(text.replace("`", r"\u0060").replace("](", r"]\u0028"))
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def person_id(self, frm: Any) -> str:
        """Return the user id."""
        user = getattr(frm, "userid", None)
        if not isinstance(user, str) or not user.startswith(("U", "W")) or getattr(frm, "bot_id", None):
            raise NobodyError("bots and webhooks cannot ask or answer here")
        return user

    def address(self, person_id: str) -> str:
        """Return `<@U024>`."""
        return f"<@{person_id}>"

    def mention(self, person_id: str) -> str:
        """Return `<@U024>`, which Slack shows as the current name."""
        return f"<@{person_id}>"

    def room(self, room: Any) -> str:
        """Return `<#C024>`."""
        return f"<#{room.id}>"

    def thread(self, msg: Any) -> str:
        """Return the `thread_ts` of the event (https://api.slack.com/messaging/retrieving#finding_threads)."""
        return str(msg.extras.get("slack_event", {}).get("thread_ts", ""))

    def put_in_thread(self, msg: Any, thread: str) -> None:
        """Set `thread_ts`, which slackv3 hands on to Slack."""
        msg.extras["thread_ts"] = thread

    def speak_as(self, bot: Any, msg: Any, place: Place) -> None:
        """Set also the event from which slackv3 takes the thread of its replies."""
        super().speak_as(bot, msg, place)
        msg.extras["slack_event"] = {"thread_ts": place.thread} if place.thread else {}

    def occupant(self, bot: Any, place: Place) -> Any:
        """Return slackv3's own object: no text stands for both ids."""
        user, channel = place.person.strip("<@>"), place.room.strip("<#>")
        return class_of(bot, "SlackRoomOccupant")(bot.slack_web, user, channel, bot=bot)

    def edited(self, msg: Any) -> bool:
        """Return whether the event is an edit, which Errbot takes for a command again."""
        event = msg.extras.get("slack_event", {})
        return event.get("subtype") == "message_changed" or "edited" in event

    def automatic(self, msg: Any) -> bool:
        """Return whether an app sent it: one may post under the id of a person, but never without its `bot_id`."""
        event = msg.extras.get("slack_event", {})
        return any(
            part.get("bot_id") or part.get("subtype") == "bot_message" for part in (event, event.get("message", {}))
        )

    def guest(self, bot: Any, msg: Any) -> bool:
        """Return whether Slack does not say that this is a full member, now, of where the bot is.

        Guests are `is_restricted`, and people of other workspaces have another team, or in an organisation of several
        workspaces another enterprise (https://api.slack.com/types/user). slackv3 0.3.2 does not keep that of a person.
        """
        try:
            return not _is_member(bot.slack_web.users_info(user=self.person_id(msg.frm))["user"], bot.auth)
        except Exception as error:  # noqa: BLE001  # Slack's client raises its own kinds, and its answer may be anything
            log.warning("whether %s is a guest cannot be told, so they count as one: %s", msg.frm, error)
            return True

    def message_id(self, msg: Any) -> str:
        """Return channel and time stamp, which name a message together."""
        event = msg.extras.get("slack_event", {})
        stamp = event.get("message", {}).get("ts") or event.get("ts")
        return f"{event.get('channel', '')}/{stamp}" if stamp else ""

    def file_to(self, msg: Any) -> Any:
        """Return who said it: slackv3 knows the channel of a person in a room, too, and asks for that alone."""
        return msg.frm

    def posted(self, bot: Any, msg: Any) -> bool:
        """Return whether Slack gave it a time stamp; the backend logs a failure and returns as if all were well."""
        return bool(msg.extras.get("ts"))

    def edit(self, bot: Any, msg: Any, sent: Any) -> None:
        """Hand it over with the time stamps of the one that it replaces, from which slackv3 knows that one."""
        msg.extras["ts"] = sent.extras["ts"]
        bot.update_message(msg)


def _is_member(user: Any, bot: Any) -> bool:
    """Tell whether a user of `users.info` is a full member of where the bot is, by what `auth.test` says of that."""
    full = user["is_restricted"] is False and user["is_ultra_restricted"] is False
    team, enterprise = user.get("team_id"), (user.get("enterprise_user") or {}).get("enterprise_id")
    own = team == bot["team_id"] if team else False
    own = own or (enterprise == bot["enterprise_id"] if enterprise else False)
    return full and own and not user.get("is_stranger") and not user.get("deleted")
