"""Let `python -m err_confirm` be the command `err-confirm`."""

from err_confirm.cli import main

raise SystemExit(main())
