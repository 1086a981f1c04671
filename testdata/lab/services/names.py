"""dns: dig and the programs' own look-ups, answered by dnsmasq, which forwards to unbound.

Comes last: its servers know the names of all hosts in the plan.
"""

from ..plan import Plan

TYPES = ["A", "A", "A", "AAAA", "AAAA", "TXT", "MX", "SRV", "HTTPS", "NS", "SOA", "CAA"]
OPTIONS = [[], [], [], ["+noedns"], ["+bufsize=512"], ["+bufsize=4096"], ["+dnssec"], ["+nocookie"], ["+tcp"]]

UNBOUND = """
server:
  directory: "{folder}"
  username: ""
  chroot: ""
  pidfile: "{folder}/pid"
  use-syslog: no
  interface: 0.0.0.0
  interface: ::0
  interface: 0.0.0.0@853
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  tls-service-key: "{key}"
  tls-service-pem: "{cert}"
  minimal-responses: {minimal}
  local-zone: "example." static
{data}
remote-control:
  control-enable: no
"""


def add(plan: Plan) -> None:
    outer = unbound(plan)
    inner = dnsmasq(plan, outer)
    plan.visit("dig", 40, lambda rng, c: dig(rng, plan, rng.choice([inner, inner, outer])))
    plan.visit("dig reverse", 5, lambda rng, c: dig(rng, plan, inner) + ["-x", rng.choice(plan.hosts).ip4])
    plan.visit("dig twice", 4, lambda rng, c: dig(rng, plan, inner) + question(rng, plan))


def dnsmasq(plan: Plan, outer):
    host, folder = plan.host("dns1", "lan"), plan.folder("dns1")
    local = [h for h in plan.hosts if h.spoke["lan"]]
    lines = [f"{a} {h.name}.lab.test\n" for h in local for a in (h.ip4, h.ip6)]
    (folder / "hosts").write_text("".join(lines))
    plan.daemon(host, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--no-resolv",
                "--user=root", f"--addn-hosts={folder}/hosts", "--domain=lab.test", "--local=/lab.test/",
                f"--server={outer.ip4}", f"--cache-size={plan.rng.choice([0, 150, 1000])}", "--pid-file",
                "--local-ttl=30", "--rev-server=10.0.0.0/8")
    plan.serves("dns", host, "udp", 53)
    plan.serves("dns", host, "tcp", 53)
    return host


def unbound(plan: Plan):
    host, folder = plan.host("resolver", "near"), plan.folder("resolver")
    from .. import certs
    cert, key = certs.make(folder, "resolver.example")
    data = [f'  local-data: "{h.name}.example. {300 + i} IN {t} {a}"' for i, h in enumerate(plan.hosts)
            for t, a in (("A", h.ip4), ("AAAA", h.ip6)) if not h.spoke["lan"]]
    for i in range(40):  # names with answers of different lengths
        data += [f'  local-data: "s{i}.cdn.example. 60 IN A 203.0.113.{j}"' for j in range(1, i % 9 + 2)]
        data.append(f"  local-data: 's{i}.cdn.example. 60 IN TXT \"{'v=spf1 ' + 'x' * (7 * i % 200)}\"'")
    data += [f'  local-data: "example. 900 IN MX {10 * i} mx{i}.example."' for i in range(1, 5)]
    (folder / "unbound.conf").write_text(UNBOUND.format(
        folder=folder, cert=cert, key=key, data="\n".join(data), minimal=plan.rng.choice(["yes", "no"])))
    plan.daemon(host, "unbound", "-d", "-c", folder / "unbound.conf")
    plan.serves("dns", host, "udp", 53)
    plan.serves("dns", host, "tcp", 53)
    plan.serves("tls_other", host, "tcp", 853)
    return host


def question(rng, plan: Plan) -> list:
    name = rng.choice([f"s{rng.randrange(40)}.cdn.example", rng.choice(plan.hosts).name + ".example",
                       rng.choice(plan.hosts).name + ".lab.test", "example",
                       "%x.none.example" % rng.getrandbits(rng.choice([16, 64, 120]))])
    return [name, rng.choice(TYPES)]


def dig(rng, plan: Plan, server) -> list:
    at = rng.choice([server.ip4, server.ip4, server.ip4, server.ip6]) if server.name == "resolver" else server.ip4
    return ["dig", f"@{at}", "+tries=2", "+time=2", *rng.choice(OPTIONS), *question(rng, plan)]
