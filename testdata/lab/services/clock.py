"""infra: NTP with chrony as server, ntpdig and chronyd as clients.

No clock is set: servers run with -x, clients only ask.
"""

from ..plan import Plan


def add(plan: Plan) -> None:
    servers = [server(plan, "ntp1", "near", 2), server(plan, "ntp2", "far", 3), server(plan, "ntp3", "lan", 4)]
    plan.visit("ntpdig", 16, lambda rng, c: ["ntpdig", "-t", "3", "-p", rng.choice([1, 1, 2, 4]),
                                             rng.choice(servers).ip4])
    plan.visit("chronyd", 6, lambda rng, c: [
        "chronyd", "-Q", "-t", "6", "-f", "/dev/null",
        f"server {rng.choice(servers).ip4} iburst maxsamples {rng.randint(1, 3)}", "cmdport 0",
        "pidfile /run/chronyd-Q.pid", rng.choice(["acquisitionport 123", ""])])


def server(plan: Plan, name: str, place: str, stratum: int):
    host, folder = plan.host(name, place), plan.folder(name)
    (folder / "chrony.conf").write_text(f"local stratum {stratum}\nallow all\ncmdport 0\n"
                                        f"bindcmdaddress {folder}/sock\npidfile {folder}/pid\n")
    plan.daemon(host, "chronyd", "-d", "-x", "-u", "root", "-f", folder / "chrony.conf")
    plan.serves("infra", host, "udp", 123)
    return host
