"""The web server's settings and limits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.web.http.base_path import BasePath


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Deadlines of a connection, in seconds."""

    #: for a request's whole head, from the connection or from the answer before
    head: float = 20.0
    #: the same for our own proxies: nginx and the clouds' balancers keep connections for a minute
    proxy: float = 90.0
    #: for a body, and one second more for each `least_rate` bytes that came
    body: float = 20.0
    #: between two looks whether an answer is being taken
    answer: float = 20.0
    least_rate: float = 1000.0  #: bytes a second, of bodies and of answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits at one time, in all and per address (IPv4, or an IPv6 /64)."""

    connections: int = 10_000  #: of everybody
    connections_per_address: int = 700
    streams: int = 6_000  #: of all visitors
    streams_per_address: int = 500
    streams_per_conversation: int = 20
    streams_per_colleague: int = 100
    openings_per_address: int = 300  #: conversations opened in ten minutes
    drafts: int = 1_000  #: conversations in which an answer is being made
    drafts_per_address: int = 250
    reads_per_colleague: float = 100.0  #: pages and lists a second; what is dear counts as ten
    reads_per_address: float = 500.0

    def within(self, room: int) -> Limits:
        """The same where only so many connections fit.

        Streams stay open, so they never get all of it: vendors who call us, health checks and
        everybody who only asks something find a place however many customers are listening.
        """
        return replace(
            self,
            connections=min(self.connections, room),
            connections_per_address=min(self.connections_per_address, max(1, room // 2)),
            streams=min(self.streams, max(1, room * 3 // 5)),
            streams_per_address=min(self.streams_per_address, max(1, room // 4)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """The web server's own section of the settings."""

    secret_key: str  #: signs visitors' tokens; lost, all of them are worthless
    host: str = "127.0.0.1"
    port: int = 8080  #: 0 takes a free one
    public_url: str = ""  #: "https://help.example.com/support"; "" means http on host and port
    frame_ancestors: tuple[str, ...] = ("*",)  #: sites that may show the chat in a frame
    trusted_proxies: tuple[str, ...] = ()  #: addresses whose X-Forwarded-For is believed
    session_idle_seconds: float = 3600.0
    session_longest_seconds: float = 43_200.0  #: whatever is done in it
    address_rate: float = 1000.0  #: requests a second from one address
    address_burst: int = 2000
    conversation_rate: float = 30.0  #: writes a second in one conversation
    conversation_burst: int = 100
    metrics_token: str = ""  #: opens `/metrics` and the parts of `/readyz` from anywhere
    metrics_port: int | None = None  #: where both are served without asking; 0 takes a free one
    heartbeat_seconds: float = 15.0  #: between two comments on a silent stream
    limits: Limits = field(default_factory=Limits)
    deadlines: Deadlines = field(default_factory=Deadlines)

    @property
    def is_https(self) -> bool:
        """Whether browsers reach us by https, so that cookies must be Secure."""
        return self.public_url.startswith("https://")

    @property
    def base(self) -> BasePath:
        """The path below which browsers reach us."""
        return BasePath(self.public_url)
