"""Plugins of other people, rebuilt: the commands are theirs, what stands in them is ours and leaves a trace.

Names of plugins and commands, decorators, patterns, options, and which command calls which are facts of the
repositories that stand beside each; what the commands did there needs servers that no test has.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import errbot.core_plugins
from errbot.core_plugins.wsview import reset_app

from talk import ROOT, Talk, a_bot, write_files

HEAD = '''
from errbot import BotPlugin, Command, Message, arg_botcmd, botcmd, botmatch, re_botcmd, webhook


def ran(plugin, command, args, msg):
    """Note on the bot what ran, and return what to say."""
    vars(plugin._bot).setdefault("ran", []).append((command, args, str(msg.frm)))
    return f"{command} ran with {args}"
'''
"""Stands before each plugin."""

# errbotio/err-mergequeue, main.py: one plugin of 17 commands below one word, and one that calls another plugin's.
SUMMIT = '''
class Summit(BotPlugin):
    """A queue of what is to be merged."""

    def get_configuration_template(self):
        return {"github-token": "none"}

    @botcmd
    def merge_check(self, msg, _):
        """Look at all of them now."""
        return ran(self, "merge_check", _, msg)

    @botcmd(split_args_with=None)
    def merge_config(self, msg, args):
        """Choose the repository of a room."""
        return ran(self, "merge_config", args, msg)

    @botcmd
    def merge_deconfig(self, msg, _):
        """Forget the repository of this room."""
        return ran(self, "merge_deconfig", _, msg)

    @botcmd(split_args_with=None)
    def merge_canonize(self, msg, args):
        """Let somebody bless."""
        return ran(self, "merge_canonize", args, msg)

    @arg_botcmd("merge_base_cnt", type=int)
    def merge_depth(self, msg, merge_base_cnt):
        """Set how many are kept up to date."""
        return ran(self, "merge_depth", merge_base_cnt, msg)

    @arg_botcmd("--verbose", "-v", action="store_true")
    def merge_status(self, msg, verbose=False):
        """Show the queue."""
        yield ran(self, "merge_status", verbose, msg)
        if verbose:
            yield "and nothing waits"

    @botcmd
    def merge_help(self, msg, _):
        """Show the help of this plugin."""
        ran(self, "merge_help", _, msg)
        return self.get_plugin("Help").help(msg, self.name)

    @arg_botcmd("pr_nb", help="its number")
    def merge_ask(self, msg, pr_nb):
        """Ask for a merge."""
        return ran(self, "merge_ask", pr_nb, msg)

    @arg_botcmd("pr_nb", help="its number")
    def merge_rm(self, msg, pr_nb):
        """Take it out."""
        return ran(self, "merge_rm", pr_nb, msg)

    @arg_botcmd("pr_nb", help="its number")
    def merge_bless(self, msg, pr_nb):
        """Let it be merged."""
        return ran(self, "merge_bless", pr_nb, msg)

    @botcmd
    def merge_list(self, msg, _):
        """List the queue."""
        return ran(self, "merge_list", _, msg)

    @arg_botcmd("api_key", help="a key")
    @arg_botcmd("plugin", help="what counts")
    def merge_statsplugin(self, msg, plugin, api_key):
        """Count."""
        return ran(self, "merge_statsplugin", (plugin, api_key), msg)
'''

# Voronenko/errbot-prometheus-alertmanager, saamtool.py: many options, and templates.
SA_AMTOOL = '''
class SaAmtool(BotPlugin):
    """Alerts and their silences."""

    def get_configuration_template(self):
        return {"server_address": "none", "time_zone": "UTC"}

    @botcmd(template="amtool_status")
    def amtool_status(self, mess, args):
        """Show how it is."""
        return {"said": ran(self, "amtool_status", args, mess)}

    @botcmd(template="amtool_silences")
    def amtool_silences(self, mess, args):
        """List the silences."""
        return {"silences": [ran(self, "amtool_silences", args, mess)]}

    @arg_botcmd("fingerprint", type=str)
    def amtool_alert_describe(self, mess, fingerprint):
        """Show one alert."""
        ran(self, "amtool_alert_describe", fingerprint, mess)
        self.send_card(title=fingerprint, body="is an alert", fields=[("severity", "low")], in_reply_to=mess)

    @arg_botcmd("--weeks", type=int, default=0)
    @arg_botcmd("--days", type=int, default=0)
    @arg_botcmd("--hours", type=int, default=0)
    @arg_botcmd("--minutes", type=int, default=0)
    @arg_botcmd("--author", type=str, default="errbot")
    @arg_botcmd("--comment", type=str, default="")
    @arg_botcmd("criteria", type=str, metavar="matchers", nargs="+", default=[])
    def amtool_suppress(self, mess, author, comment, weeks, days, hours, minutes, criteria):
        """Silence one alert."""
        return ran(self, "amtool_suppress", (criteria, weeks, days, hours, minutes, author, comment), mess)

    @arg_botcmd("--inhibited", dest="inhibited", action="store_true")
    @arg_botcmd("--silenced", dest="silenced", action="store_true")
    @arg_botcmd("--receiver", dest="receiver", type=str, default="")
    @arg_botcmd("matchers", type=str, metavar="matchers", nargs="+", template="amtool_silences")
    def amtool_alert_query(self, mess, inhibited=False, silenced=False, receiver="", matchers=()):
        """Find alerts."""
        return {"silences": [ran(self, "amtool_alert_query", (matchers, inhibited, silenced, receiver), mess)]}

    @arg_botcmd("--author", type=str, default="errbot")
    @arg_botcmd("--duration", type=str, default="1 minute")
    @arg_botcmd("--comment", type=str, default="")
    @arg_botcmd("matchers", type=str, metavar="matchers", nargs="+")
    def amtool_silence_add(self, mess, author, duration, comment, matchers):
        """Silence alerts."""
        return ran(self, "amtool_silence_add", (matchers, duration, author, comment), mess)

    @arg_botcmd("silence_id", type=str)
    def amtool_silence_expire(self, mess, silence_id):
        """End a silence."""
        return ran(self, "amtool_silence_expire", silence_id, mess)
'''

# coala/corobo, plugins/labhub.py and plugins/ban.py: regex commands, and admins' commands that answer bit by bit.
LAB_HUB = r'''
import re


class LabHub(BotPlugin):
    """What is done with issues."""

    @re_botcmd(pattern=r"(?:(?:invite)|(?:inv))\s+(\w+)\s*(?:to)\s+(\w+)")
    def invite_cmd(self, msg, match):
        """Invite somebody to a team."""
        return ran(self, "invite_cmd", match.groups(), msg)

    @re_botcmd(pattern=r"(?:new|file) issue ([\w-]+?)(?: |\n)(.+?)(?:$|\n((?:.|\n)*))", flags=re.IGNORECASE)
    def create_issut_cmd(self, msg, match):
        """File an issue."""
        return ran(self, "create_issut_cmd", match.groups(), msg)

    @re_botcmd(
        pattern=r"^unassign\s+https://(github|gitlab)\.com/([^/]+)/([^/]+)/issues/(\d+)", flags=re.IGNORECASE
    )
    def unassign_cmd(self, msg, match):
        """Leave an issue."""
        return ran(self, "unassign_cmd", match.groups(), msg)

    @re_botcmd(pattern=r"^assign\s+https://(github|gitlab)\.com/([^/]+)/([^/]+)/issues/(\d+)", flags=re.IGNORECASE)
    def assign_cmd(self, msg, match):
        """Take an issue."""
        yield ran(self, "assign_cmd", match.groups(), msg)
        yield "it is yours"
'''
BAN = '''
class Ban(BotPlugin):
    """Keep somebody out of all rooms."""

    @botcmd(split_args_with=None, admin_only=True)
    def ban(self, msg, args):
        """Keep somebody out."""
        yield ran(self, "ban", args, msg)

    @botcmd(split_args_with=None, admin_only=True)
    def unban(self, msg, args):
        """Let somebody in again."""
        yield ran(self, "unban", args, msg)
'''

# ESSS/err-jenkins, esss_jenkins.py: jobs, one raw webhook. Ours: a webhook that calls a command, and the flow below.
JENKINS_BOT = '''
class JenkinsBot(BotPlugin):
    """Jobs and their runs."""

    def get_configuration_template(self):
        return {"JENKINS_TOKEN": "", "JENKINS_URL": "none"}

    @botcmd(split_args_with=None, admin_only=True)
    def debug_settings(self, msg, args):
        return ran(self, "debug_settings", args, msg)

    @botcmd(split_args_with=None)
    def jenkins_history(self, msg, args):
        """List what ran."""
        return ran(self, "jenkins_history", args, msg)

    @arg_botcmd("user", type=str)
    @arg_botcmd("--confirm", action="store_true")
    def jenkins_clear(self, msg, user, confirm):
        """Forget what ran."""
        if not confirm:
            return "say it with --confirm"
        return ran(self, "jenkins_clear", user, msg)

    @botcmd(split_args_with=None)
    def jenkins_find(self, msg, args):
        """Find jobs; build them at once if there is but one word."""
        yield "looking"
        yield ran(self, "jenkins_find", args, msg)
        msg.ctx["job"] = args[0] if len(args) == 1 else ""

    @botcmd(split_args_with=None)
    def jenkins_build(self, msg, args):
        """Build jobs."""
        return ran(self, "jenkins_build", args, msg)

    @botcmd(split_args_with=None)
    def jenkins_token(self, msg, args):
        """Set a token."""
        return ran(self, "jenkins_token", args, msg)

    @webhook(raw=True)
    def jenkins(self, request):
        vars(self._bot).setdefault("ran", []).append(("/jenkins", request.get_json(), ""))
        return "noted"

    @webhook("/jenkins/again")
    def again(self, payload):
        msg = Message(frm=self.build_identifier(payload["user"]))
        return str(self.jenkins_build(msg, payload["jobs"]))
'''
JENKINS_FLOWS = '''
from errbot import BotFlow, botflow


class JenkinsFlows(BotFlow):
    """What follows what."""

    @botflow
    def rebuild(self, flow):
        """Build what was found, and show it."""
        find = flow.connect("jenkins_find", auto_trigger=True)
        build = find.connect("jenkins_build", predicate=lambda ctx: bool(ctx.get("job")))
        build.connect("jenkins_history", predicate=lambda ctx: True)
'''

# agilityroots/ramukaka, plugins/timepass: a conversation; its first step hears what has no prefix.
TIME_PASS = r'''
class TimePass(BotPlugin):
    @botmatch(r"^[a-zA-Z\s]+$", hidden=True)
    def parse_input(self, msg, match):
        """Understand what is wanted."""
        ran(self, "parse_input", match.string, msg)
        msg.ctx["intent"] = next((drink for drink in ("coffee", "tea") if drink in match.string), "")

    @botcmd(flow_only=True)
    def timepassing_coffee(self, msg, _):
        """Give coffee."""
        self.send(msg.frm, ran(self, "timepassing_coffee", _, msg))

    @botcmd(flow_only=True)
    def timepassing_tea(self, msg, _):
        """Give tea."""
        self.send(msg.frm, ran(self, "timepassing_tea", _, msg))
'''
TIME_PASS_FLOWS = '''
from errbot import BotFlow, botflow


class TimepassFlows(BotFlow):
    """What follows what."""

    @botflow
    def timepass(self, flow):
        """Find out what somebody wants, and give it."""
        heard = flow.connect("parse_input", auto_trigger=True)
        heard.connect("timepassing_coffee", predicate=lambda ctx: ctx.get("intent") == "coffee")
        heard.connect("timepassing_tea", predicate=lambda ctx: ctx.get("intent") == "tea")
'''

# rroemhild/err-alias, alias.py: says a stored command again in the name of who said its alias; calls its own command.
ALIAS = '''
class Alias(BotPlugin):
    """Short names for commands."""

    def callback_message(self, mess):
        alias, _, args = mess.body.removeprefix(self.bot_config.BOT_PREFIX).partition(" ")
        if alias in self:
            mess.body = f"{self.bot_config.BOT_PREFIX}{self[alias]} {args}"
            self._bot.process_message(mess)

    @botcmd
    def alias(self, mess, args):
        """List them, too."""
        ran(self, "alias", args, mess)
        return self.alias_list(mess, args)

    @botcmd(split_args_with=None, admin_only=True)
    def alias_add(self, mess, args):
        """Add one."""
        self[args[0]] = " ".join(args[1:])
        return ran(self, "alias_add", args, mess)

    @botcmd(admin_only=True)
    def alias_remove(self, mess, args):
        """Take one away."""
        del self[args]
        return ran(self, "alias_remove", args, mess)

    @botcmd
    def alias_list(self, mess, args):
        """List them."""
        return ran(self, "alias_list", args, mess) + "".join(f", {name} is {self[name]}" for name in sorted(self))
'''

# jvasallo/err-plugins, err-vmware/vmware.py: machines; arguments split at each blank, options read by the command.
VMWARE = '''
class VMware(BotPlugin):
    """Machines."""

    @botcmd(split_args_with=" ")
    def vmware_migrate(self, msg, args):
        """Move a machine."""
        return ran(self, "vmware_migrate", args, msg)

    @botcmd
    def vmware_reboot_vm(self, msg, args):
        """Boot a machine again."""
        return ran(self, "vmware_reboot_vm", args, msg)

    @botcmd
    def vmware_reboot_host(self, msg, args):
        """Boot a host again."""
        return ran(self, "vmware_reboot_host", args, msg)

    @botcmd(split_args_with=" ")
    def vmware_clone(self, msg, args):
        """Copy a machine."""
        yield ran(self, "vmware_clone", args, msg)
        yield "1 of 2"
        yield "2 of 2"
'''

# err-stackstorm 2.3.2 (nzlosh/err-stackstorm), st2.py: all commands are made at activation.
ST2 = '''
class St2(BotPlugin):
    """Run what StackStorm knows."""

    def activate(self):
        super().activate()

        def run(name, **kwargs):
            def function(plugin, msg, args):
                return ran(self, name, args, msg)

            return Command(function, name=name, cmd_type=botcmd, cmd_kwargs=kwargs, doc=f"Do {name}.")

        def action(plugin, msg, match):
            return ran(self, "st2", match.group(), msg)

        def enquiries(plugin, msg, args):
            yield ran(self, "st2enquiry_list", args, msg)
            yield "none waits"

        def help(plugin, msg, pack=None, filter=None, limit=None, offset=None):
            return ran(self, "st2help", (pack, filter, limit, offset), msg)

        st2help = Command(
            help, name="st2help", cmd_type=arg_botcmd, cmd_args=("--pack",), cmd_kwargs={"dest": "pack", "type": str}
        )
        st2help.append_args(("--filter",), {"dest": "filter", "type": str})
        st2help.append_args(("--limit",), {"dest": "limit", "type": int})
        st2help.append_args(("--offset",), {"dest": "offset", "type": int})
        self.create_dynamic_plugin(
            name="St2",
            doc="Run what StackStorm knows.",
            commands=(
                run("st2session_list", admin_only=True),
                run("st2session_cancel", admin_only=True),
                run("st2session_end", admin_only=False),
                run("st2session_start", admin_only=False),
                Command(action, name="st2", cmd_type=re_botcmd, cmd_kwargs={"pattern": "^st2 .*"}, doc="Run it."),
                Command(enquiries, name="st2enquiry_list", cmd_type=botcmd, doc="List what is asked."),
                st2help,
            ),
        )

    def deactivate(self):
        super().deactivate()
        self.destroy_dynamic_plugin("St2")

    @webhook("/chatops/message")
    def chatops_message(self, request):
        self.send(self.build_identifier(request["channel"]), request["message"])
        return "told"
'''

# arykalin/errbot-getinfo, parser/parser.py and getinfo: what is said in any words becomes a command of another plugin.
MESSAGE_PARSER = r"""
import re


