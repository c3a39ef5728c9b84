"""Mail by SMTP to the server that the operator names."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from urllib.parse import unquote, urlsplit

from urbanlab.contract.secrets import Secret
from urbanlab_services.service import ServiceSettings, ServiceSettingsError

TIMEOUT_SECONDS = 20.0
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


class MailRefusedError(Exception):
    """The server takes this mail never; trying again does not help."""


class MailAwayError(Exception):
    """The server does not answer or takes nothing now."""


@dataclass(frozen=True)
class MailServer:
    """Where mail goes, and from whom."""

    host: str
    port: int
    security: str  # of _PORTS
    user: str
    password: Secret
    sender: str

    def send(self, recipient: str, subject: str, text: str, message_id: str) -> None:
        """Send one mail; raise `MailRefusedError` or `MailAwayError`. Blocks for as long as the server takes."""
        try:
            message = self._make_message(recipient, subject, text, message_id)
        except ValueError as error:  # an address or a subject with a line's end in it
            raise MailRefusedError(str(error)) from error
        try:
            with self._connect() as server:
                if self.user:
                    server.login(self.user, self.password.reveal())
                server.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
            if _is_final(error):
                raise MailRefusedError(type(error).__name__) from None
            raise MailAwayError(type(error).__name__) from None
        except (smtplib.SMTPException, OSError) as error:
            # The server's own words may repeat what was sent to it.
            raise MailAwayError(type(error).__name__) from None

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.security == "smtps":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_SECONDS, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
        if self.security == "smtp+starttls":
            server.starttls(context=context)
        return server

    def _make_message(self, recipient: str, subject: str, text: str, message_id: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, recipient, subject
        message["Date"] = formatdate(usegmt=True)
        # The same at each try, so that a mail which came twice is seen to be one.
        message["Message-ID"] = (
            f"<{message_id}@{self.sender.rpartition('@')[2]}>" if message_id else make_msgid()
        )
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message


def make_mail_server(settings: ServiceSettings) -> MailServer | None:
    """Return the server of the settings, None where none is named; raise `ServiceSettingsError`."""
    if not settings.smtp_url:
        return None
    try:
        parts = urlsplit(settings.smtp_url)
        port = parts.port
    except ValueError:
        raise ServiceSettingsError("smtp_url is no address") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.password or parts.path not in {"", "/"}:
        raise ServiceSettingsError(
            "smtp_url must be smtp://, smtps:// or smtp+starttls:// with USER@HOST:PORT; the password is in a file"
        )
    if "@" not in settings.smtp_from:
        raise ServiceSettingsError("smtp_from must be the address that mails come from")
    user = unquote(parts.username or "")
    if user and parts.scheme == "smtp":
        raise ServiceSettingsError(
            "smtp_url would send the password in the clear: write smtps or smtp+starttls"
        )
    password = _read_password(settings.smtp_password_file) if user else Secret("")
    return MailServer(
        parts.hostname, port or _PORTS[parts.scheme], parts.scheme, user, password, settings.smtp_from
    )


def _read_password(path: str) -> Secret:
    try:
        return Secret(Path(path).read_text(encoding="utf-8").strip())
    except (OSError, ValueError) as error:
        raise ServiceSettingsError(
            f"smtp_password_file cannot be read: {getattr(error, 'strerror', '')}"
        ) from None


def _is_final(error: smtplib.SMTPException) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500
