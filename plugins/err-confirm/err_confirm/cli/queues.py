"""What `doctor` and `lint` say of the queues that actions name: whether there are any, and who listens to them."""

from collections.abc import Iterator

from err_confirm.catalog import Catalog, Problem, Severity
from err_confirm.cli.configuration import Configuration
from err_confirm.errors import StartError
from err_confirm.health import Finding, error, warning, well
from err_confirm.remote.job_record import how_to_start
from err_confirm.remote.runs import NO_REDIS
from err_confirm.settings import Settings
from err_confirm.store import on_redis


def workers(catalog: Catalog, settings: Settings) -> Iterator[Finding]:
    """Yield how many workers listen to each queue; nothing where no action runs on a worker."""
    named = {action.remote.queue for action in catalog.actions.values() if action.remote}
    if named and not on_redis(settings.store):
        yield error(NO_REDIS, "until then no action with remote runs")
        return
    for queue in sorted(named):
        yield _listeners(queue, settings)


def unreachable(catalog: Catalog, configuration: Configuration) -> Iterator[Problem]:
    """Yield a warning for each action that runs on a worker, where a config.py names a store without queues."""
    if configuration.path is not None and not on_redis(configuration.settings.store):
        for action in catalog.actions.values():
            if action.remote:
                yield Problem(action.source, NO_REDIS, Severity.WARNING)


def _listeners(queue: str, settings: Settings) -> Finding:
    from err_confirm.remote.queues import Queues  # noqa: PLC0415  # with it comes redis

    try:
        count = Queues(settings.store, settings.namespace).workers(queue)
    except StartError as wrong:
        return error(str(wrong), "until then no action with remote runs")
    if not count:
        return warning(f'no worker listens to the queue "{queue}"', f"start one: {how_to_start(queue)}")
    return well(f'{count} {"worker listens" if count == 1 else "workers listen"} to the queue "{queue}"')
