"""The whole house, put together: the database, the tokens, every room's rows, the web."""

from ordrebok.accounts.tokens import Tokens
from ordrebok.config import Settings
from ordrebok.store import open_store
from ordrebok.store.accounts import AccountStore
from ordrebok.table import OPERATIONS
from ordrebok.web.app import create_app
from ordrebok.web.serve import ASGIApp


async def build(settings: Settings) -> ASGIApp:
    """Open the database and return the application that serves it.

    Raises: SchemaTooNew, SchemaTooOld, AlreadyServed, StoreUnavailable.
    """
    store = await open_store(
        settings.database,
        migrate=settings.migrate,
        serving=True,
        processes=settings.web.workers,
    )
    tokens = Tokens(AccountStore(store))
    return create_app(store, tokens, operations=OPERATIONS, settings=settings.web)
