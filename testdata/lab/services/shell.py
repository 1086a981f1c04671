"""remote_mail_db: OpenSSH sessions, scp, sftp, keyscans and refused logins."""

import subprocess

from ..plan import Plan

CONFIG = """
Port 22
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
PidFile {folder}/pid
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
Banner {banner}
MaxStartups 100
"""
CIPHERS = ["aes128-ctr", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"]
KEX = ["curve25519-sha256", "ecdh-sha2-nistp256", "diffie-hellman-group14-sha256", "sntrup761x25519-sha512@openssh.com"]


def add(plan: Plan) -> None:
    folder = plan.folder("ssh")
    for name, kind in (("client", "ed25519"), ("host", plan.rng.choice(["ed25519", "rsa"]))):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", folder / name], check=True)
    (folder / "banner").write_text("This host is part of a lab.\n" * 8)
    (folder / "payload").write_bytes(bytes(range(256)) * int(40 * plan.profile.size))
    servers = [server(plan, folder, "ssh1", "near"), server(plan, folder, "ssh2", "far"),
               server(plan, folder, "ssh3", "lan")]
    plan.visit("ssh", 14, lambda rng, c: session(rng, folder, rng.choice(servers)))


def server(plan: Plan, shared, name: str, place: str):
    host, folder = plan.host(name, place), plan.folder(name)
    banner = plan.rng.choice(["none", f"{shared}/banner"])
    (folder / "sshd_config").write_text(CONFIG.format(folder=shared, banner=banner))
    plan.daemon(host, "/usr/sbin/sshd", "-D", "-e", "-f", folder / "sshd_config")
    plan.serves("remote_mail_db", host, "tcp", 22)
    return host


def session(rng, folder, host) -> str:
    at = rng.choice([host.ip4, host.ip4, host.ip6])
    options = (f"-q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -o ConnectTimeout=5 "
               f"-o Ciphers={rng.choice(CIPHERS)} -o KexAlgorithms={rng.choice(KEX)}")
    key = f"-o IdentitiesOnly=yes -i {folder}/client"
    target = f"root@[{at}]" if ":" in at else f"root@{at}"
    typing = "; ".join(f"sleep {rng.uniform(0.1, 0.7):.2f}; echo {'l' * rng.randint(1, 60)}" for _ in range(rng.randint(2, 6)))
    return rng.choice([
        f"ssh {options} {key} root@{at} 'uname -a; id; ls /usr/bin | head -{rng.randint(5, 400)}'",
        f"ssh {options} {key} root@{at} 'uptime'",
        f"({typing}) | ssh {options} {key} root@{at} cat",
        f"scp -q {options} {key} {folder}/payload {target}:/dev/null",
        f"sftp {options} {key} -b - {target} </dev/null",
        f"ssh-keyscan -T 4 {at}",
        f"ssh {options} -o PubkeyAuthentication=no root@{at} true || true",
    ])
