"""windows: SMB and NetBIOS sessions (samba), Kerberos, LDAP. NetBIOS names (137) are discovery."""

import subprocess

from ..plan import Plan

SAMBA = """
[global]
workgroup = LAB
netbios name = {name}
map to guest = Bad User
guest account = nobody
server min protocol = {protocol}
private dir = {folder}/private
state directory = {folder}/state
cache directory = {folder}/cache
lock directory = {folder}/lock
pid directory = /run
ncalrpc dir = /run/ncalrpc
log level = 0
load printers = no
disable spoolss = yes
passdb backend = tdbsam:{folder}/private/passdb.tdb
[files]
path = {folder}/share
guest ok = yes
read only = no
force user = root
"""
KRB5 = """
[libdefaults]
default_realm = LAB.TEST
dns_lookup_kdc = false
dns_lookup_realm = false
rdns = false
udp_preference_limit = {limit}
[realms]
LAB.TEST = {{
  kdc = {kdc}
}}
"""
KDC = """
[realms]
LAB.TEST = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
  acl_file = {folder}/acl
  kdc_listen = 88
  kdc_tcp_listen = 88
}}
"""
SLAPD = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile /run/slapd.pid
database mdb
suffix "dc=lab,dc=test"
directory {folder}/db
"""


def add(plan: Plan) -> None:
    samba(plan)
    kerberos(plan)
    ldap(plan)


def samba(plan: Plan) -> None:
    servers = []
    for name, place, protocol in (("fs1", "lan", "NT1"), ("fs2", "near", "SMB2")):
        host, folder = plan.host(name, place), plan.folder(name)
        for part in ("private", "state", "cache", "lock", "share"):
            (folder / part).mkdir()
        for i, size in enumerate((200, 4000, 20000)):
            (folder / "share" / f"f{i}").write_bytes(b"s" * int(size * plan.profile.size))
        config = folder / "smb.conf"
        config.write_text(SAMBA.format(folder=folder, name=name.upper(), protocol=protocol))
        plan.daemon(host, "smbd", "-F", "--no-process-group", "-s", config)
        plan.daemon(host, "nmbd", "-F", "--no-process-group", "-s", config)
        plan.serves("windows", host, "tcp", 445, 139)
        plan.serves("windows", host, "udp", 138)
        servers.append(host)
    broadcast = f"10.{plan.profile.net}.1.255"
    plan.serves("windows", broadcast, "udp", 138)
    plan.serves("discovery", "", "udp", 137)
    smb = ["smbclient", "-N", "-t", "6"]
    modern = [[], ["-m", "SMB2"]]
    versions = {"fs1": [*modern, ["--option=client min protocol=NT1", "-m", "NT1"]], "fs2": modern}
    actions = ["ls", "get f0 /tmp/g0", "get f2 /tmp/g2; ls", "put /etc/services s{0}; del s{0}",
               "mkdir d{0}; rmdir d{0}; ls", "allinfo f1"]
    plan.visit("smb", 14, lambda rng, c: smb + [
        f"//{(h := rng.choice(servers)).ip4}/files", *rng.choice(versions[h.name]),
        "-p", rng.choice([445, 445, 139]), "-c", rng.choice(actions).format(rng.randrange(10**6))])
    plan.visit("smb list", 6, lambda rng, c: smb + ["-g", "-L", rng.choice(servers).ip4])
    plan.visit("rpc", 4, lambda rng, c: ["rpcclient", "-U%", "-N", servers[0].ip4, "-c",
                                         rng.choice(["srvinfo", "enumdomusers", "netshareenum"])])
    plan.visit("netbios name", 8, lambda rng, c: ["sh", "-c", rng.choice([
        f"nmblookup -B {broadcast} FS1 || true", f"nmblookup -B {broadcast} NONE{rng.randrange(9)} || true",
        f"nmblookup -A {servers[0].ip4}", f"nbtscan -t 500 {servers[0].ip4}/30"])])


def kerberos(plan: Plan) -> None:
    """kinit with the right and the wrong password, by UDP or TCP; udp_preference_limit 1 means TCP."""
    host, folder = plan.host("kdc1", "lan"), plan.folder("kdc1")
    (folder / "kdc.conf").write_text(KDC.format(folder=folder))
    for limit in (1, 1400):
        (folder / f"krb5-{limit}.conf").write_text(KRB5.format(limit=limit, kdc=host.ip4))
    env = [f"KRB5_CONFIG={folder}/krb5-1400.conf", f"KRB5_KDC_PROFILE={folder}/kdc.conf"]
    subprocess.run(["env", *env, "kdb5_util", "create", "-s", "-P", "master"], check=True, stdout=subprocess.DEVNULL)
    for query in ("addprinc -pw hello bob", "addprinc -randkey host/fs1.lab.test"):
        subprocess.run(["env", *env, "kadmin.local", "-q", query], check=True, stdout=subprocess.DEVNULL)
    plan.daemon(host, "env", *env, "krb5kdc", "-n", "-P", "/run/krb5kdc.pid")
    plan.serves("windows", host, "udp", 88)
    plan.serves("windows", host, "tcp", 88)

    def login(rng, client) -> str:
        cache = f"/tmp/cc{rng.randrange(10**6)}"
        ticket = rng.choice(["", f"; kvno -q -c {cache} host/fs1.lab.test"])
        return (f"export KRB5_CONFIG={folder}/krb5-{rng.choice([1, 1400])}.conf; "
                f"echo {rng.choice(['hello', 'hello', 'wrong'])} | kinit -c {cache} bob{ticket} || true")
    plan.visit("kerberos", 12, login)


def ldap(plan: Plan) -> None:
    host, folder = plan.host("ldap1", "near"), plan.folder("ldap1")
    (folder / "db").mkdir()
    (folder / "slapd.conf").write_text(SLAPD.format(folder=folder))
    entries = ["dn: dc=lab,dc=test\nobjectClass: dcObject\nobjectClass: organization\ndc: lab\no: lab\n"]
    entries += [f"dn: cn=user{i},dc=lab,dc=test\nobjectClass: inetOrgPerson\ncn: user{i}\nsn: n{i}\nmail: u{i}@lab.test\n"
                f"description: {'d' * (11 * i)}\n" for i in range(1, 40)]
    subprocess.run(["slapadd", "-f", folder / "slapd.conf"], input="\n".join(entries), text=True, check=True)
    plan.daemon(host, "slapd", "-d", "0", "-f", folder / "slapd.conf", "-h", "ldap:///")
    plan.serves("windows", host, "tcp", 389)
    filters = ["(cn=user7)", "(objectClass=*)", "(mail=u1*)", "(cn=none)"]
    plan.visit("ldap", 9, lambda rng, c: "; ".join(
        ["true"] + [f"ldapsearch -x -LLL -H ldap://{host.ip4} -b dc=lab,dc=test '{rng.choice(filters)}' >/tmp/l"]
        * rng.choice([1, 1, 2])))
