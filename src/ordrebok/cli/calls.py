"""Calls to a running server, with nothing but the standard library."""

import base64
import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

TIMEOUT_SECONDS: Final = 30


class ServerUnreachableError(Exception):
    """Nothing answers at the address."""


class Answer(NamedTuple):
    """What the server said."""

    status: int
    value: Any
    """The JSON of the body; its text where it is no JSON."""

    def complaint(self) -> str:
        """Return the sentence of a refusal."""
        try:
            return f"{self.value['error']['code']}: {self.value['error']['message']}"
        except (KeyError, TypeError):
            return str(self.value)[:200]


class Server:
    """A server at an address such as http://127.0.0.1:8000."""

    def __init__(self, url: str) -> None:
        """Take the address; nothing is sent yet."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(url)
        self.url = url.rstrip("/")
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port = parts.hostname, parts.port

    def call(
        self, method: str, path: str, body: object = None, *, authorization: str = ""
    ) -> Answer:
        """Send one request and return the answer, whatever its status.

        Raises: ServerUnreachableError.
        """
        headers = {"Content-Type": "application/json", "Connection": "close"}
        if authorization:
            headers["Authorization"] = authorization
        text = None if body is None else json.dumps(body)
        connection = self._kind(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, text, headers)
            response = connection.getresponse()
            raw = response.read().decode()
        except (OSError, HTTPException) as error:
            raise ServerUnreachableError(f"No server answers at {self.url}: {error}") from error
        finally:
            connection.close()
        try:
            return Answer(response.status, json.loads(raw))
        except ValueError:
            return Answer(response.status, raw)

    def token(self, account_id: str, client_id: str, client_secret: str) -> Answer:
        """Ask for an access token, as any client does.

        Raises: ServerUnreachableError.
        """
        pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        body = {
            "grant_type": "client_credentials",
            "audience": f"{self.url}/v1/accounts/{account_id}",
        }
        path = f"/v1/accounts/{account_id}/auth/token"
        return self.call("POST", path, body, authorization=f"Basic {pair}")
