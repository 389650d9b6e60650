"""The report as an e-mail: plain text, and HTML with its pictures inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from analytics.reports.writer import ReportWriter
from core.clock import Clock
from core.runtime.mail import Outgoing

Page = Callable[[Mapping[str, Any], Sequence[str], str], str]
"""A report as one HTML file; its pictures stand at the given addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMail:
    """Sends reports to whoever may read them."""

    mailer: Outgoing
    locale: str
    writer: ReportWriter
    page: Page
    base_url: Callable[[], str]
    clock: Clock

    @property
    def is_set(self) -> bool:
        """Whether mail can be sent."""
        return self.mailer.is_set

    async def send(
        self,
        report_id: str,
        report: Mapping[str, Any],
        pictures: Sequence[bytes],
        to: Sequence[str],
    ) -> None:
        """One mail to all of them. Raises MailFailed."""
        await self.mailer.deliver(self.letter(report_id, report, pictures, to))

    def letter(
        self,
        report_id: str,
        report: Mapping[str, Any],
        pictures: Sequence[bytes],
        to: Sequence[str],
    ) -> EmailMessage:
        """The mail as it goes out."""
        name = report_id.replace(":", ".")
        cids = [f"{name}.{n}@contact-center" for n in range(len(pictures))]
        message = EmailMessage()
        message["Subject"] = self.writer.title(report, self.locale)
        message["From"] = self.mailer.sender
        message["To"] = ", ".join(to)
        message["Date"] = format_datetime(self.clock.now())
        # The same report is the same mail, should one be sent twice in spite of all.
        message["Message-ID"] = f"<{name}@contact-center>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self.text(report))
        html = self.page(report, [f"cid:{cid}" for cid in cids], self.locale)
        message.add_alternative(html, subtype="html")
        # Only now: what speaks of the content moves into the first part made of it.
        message["Content-Language"] = self.locale
        body = message.get_payload()[1]  # type: ignore[index]
        assert isinstance(body, EmailMessage)
        for n, (cid, png) in enumerate(zip(cids, pictures, strict=True), start=1):
            body.add_related(
                png,
                "image",
                "png",
                cid=f"<{cid}>",
                disposition="inline",
                filename=f"chart-{n}.png",
            )
        return message

    def text(self, report: Mapping[str, Any]) -> str:
        """The report for those who read plain text."""
        t, r = self.writer.text(self.locale), "analytics.reports."
        lines = [self.writer.title(report, self.locale), ""]
        if report.get("late"):
            lines += [t(r + "late_line"), ""]
        lines += [f"- {line}" for line in self.writer.headlines(report, self.locale)]
        if report["kind"] == "daily":
            unusual = self.writer.unusual(report, self.locale) or [t(r + "nothing_unusual")]
            lines += ["", t(r + "unusual"), *(f"- {line}" for line in unusual)]
        if report["missing"]:
            lines += ["", t(r + "missing")]
            lines += [f"{n}. {g['question']}" for n, g in enumerate(report["missing"], start=1)]
        here = f"{self.base_url()}/console/reports/{report['kind']}/{report['date']}"
        return "\n".join([*lines, "", here, ""])
