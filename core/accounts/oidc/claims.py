"""Reads the proven e-mail address from an OpenID provider's claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.accounts.emails import clean_email
from core.accounts.sign_in import SignInRefused
from core.errors import BadInput

Claims = Mapping[str, Any]


class IdentityRefused(SignInRefused):
    """This does not sign anybody in."""

    def __init__(self, reason: str) -> None:
        self.reason = reason  #: for the operator's log; names no address
        super().__init__()


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailClaimPolicy:
    """The operator's trust in the provider, beyond what its claims say.

    Many providers (Microsoft Entra first of all) do not say whether an address is verified, and
    let people write any address into their profile: whoever takes that for proof lets the writer
    in as its owner. So an unverified address counts only in domains that the operator names, which
    must be domains whose addresses this provider's administrators give out.
    """

    claim: str = "email"  #: where the address stands
    domains: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """An e-mail address that the provider has proven, with its subject."""

    email: str
    verified: bool  #: by the provider's own word; else by the operator's trust in the domain


def needs_more(claims: Claims, trust: EmailClaimPolicy) -> bool:
    """Whether the identity token leaves open what the provider's user information may say."""
    return trust.claim not in claims or _verdict(claims, trust.claim) is None


def proven(documents: Sequence[Claims], trust: EmailClaimPolicy) -> Proven:
    """The address that these claims of one person prove. Raises IdentityRefused.

    An address and the word on it are read from the same document: one of them must never vouch
    for the other's address.
    """
    found = [(_address(d[trust.claim]), _verdict(d, trust.claim)) for d in documents
             if trust.claim in d]  # fmt: skip
    if not found:
        raise IdentityRefused(f"the provider names no address in {trust.claim!r}")
    addresses = {address for address, _ in found}
    if len(addresses) > 1:
        raise IdentityRefused("the provider names two addresses")
    [email] = addresses
    verdicts = [verdict for _, verdict in found]
    if False in verdicts:
        raise IdentityRefused("the provider says that the address is not verified")
    if True in verdicts:
        return Proven(email=email, verified=True)
    if not trust.domains:
        raise IdentityRefused(
            "the provider does not say that the address is verified; see OIDC_TRUSTED_DOMAINS"
        )
    if email.rpartition("@")[2] not in trust.domains:
        raise IdentityRefused("the address is not verified, nor in one of OIDC_TRUSTED_DOMAINS")
    return Proven(email=email, verified=False)


def _address(value: object) -> str:
    try:
        # People type blanks around an address; a provider's word for it has none.
        exact = isinstance(value, str) and value == value.strip()
        return clean_email(str(value) if exact else "")
    except BadInput:
        raise IdentityRefused("what stands for the address is no plain e-mail address") from None


def _verdict(claims: Claims, claim: str) -> bool | None:
    """Whether the provider calls the address in this claim verified; None: it does not say."""
    if claim != "email" and not _is_the_email(claims, claim):
        return None  # `email_verified` speaks of `email` alone
    if "email_verified" in claims:
        word = claims["email_verified"]
        # Amazon Cognito writes it as a text.
        return word is True or (isinstance(word, str) and word.strip().lower() == "true")
    if "xms_edov" in claims:
        # Microsoft Entra's optional claim: the domain's owner is verified. As 1 or true, or a text.
        return str(claims["xms_edov"]).strip().lower() in ("1", "true")
    return None


def _is_the_email(claims: Claims, claim: str) -> bool:
    try:
        return clean_email(str(claims.get("email", ""))) == clean_email(str(claims[claim]))
    except BadInput:
        return False
