"""Say why an action of StackStorm's is not run here, and what to write instead."""

from err_confirm.catalog.yaml_source import Location
from err_confirm.errors import ErrConfirmError

_REMOTE = 'write an action file with run: {command: ["ssh", "--", "{{ host }}", …]} and a pattern for "host"'
_WINDOWS = "write an action file whose command is a client for WinRM"
_FLOW = (
    "an alias's then, else and finally start what follows; or leave it to StackStorm's API, with the runner stackstorm"
)

WHY = {
    "remote-shell-cmd": f"it hands a line to a shell on another machine; {_REMOTE}",
    "remote-shell-script": f"it copies a script to other machines; {_REMOTE}",
    "winrm-cmd": f"it hands a line to a shell on Windows; {_WINDOWS}",
    "winrm-ps-cmd": f"it hands a line to PowerShell on Windows; {_WINDOWS}",
    "winrm-ps-script": f"it runs a script on Windows; {_WINDOWS}",
    "windows-cmd": f"it hands a line to a shell on Windows; {_WINDOWS}",
    "windows-script": f"it runs a script on Windows; {_WINDOWS}",
    "orquesta": f"it is a workflow; {_FLOW}",
    "mistral-v1": f"it is a workflow; {_FLOW}",
    "mistral-v2": f"it is a workflow; {_FLOW}",
    "cloudslang": f"it is a workflow; {_FLOW}",
    "action-chain": f"it is a chain of actions; {_FLOW}",
    "inquirer": "it asks people something in the middle of a workflow; a policy asks before anything runs: "
    "write confirm: {question: …}",
    "announcement": "it tells StackStorm's own stream; write an action file with run: {command: […]}",
    "noop": 'it does nothing; write an action file with run: {command: ["true"]}',
}
"""The runners of StackStorm that are not run here; the names that older packs have for some are in `OLD_NAMES`."""

OLD_NAMES = {
    "run-local": "local-shell-cmd",
    "run-local-script": "local-shell-script",
    "run-python": "python-script",
    "http-runner": "http-request",
    "run-remote": "remote-shell-cmd",
    "run-remote-script": "remote-shell-script",
}


class NotRunError(ErrConfirmError):
    """Raised when an action of StackStorm's is none that is run here."""

    def __init__(self, location: Location, why: str) -> None:
        super().__init__(why)
        self.location = location
