"""Verifies and parses Twilio's webhooks: first the signature, then the form."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from multidict import MultiDict
from twilio.request_validator import RequestValidator

from core.errors import WebhookRefused
from core.sdk.channel import HttpRequest

SIGNATURE_HEADER = "x-twilio-signature"


def open_form(
    request: HttpRequest, *, auth_token: str, public_url: str, path: str, hosts: Sequence[str] = ()
) -> MultiDict[str]:
    """The form in a request of Twilio's.

    `hosts` are other names of ours that Twilio may have called. Raises WebhookRefused when its
    signature does not hold for any address of ours.
    """
    signature = request.headers.get(SIGNATURE_HEADER, "")
    if not auth_token or not signature:
        raise WebhookRefused("This request is not signed by Twilio.")
    try:
        # A blank value is part of what was signed.
        text = request.body.decode()
        form = MultiDict(parse_qsl(text, keep_blank_values=True, max_num_fields=500))
    except ValueError as error:
        raise WebhookRefused("This request is not signed by Twilio.") from error
    validator = RequestValidator(auth_token)
    for url in _addresses(request, public_url=public_url, path=path, hosts=hosts):
        if validator.validate(url, form, signature):
            return form
    raise WebhookRefused("This request is not signed by Twilio.")


def _addresses(
    request: HttpRequest, *, public_url: str, path: str, hosts: Sequence[str]
) -> list[str]:
    """Every spelling of our address that Twilio may have signed; it tries ports by itself."""
    called = urlsplit(request.url)
    places = [f"{public_url}{path}"] if public_url else []
    if request.url:
        places.append(urlunsplit(called._replace(query="", fragment="")))
    for place in tuple(places):
        places += [urlunsplit(urlsplit(place)._replace(netloc=host)) for host in hosts]
    spellings: list[str] = []
    for place in dict.fromkeys(places):
        parts = urlsplit(place)
        for scheme in dict.fromkeys((parts.scheme, "https", "http")):
            for slashed in dict.fromkeys(
                (parts.path, parts.path.rstrip("/"), parts.path.rstrip("/") + "/")
            ):
                spelled = parts._replace(scheme=scheme, path=slashed, query=called.query)
                spellings.append(urlunsplit(spelled))
    return list(dict.fromkeys(spellings))
