"""What the web face needs to be told; made by the composition root from the settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """The web server's own section of the settings."""

    secret_key: str  #: signs visitors' tokens; lost, all of them are worthless
    host: str = "127.0.0.1"
    port: int = 8080  #: 0 takes a free one
    public_url: str = ""  #: "https://help.example.com"; "" means http on host and port
    frame_ancestors: tuple[str, ...] = ("*",)  #: sites that may show the chat in a frame
    trusted_proxies: tuple[str, ...] = ()  #: addresses whose X-Forwarded-For is believed
    session_idle_seconds: float = 3600.0
    address_rate: float = 1000.0  #: requests a second from one address
    address_burst: int = 2000
    conversation_rate: float = 30.0  #: writes a second in one conversation
    conversation_burst: int = 100
    heartbeat_seconds: float = 15.0  #: between two comments on a silent stream

    @property
    def is_https(self) -> bool:
        """Whether browsers reach us by https, so that cookies must be Secure."""
        return self.public_url.startswith("https://")
