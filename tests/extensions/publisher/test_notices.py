"""Mail: told once, over a restart, by a real server; and nothing of it where the operator names none."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from urbanlab.contract.readers import Report
from urbanlab.contract.records import PublishingRules, Tenant, write_tenant
from urbanlab.contract.secrets import Secret
from urbanlab_services.mail import MailAwayError, MailRefusedError, MailServer, make_mail_server
from urbanlab_services.publisher.links import Links
from urbanlab_services.publisher.mail_queue import Mail, MailQueue
from urbanlab_services.publisher.notices import Notices
from urbanlab_services.publisher.publications import now
from urbanlab_services.publisher.readers import Readers
from urbanlab_services.publisher.store import Store
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import ServiceSettings, ServiceSettingsError

from .conftest import make_submission


class Mailbox:
    """What the server was given; it refuses an address for good, or everything for now."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.is_busy = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.is_busy:
            return "451 try again"
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[MailServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield MailServer("127.0.0.1", port, "smtp", "", Secret(""), "urbanlab@town.example")
    controller.stop()


@pytest.fixture
def make_notices(
    tmp_path: Path, make_tenant: Callable[..., Tenant]
) -> Callable[[MailServer | None], Notices]:
    records = tmp_path / "records"
    records.mkdir()
    write_tenant(records, make_tenant("town", publishing=PublishingRules("freigabe@town.example")))
    write_tenant(records, make_tenant("village"))

    def make(server: MailServer | None) -> Notices:
        store = Store(tmp_path / "publisher.sqlite")
        links = Links("http://publisher", "http://portal")
        return Notices(
            store, MailQueue(store.engine, server), Readers(store.engine), RecordsWatcher(records), links
        )

    return make


def read(message: Message) -> tuple[str, str]:
    from email.header import decode_header, make_header

    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return str(make_header(decode_header(message["Subject"]))), payload.decode()


async def test_what_waits_is_told_once_also_after_a_restart(
    make_notices: Any, server: MailServer, mailbox: Mailbox
) -> None:
    notices = make_notices(server)
    for number, tenant in enumerate(("town", "village")):
        waiting = make_submission(id=f"{number:032x}", tenant=tenant, author=f"anna@{tenant}")
        notices.store.create_submission(waiting)
    notices.look()
    again = make_notices(server)  # the service was ended before it could send
    again.look()
    await again.queue.send_due()
    await again.queue.send_due()
    again.readers.add_report(Report("1" * 32, "town", "x", 1, "de", now(), "Geheim", "me@x.example"))
    again.look()
    await again.queue.send_due()
    mail, report = mailbox.mails
    assert "http://publisher/readers" in read(report)[1] and "Geheim" not in str(report)
    subject, text = read(mail)
    assert subject == f"Wartet auf eine Entscheidung: {waiting.title}"
    assert "anna bittet um eine Freigabe" in text and f"http://publisher/submissions/{0:032x}" in text
    assert (mail["To"], mail["From"]) == ("freigabe@town.example", "urbanlab@town.example")


async def test_a_server_that_is_away_or_busy_gets_it_later_and_a_refusal_is_final(
    make_notices: Any, server: MailServer, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = make_notices(server).queue
    mailbox.is_busy = True
    queue.add(Mail("a", "town", "freigabe@town.example", "A", "text"))
    await queue.send_due()
    assert mailbox.mails == [] and queue._list_due() == []
    mailbox.is_busy = False
    queue._change("a", next_at="2020-01-01T00:00:00.000+00:00")
    queue.add(Mail("b", "town", "nobody@town.example", "B", "text"))
    queue.add(Mail("c", "town", "freigabe@town.example", "line\nBcc: all@town.example", "text"))
    await queue.send_due()
    assert [mail["Subject"] for mail in mailbox.mails] == ["A"]
    assert queue._list_due() == []
    with pytest.raises(MailAwayError):
        MailServer("127.0.0.1", 9, "smtp", "", Secret(""), "x@y").send("a@b", "s", "t", "1")
    with pytest.raises(MailRefusedError):
        server.send("nobody@town.example", "s", "t", "1")


async def test_without_a_server_or_a_mailbox_nothing_is_kept(make_notices: Any, server: MailServer) -> None:
    silent = make_notices(None)
    silent.store.create_submission(make_submission())
    silent.look()
    await silent.queue.send_due()
    assert silent.queue._list_due() == []
    make_notices(server).look()  # once there is one, what still waits is told
    assert len(silent.queue._list_due()) == 1
    silent.queue.delete_tenant("town")
    assert silent.queue._list_due() == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://mail.example", "smtp_url must be"),
        ("smtp://anna:secret@mail.example", "the password is in a file"),
        ("smtp://anna@mail.example", "in the clear"),
        ("smtps://anna@mail.example", "smtp_password_file cannot be read"),
        ("smtp://mail.example:99999", "smtp_url is no address"),
    ],
)
def test_settings_that_cannot_be_used_are_told(url: str, said: str) -> None:
    environ = {"URBANLAB_SMTP_URL": url, "URBANLAB_SMTP_FROM": "urbanlab@town.example"}
    with pytest.raises(ServiceSettingsError, match=said) as caught:
        make_mail_server(ServiceSettings.from_environ("publisher", environ=environ))
    assert "secret" not in str(caught.value)
