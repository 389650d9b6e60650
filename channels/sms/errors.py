"""Twilio's error codes and their remedies."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Remedy(enum.Enum):
    """The remedy for a failure."""

    STOP = "stop"  #: nothing more may be sent to this number
    RETRY = "retry"  #: the same message may get through later
    REWORD = "reword"  #: other words may get through
    TELL = "tell"  #: only a person can do something about it


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """One code in plain words for an agent."""

    remedy: Remedy
    words: str


def _stop(words: str) -> Meaning:
    return Meaning(remedy=Remedy.STOP, words=words)


def _retry(words: str) -> Meaning:
    return Meaning(remedy=Remedy.RETRY, words=words)


def _reword(words: str) -> Meaning:
    return Meaning(remedy=Remedy.REWORD, words=words)


def _tell(words: str) -> Meaning:
    return Meaning(remedy=Remedy.TELL, words=words)


CODES = {
    14107: _retry("Too many messages to this number in a short time."),
    20429: _retry("Too many requests to Twilio."),
    21211: _tell("The customer's number is not valid."),
    21214: _tell("The customer's number cannot be reached."),
    21408: _tell("Sending to the customer's country is not enabled at Twilio."),
    21602: _reword("The message was empty."),
    21606: _tell("Our number cannot send text messages."),
    21610: _stop("The customer has opted out (STOP)."),
    21611: _retry("Our number's queue at Twilio is full."),
    21612: _tell("Twilio has no route from our number to the customer's."),
    21614: _tell("The customer's number is not a mobile number."),
    21617: _reword("The message was longer than 1,600 characters."),
    21703: _tell("The Messaging Service has no number that could send this."),
    30001: _retry("Twilio's queue was full."),
    30002: _tell("The Twilio account is suspended."),
    30003: _retry("The customer's phone is off or out of reach."),
    30004: _tell("The customer's phone or carrier blocks the message."),
    30005: _tell("The customer's number does not exist."),
    30006: _tell("The customer's number is a landline or cannot receive text messages."),
    30007: _reword("The carrier filtered the message as unwanted."),
    30008: _retry("The carrier gave no reason."),
    30010: _tell("The message cost more than allowed."),
    30017: _retry("The carrier's network was congested."),
    30019: _reword("The carrier takes no message of this size."),
    30022: _retry("Too many messages for our number's registration in the United States."),
    30023: _tell("Our number has sent as many messages today as its registration allows."),
    30032: _tell("Our toll-free number is not verified."),
    30034: _tell("Our number is not registered for sending in the United States."),
    30036: _tell("The message was not delivered in time and has expired."),
    30039: _tell("The message was stopped because two machines answered each other."),
    30410: _retry("The carrier did not answer in time."),
    30500: _retry("The carrier had a fault."),
}


def meaning(code: int | str) -> Meaning:
    """What a code means; an unknown one is for a person to look at."""
    number = int(code) if str(code).isdigit() else 0
    return CODES.get(number) or _tell(f"Twilio reports error {code}.")
