"""Settings of the LiveKit server, the page and the Wyoming server."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, SecretStr, model_validator

from agent.settings.fields import LIVEKIT_ADDRESS, Group, Several, seconds, variable
from services import defaults
from services.livekit_server.credentials import LiveKitCredentials
from services.web.http.addresses import EVERY_ORIGIN, read_network, read_origin


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value != EVERY_ORIGIN:
            read_origin(value)
    return values


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        read_network(value)
    return values


class LiveKitSettings(Group):
    """The LiveKit server."""

    url: str = variable(
        "LIVEKIT_URL",
        "",
        "LiveKit server to use; empty: `dev` starts one on this machine.",
        allowed="an address like ws://host:7880 or wss://host",
        pattern=LIVEKIT_ADDRESS,
    )
    api_key: str = variable("LIVEKIT_API_KEY", "", "API key of the LiveKit server.")
    api_secret: SecretStr = variable(
        "LIVEKIT_API_SECRET", SecretStr(""), "API secret of the LiveKit server."
    )
    public_url: str = variable(
        "LIVEKIT_PUBLIC_URL",
        "",
        "Address of the LiveKit server for browsers; empty: LIVEKIT_URL.",
        allowed="an address like wss://livekit.example.com",
        pattern=LIVEKIT_ADDRESS,
    )
    server: str = variable(
        "LIVEKIT_SERVER",
        "",
        "The livekit-server program that `dev` starts; empty: the one on PATH.",
        allowed="the path of a program",
    )
    server_config: Path = variable(
        "LIVEKIT_SERVER_CONFIG",
        Path("livekit.yaml"),
        "Configuration of the server that `dev` starts; where the default is missing, ours serves.",
    )

    @property
    def credentials(self) -> LiveKitCredentials:
        """The server and its key pair, as the parts of the product take them."""
        return LiveKitCredentials(self.url, self.api_key, self.api_secret.get_secret_value())

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.url and not self.api_key:
            raise ValueError("LIVEKIT_API_KEY is not set: LIVEKIT_URL needs the server's API key")
        if self.url and not self.api_secret.get_secret_value():
            raise ValueError(
                "LIVEKIT_API_SECRET is not set: LIVEKIT_URL needs the server's API secret"
            )
        return self


class WebSettings(Group):
    """Web server: the page, tokens, health and admin."""

    host: str = variable(
        "WEB_HOST",
        "127.0.0.1",
        "Address that the page is served on; 0.0.0.0: all interfaces.",
        allowed="a host name or an IP address",
        pattern="^[A-Za-z0-9_.:-]+$",
    )
    port: int = variable("WEB_PORT", 8080, "Port that the page is served on.", ge=1, le=65535)
    worker_host: str = variable(
        "WORKER_HOST",
        "127.0.0.1",
        "Address of a production worker's health, metrics and admin routes.",
        allowed="a host name or an IP address",
        pattern="^[A-Za-z0-9_.:-]+$",
    )
    worker_port: int = variable(
        "WORKER_PORT",
        8081,
        "Port of a production worker's health, metrics and admin routes.",
        ge=1,
        le=65535,
    )
    speech_port: int = variable(
        "SPEECH_PORT",
        8090,
        "Port of a speech process's health, metrics and admin routes, at WORKER_HOST.",
        ge=1,
        le=65535,
    )
    access_key: SecretStr = variable(
        "WEB_ACCESS_KEY",
        SecretStr(""),
        "Key that visitors of the page must enter; empty: no key.",
        allowed="16 characters or more",
        min_length=16,
    )
    allowed_origins: Annotated[Several, AfterValidator(_origins)] = variable(
        "WEB_ALLOWED_ORIGINS",
        (),
        "Origins that may request tokens, separated by commas; *: all.",
        allowed="origins like https://example.com separated by commas, or *",
    )
    trusted_proxies: Annotated[Several, AfterValidator(_networks)] = variable(
        "WEB_TRUSTED_PROXIES",
        (),
        "Proxies whose X-Forwarded-For header is trusted, separated by commas.",
        allowed="IP addresses or networks separated by commas",
    )
    tokens: bool = variable("WEB_TOKENS", True, "Whether the page hands out tokens for rooms.")
    token_minutes: int = variable(
        "TOKEN_MINUTES",
        defaults.TOKEN_MINUTES,
        "Time within which a token can be used to join.",
        unit="minutes",
        ge=1,
        le=1440,
    )
    tokens_per_minute: int = variable(
        "TOKENS_PER_MINUTE",
        defaults.TOKENS_PER_MINUTE,
        "Maximum rate of tokens for one address.",
        unit="tokens per minute",
        ge=1,
        le=100000,
    )
    rooms_per_address: int = variable(
        "ROOMS_PER_ADDRESS",
        defaults.ROOMS_PER_ADDRESS,
        "Maximum number of rooms at once for one address; 0: no limit.",
        unit="rooms",
        ge=0,
        le=100000,
    )
    admin_token: SecretStr = variable(
        "ADMIN_TOKEN",
        SecretStr(""),
        "Token for /admin; empty: it is disabled.",
        allowed="16 characters or more",
        min_length=16,
    )


class ApiSettings(Group):
    """OpenAI's audio endpoints, below /v1 of a worker; off without a key."""

    keys_file: Path = variable(
        "API_KEYS_FILE",
        Path("api-keys.json"),
        "File of the keys that `python -m agent api-keys` makes.",
    )
    requests_per_minute: int = variable(
        "API_REQUESTS_PER_MINUTE",
        120,
        "Maximum rate of requests with one key.",
        unit="requests per minute",
        ge=1,
        le=100000,
    )
    requests_at_once: int = variable(
        "API_REQUESTS_AT_ONCE",
        8,
        "Maximum number of requests at once; half of it for one key.",
        unit="requests",
        ge=1,
        le=64,
    )
    max_characters: int = variable(
        "API_MAX_CHARACTERS",
        4096,
        "Longest text accepted by POST /v1/audio/speech.",
        unit="characters",
        ge=1,
        le=10000,
    )


class WyomingSettings(Group):
    """Wyoming server: speech for Home Assistant; the protocol has no keys."""

    port: int = variable(
        "WYOMING_PORT",
        0,
        "Port of the Wyoming server, 10300 by convention; 0: off.",
        ge=0,
        le=65535,
    )
    host: str = variable(
        "WYOMING_HOST",
        "127.0.0.1",
        "Address of the Wyoming server; 0.0.0.0: whoever reaches this machine may use it.",
        allowed="a host name or an IP address",
        pattern="^[A-Za-z0-9_.:-]+$",
    )
    allowed: Annotated[Several, AfterValidator(_networks)] = variable(
        "WYOMING_ALLOWED",
        (),
        "Clients of the Wyoming server, separated by commas; empty: all that reach it.",
        allowed="IP addresses or networks separated by commas",
    )
    zeroconf: bool = variable(
        "WYOMING_ZEROCONF",
        True,
        "Whether Home Assistant finds the Wyoming server by itself, unless it is on loopback.",
    )
    max_connections: int = variable(
        "WYOMING_MAX_CONNECTIONS",
        defaults.WYOMING_MAX_CONNECTIONS,
        "Maximum number of Wyoming clients at once.",
        unit="clients",
        ge=1,
        le=1000,
    )
    max_seconds: float = seconds(
        "WYOMING_MAX_SECONDS",
        defaults.WYOMING_MAX_SECONDS,
        "Longest sound that a Wyoming client may have recognised at once.",
    )
