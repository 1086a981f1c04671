"""remote_mail_db: SMTP (aiosmtpd), IMAP and POP3 (dovecot), asked by curl."""

import shutil
import sys
from pathlib import Path

from .. import certs
from ..plan import Plan

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"

DOVECOT = """
base_dir = /run/dovecot
log_path = /dev/stderr
protocols = imap pop3
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
disable_plaintext_auth = no
mail_location = mbox:{folder}/mail:INBOX={folder}/inbox
mail_uid = nobody
mail_gid = nogroup
mbox_write_locks = fcntl
passdb {{
  driver = static
  args = password=hello
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}
}}
"""
MESSAGE = "From a@lab.test Thu Jan  1 00:00:00 2026\nFrom: a@lab.test\nTo: b@lab.test\nSubject: {n}\n\n{text}\n\n"


def add(plan: Plan) -> None:
    dovecot(plan)
    smtp(plan)


def dovecot(plan: Plan) -> None:
    host, folder = plan.host("imap1", "near"), plan.folder("imap1")
    cert, key = certs.make(folder, "imap1.example", "rsa")
    (folder / "mail").mkdir()
    (folder / "inbox").write_text("".join(
        MESSAGE.format(n=i, text="line of text\n" * int(20 * i * plan.profile.size)) for i in range(1, 7)))
    for path in (folder, folder / "mail", folder / "inbox"):
        shutil.chown(path, "nobody")
    (folder / "dovecot.conf").write_text(DOVECOT.format(folder=folder, cert=cert, key=key))
    plan.daemon(host, "dovecot", "-F", "-c", folder / "dovecot.conf")
    plan.serves("remote_mail_db", host, "tcp", 110, 143, 993, 995)
    login, quiet = ["-u", "bob:hello"], ["curl", "-sk", "--max-time", "8", "-o", "/dev/null"]
    plan.visit("imap", 7, lambda rng, c: quiet + login + rng.choice([[], ["--ssl-reqd"]]) + [
        f"imap://{host.ip4}/INBOX" + rng.choice(["", ";MAILINDEX=1", ";MAILINDEX=5", "?ALL"])])
    plan.visit("pop3", 5, lambda rng, c: quiet + login + rng.choice([[], ["--ssl-reqd"]]) + [
        f"pop3://{host.ip4}/{rng.choice(['', '1', '6'])}"])
    plan.visit("imaps pop3s", 5, lambda rng, c: quiet + login + [
        rng.choice([f"imaps://{host.ip4}/INBOX;MAILINDEX=3", f"pop3s://{host.ip4}/2"])])


def smtp(plan: Plan) -> None:
    servers = []
    for name, place in (("mx1", "far"), ("mx2", "lan")):
        host, folder = plan.host(name, place), plan.folder(name)
        cert, key = certs.make(folder, f"{name}.example")
        plan.daemon(host, sys.executable, PROGRAMS / "smtpd.py", cert, key)
        plan.serves("remote_mail_db", host, "tcp", 25, 587)
        servers.append(host)
    text = plan.folder("mx1") / "text"
    text.write_text("Subject: hello\r\n\r\n" + "a line of text in a message\r\n" * int(300 * plan.profile.size))
    short = plan.folder("mx1") / "short"
    short.write_text("Subject: hi\r\n\r\nhello\r\n")
    plan.visit("smtp", 10, lambda rng, c: [
        "curl", "-sk", "--max-time", "8", "--mail-from", "a@lab.test", "--mail-rcpt", "b@lab.test",
        "-T", rng.choice([text, short, short]), f"smtp://{rng.choice(servers).ip4}:{rng.choice([25, 587])}",
        *rng.choice([[], [], ["--ssl-reqd"]])])
