"""Reads from one message the customer's consent to be written to; pure."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.events import ConsentSource
from core.domain.messages import InboundKind, InboundMessage
from core.nlu.consent import opting_out, opts_in

CONSENT = frozenset({InboundKind.OPT_OUT, InboundKind.OPT_IN})
"""Kinds by which a channel says that its vendor has taken a word for consent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A change of consent that a message states, by the customer or by the vendor."""

    opted_out: bool
    source: ConsentSource = ConsentSource.CUSTOMER
    wants_nothing: bool = True  #: the message says nothing else


def consent_said(message: InboundMessage, *, out: bool) -> Said | None:
    """What the message says about consent; coming back means something to who is out only."""
    source = ConsentSource.CUSTOMER if message.text else ConsentSource.VENDOR
    match message.kind:
        case InboundKind.OPT_OUT:
            return Said(opted_out=True, source=source)
        case InboundKind.OPT_IN | InboundKind.START if out:
            return Said(opted_out=False, source=source)
        case InboundKind.MESSAGE | InboundKind.EDIT if out and opts_in(message.text):
            return Said(opted_out=False)
        case InboundKind.MESSAGE | InboundKind.EDIT | InboundKind.HUMAN:
            said = opting_out(message.text)
            if said is not None and said.certain:
                return Said(opted_out=True, wants_nothing=said.only)
            return None
        case _:
            return None
