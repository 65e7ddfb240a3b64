"""Options of several commands and of the server, each with its environment variable."""

from typing import Annotated

import typer

DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="ORDREBOK_DATABASE",
        metavar="URL",
        help="sqlite:///file.db, or postgresql://user:password@host/name.",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", envvar="ORDREBOK_JSON", help="Print JSON, for programs."),
]
HostOption = Annotated[
    str,
    typer.Option(
        "--host", envvar="ORDREBOK_HOST", help="Address to listen on; 0.0.0.0 for all of them."
    ),
]
PortOption = Annotated[
    int,
    typer.Option("--port", envvar="ORDREBOK_PORT", min=1, max=65535, help="Port to listen on."),
]
WorkersOption = Annotated[
    int,
    typer.Option(
        "--workers", envvar="ORDREBOK_WORKERS", help="Processes; more than one needs PostgreSQL."
    ),
]
MigrateOption = Annotated[
    bool,
    typer.Option(
        "--migrate/--no-migrate",
        envvar="ORDREBOK_MIGRATE",
        help="Bring the tables up to date first, or stop when they are not.",
    ),
]
PublicUrlOption = Annotated[
    str,
    typer.Option(
        "--public-url",
        envvar="ORDREBOK_PUBLIC_URL",
        help="Scheme and host that clients use, when a proxy stands in between.",
    ),
]
TrustedProxiesOption = Annotated[
    str,
    typer.Option(
        "--trusted-proxies",
        envvar="ORDREBOK_TRUSTED_PROXIES",
        help="Addresses, separated by commas, whose X-Forwarded-Proto is believed.",
    ),
]
WebhookAllowPrivateOption = Annotated[
    bool,
    typer.Option(
        "--webhook-allow-private",
        envvar="ORDREBOK_WEBHOOK_ALLOW_PRIVATE",
        help="Let webhooks go to addresses that are not public, such as 10.0.0.7 or localhost.",
    ),
]
LogLevelOption = Annotated[
    str,
    typer.Option(
        "--log-level",
        envvar="ORDREBOK_LOG_LEVEL",
        help="debug, info, warning or error; warning leaves out the line per request.",
    ),
]
SandboxOption = Annotated[
    bool,
    typer.Option(
        "--sandbox/--no-sandbox",
        envvar="ORDREBOK_SANDBOX",
        help="Let accounts beginning with T move their clock, plan faults and be emptied.",
    ),
]
AccountArgument = Annotated[
    str,
    typer.Argument(
        metavar="ACCOUNT", help="P (production) or T (test) and eight digits, such as T12345678."
    ),
]
AccountOption = Annotated[
    str,
    typer.Option(
        "--account",
        envvar="ORDREBOK_ACCOUNT",
        metavar="ACCOUNT",
        help="Whose orders, such as T12345678.",
    ),
]
