"""remote_mail_db: FTP with vsftpd, curl and lftp; data connections passive and active."""

from ..plan import Plan

CONFIG = """
listen=YES
background=NO
anonymous_enable=YES
no_anon_password=NO
anon_root={folder}/pub
ftp_username=daemon
pasv_min_port=50000
pasv_max_port=50999
seccomp_sandbox=NO
secure_chroot_dir=/run/sshd
xferlog_enable=NO
connect_from_port_20=YES
"""


def add(plan: Plan) -> None:
    host, folder = plan.host("ftp1", "near"), plan.folder("ftp1")
    (folder / "pub").mkdir()
    (folder / "pub").chmod(0o555)
    for i, size in enumerate((90, 1800, 12000)):
        (folder / "pub" / f"f{i}").write_bytes(b"f" * int(size * plan.profile.size))
    (folder / "vsftpd.conf").write_text(CONFIG.format(folder=folder))
    plan.daemon(host, "vsftpd", folder / "vsftpd.conf")
    # Control, passive data, and the port that active data connections come from.
    plan.serves("remote_mail_db", host, "tcp", 21, range(50000, 51000), range(20, 21))
    at = f"ftp://{host.ip4}/"
    curl = ["curl", "-s", "--max-time", "8", "-o", "/dev/null"]
    plan.visit("ftp", 6, lambda rng, c: curl + rng.choice([[], [], ["-P", "-"]]) + [
        at + rng.choice(["", "f0", "f1", "f2"]), *rng.choice([[], ["-o", "/dev/null", at + "f1"]])])
    plan.visit("lftp", 3, lambda rng, c: ["lftp", "-c", f"set net:timeout 4; open {at}; cls; sleep {rng.random():.1f}; "
                                          f"cat f{rng.randrange(3)}; pwd; cls -l"])