class MessageParser(BotPlugin):
    @re_botcmd(pattern=r"(.*)(please)(.*)$", flags=re.IGNORECASE, matchall=True)
    def gracefull(self, msg, matches):
        yield ran(self, "gracefull", [match.group() for match in matches], msg)

    @re_botcmd(pattern=r"(.*)$", prefixed=False, flags=re.IGNORECASE)
    def send_all_messages_to_elasticsearch(self, msg, match):
        ran(self, "send_all_messages_to_elasticsearch", match.group(), msg)

    @re_botcmd(pattern=r"(.*)(show|start|stop|restart)(.*)$", flags=re.IGNORECASE)
    def parse_msg(self, msg, match):
        ran(self, "parse_msg", match.group(), msg)
        words = match.string.replace(",", "").replace("?", "").split()
        command = next((word for word in words if word in ("start", "stop", "restart")), None)
        service = next((word for word in words if word in ("portal", "openam", "karaf")), None)
        if command and service:
            args = f"{words[-1]} --command {command} --service {service}"
            yield from self.get_plugin("GetInfo").getinfo_service_mngmt(msg, args)
"""
GET_INFO = '''
class GetInfo(BotPlugin):
    """Get info about hosts."""

    @arg_botcmd("host", type=str)
    @arg_botcmd("--command", type=str, default="status")
    @arg_botcmd("--service", type=str, default="portal")
    def getinfo_service_mngmt(self, msg, host, command, service):
        """Start and stop services."""
        yield ran(self, "getinfo_service_mngmt", (host, command, service), msg)

    @botcmd
    def tail_catalina(self, msg, args):
        """Show what was logged last."""
        yield ran(self, "tail_catalina", args, msg)
        yield "one line"
'''


def _plugin(name: str, source: str, module: str, **more: str) -> dict[str, str]:
    """Return the files of one plugin, in a folder of its own."""
    needs = ", ".join(re.findall(r'get_plugin\("(\w+)"\)', source))
    core = f"[Core]\nName = {name}\nModule = {module}\nDependsOn = {needs}\n"
    plug = f"{core}\n[Documentation]\nDescription = {name}\n"
    files = {f"{module}.plug": plug, f"{module}.py": f"{HEAD}\n{source}", **more}
    return {f"{module}/{file}": text for file, text in files.items()}


def _flow(name: str, source: str, module: str) -> dict[str, str]:
    """Return the files of a flow, which lie beside those of its plugin."""
    return {f"{module}.flow": f"[Core]\nName = {name}\nModule = {module}\n", f"{module}.py": source}


PLUGINS: dict[str, dict[str, str]] = {
    "err-mergequeue": _plugin("Summit", SUMMIT, "summit"),
    "errbot-prometheus-alertmanager": _plugin(
        "SaAmtool",
        SA_AMTOOL,
        "saamtool",
        **{
            "templates/amtool_status.md": "status: {{ said }}",
            "templates/amtool_silences.md": "{% for silence in silences %}silence: {{ silence }}\n{% endfor %}",
        },
    ),
    "corobo": _plugin("LabHub", LAB_HUB, "labhub") | _plugin("Ban", BAN, "ban"),
    "err-jenkins": _plugin(
        "JenkinsBot", JENKINS_BOT, "esss_jenkins", **_flow("JenkinsFlows", JENKINS_FLOWS, "jenkins_flows")
    ),
    "ramukaka": _plugin("TimePass", TIME_PASS, "timepass", **_flow("TimepassFlows", TIME_PASS_FLOWS, "timepass_flows")),
    "err-alias": _plugin("Alias", ALIAS, "alias"),
    "err-vmware": _plugin("VMware", VMWARE, "vmware"),
    "err-stackstorm": _plugin("St2", ST2, "st2"),
    "errbot-getinfo": _plugin("GetInfo", GET_INFO, "getinfo") | _plugin("MessageParser", MESSAGE_PARSER, "parser"),
}
"""Their files, by the name of the repository."""


def plugins_folder(folder: Path, *names: str, ours: bool = True) -> str:
    """Write the plugins of these repositories below a folder, beside ours, for BOT_EXTRA_PLUGIN_DIR.

    Errbot takes one folder, and looks into all below it, also behind links.
    """
    for name in names:
        write_files(folder / name, PLUGINS[name])
    if ours:
        (folder / "err-confirm").symlink_to(ROOT / "plugins/err-confirm", target_is_directory=True)
    return str(folder)


@contextmanager
def a_bot_with(folder: Path, *names: str, **config: Any) -> Iterator[Talk]:
    """Start a bot with the plugins of these repositories beside ours; with no names, all of them."""
    reset_app()  # Errbot keeps the webhooks of all bots of a process in one table, which cannot grow once it was used
    shutil.rmtree(folder / "plugins", ignore_errors=True)
    with a_bot(folder, BOT_EXTRA_PLUGIN_DIR=plugins_folder(folder / "plugins", *(names or PLUGINS)), **config) as talk:
        yield talk


def ran(talk: Talk) -> list[tuple[str, Any, str]]:
    """Return which of their commands ran so far, in order: (command, arguments, who)."""
    return list(vars(talk.bot).get("ran", []))


def posted(uri: str, payload: Any) -> str:
    """Send something to a webhook, and return its answer."""
    return errbot.core_plugins.flask_app.test_client().post(uri, json=payload).get_data(as_text=True)
