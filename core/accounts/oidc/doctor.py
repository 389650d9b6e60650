"""The `doctor` checks of OpenID Connect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from config.sections import OidcSettings
from core.errors import SetupError
from core.runtime.checks import Advice, Check

if TYPE_CHECKING:
    from core.accounts.oidc.provider import OpenIdConnect

#: Where anybody gets an address: trusting such a domain is trusting everybody.
ANYBODYS = frozenset(
    {
        "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com",
        "yahoo.com", "icloud.com", "me.com", "aol.com", "proton.me", "protonmail.com", "gmx.net",
        "gmx.de", "web.de", "mail.com", "yandex.com", "zoho.com", "naver.com", "daum.net",
        "hanmail.net", "kakao.com", "nate.com", "qq.com", "163.com",
    }
)  # fmt: skip


def require_sound(oidc: OidcSettings) -> None:
    """Raises SetupError for settings with which nobody, or anybody, would come in.

    A start refuses them like `doctor` does.
    """
    if not (oidc.oidc_issuer and oidc.oidc_client_id):
        return
    strangers = sorted(ANYBODYS & set(oidc.oidc_trusted_domains))
    if strangers:
        raise SetupError(f"OIDC_TRUSTED_DOMAINS: anybody may have an address at {strangers[0]}.")
    if oidc.oidc_email_claim != "email" and not oidc.oidc_trusted_domains:
        raise SetupError(
            f"OIDC_EMAIL_CLAIM: nobody calls an address in {oidc.oidc_email_claim} verified;"
            " OIDC_TRUSTED_DOMAINS has to name the domains that count."
        )


def oidc_checks(
    oidc: OidcSettings, provider: OpenIdConnect | None, *, callback: str
) -> Sequence[Check]:
    """Whether the provider answers as we need it, and whom its word would let in."""

    async def attempt() -> str:
        if provider is None:
            if oidc.oidc_issuer or oidc.oidc_client_id:
                raise Advice("set both OIDC_ISSUER and OIDC_CLIENT_ID; until then there is none")
            return "not set; staff sign in by link or password"
        require_sound(oidc)
        claim, domains = oidc.oidc_email_claim, ", ".join(oidc.oidc_trusted_domains)
        about = await provider.describe()
        says = about.get("claims_supported")
        if isinstance(says, list) and claim not in says:
            raise Advice(f"the provider does not list the claim {claim}; see OIDC_EMAIL_CLAIM")
        if isinstance(says, list) and "email_verified" not in says and not domains:
            raise Advice(
                "the provider does not list email_verified (Microsoft Entra does not send it):"
                " nobody comes in unless it sends xms_edov, or OIDC_TRUSTED_DOMAINS names domains"
                " whose addresses its administrators give out"
            )
        trusted = f"; {domains} trusted without its word" if domains else ""
        return f"{about['issuer']} answers; it must send people back to {callback}{trusted}"

    return (
        Check(
            name="OpenID Connect",
            attempt=attempt,
            remedy="Look at OIDC_ISSUER, OIDC_EMAIL_CLAIM and OIDC_TRUSTED_DOMAINS.",
        ),
    )
