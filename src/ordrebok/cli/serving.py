"""`ordrebok serve`: the server."""

import signal
from functools import partial
from types import FrameType

import typer

from ordrebok.cli.database import check
from ordrebok.cli.house import build
from ordrebok.cli.options import (
    DatabaseOption,
    HostOption,
    LogLevelOption,
    MigrateOption,
    PortOption,
    PublicUrlOption,
    SandboxOption,
    TrustedProxiesOption,
    WebhookAllowPrivateOption,
    WorkersOption,
)
from ordrebok.cli.output import fail
from ordrebok.cli.ports import free_or_fail
from ordrebok.config import DEFAULT_DATABASE, DEFAULT_HOST, DEFAULT_PORT, Settings
from ordrebok.web.serve import serve as serve_web
from ordrebok.web.settings import WebSettings

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def serve(  # noqa: PLR0913 -- an option each
    *,
    host: HostOption = DEFAULT_HOST,
    port: PortOption = DEFAULT_PORT,
    database: DatabaseOption = DEFAULT_DATABASE,
    workers: WorkersOption = 1,
    migrate: MigrateOption = True,
    public_url: PublicUrlOption = "",
    trusted_proxies: TrustedProxiesOption = "",
    log_level: LogLevelOption = "info",
    sandbox: SandboxOption = False,
    webhook_allow_private: WebhookAllowPrivateOption = False,
) -> None:
    """Serve the order book until Ctrl-C or SIGTERM.

    A file: ordrebok serve --database sqlite:////srv/ordrebok.db

    A server: ordrebok serve --database postgresql://ordrebok@db/ordrebok --workers 4
    """
    settings = Settings(
        database=database,
        migrate=migrate,
        web=WebSettings(
            host=host,
            port=port,
            workers=workers,
            public_url=public_url,
            trusted_proxies=trusted_proxies,
            log_level=log_level,
            sandbox=sandbox,
            private_targets=webhook_allow_private,
        ),
    )
    problem = settings.problem()
    if problem is not None:
        raise typer.BadParameter(problem, param_hint="--workers")
    if not free_or_fail(host, port):
        fail(f"Port {port} on {host} is taken. Choose another: ordrebok serve --port {port + 1}")
    check(settings)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, _end_well)
    serve_web(settings.web, partial(build, settings))


def _end_well(_signal: int, _frame: FrameType | None) -> None:
    """End with status 0: the server was asked to stop and did.

    While it serves, the web side has handlers of its own, which let requests in flight be
    answered; afterwards it hands the signal on to this one.
    """
    raise SystemExit(0)
