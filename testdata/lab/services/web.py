"""http and tls_other: curl and nginx."""

from .. import certs
from ..plan import Host, Plan

AGENTS = ["curl/7.88.1", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
          "Chrome/126.0.0.0 Safari/537.36", "Wget/1.21.3", "python-requests/2.31.0", "okhttp/4.12.0"]
SIZES = [0, 43, 200, 512, 900, 1400, 2900, 5200, 9800, 17000, 30000, 62000]  # bytes, before Profile.size

CONFIG = """
daemon off; user root; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 256; }}
http {{
  access_log off; root {folder}/www; keepalive_timeout {keepalive}; default_type text/html;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/t1; fastcgi_temp_path {folder}/t2;
  uwsgi_temp_path {folder}/t3; scgi_temp_path {folder}/t4;
  ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols {protocols};
  tcp_nodelay {nodelay}; sendfile {sendfile}; server_tokens {tokens};
  server {{
    {listen}
    location /api/ {{ add_header X-Request-Id $request_id; return 200 '{{"ok":true,"id":"$request_id"}}'; }}
    location /moved/ {{ return 302 /f9; }}
    location /upload {{ client_max_body_size 1m; return 204; }}
    location /slow/ {{ limit_rate {slow}; alias {folder}/www/; }}
  }}
}}
"""

HIGH_PORTS = [8080, 8000, 8888, 5000]  # a run picks one of them

# name, place, plain ports, TLS ports, key kind, TLS versions
SERVERS = [("www1", "near", [80], [443], "ec", "TLSv1.2 TLSv1.3"),
           ("www2", "far", [80, 8080], [443], "rsa", "TLSv1.2"),
           ("www3", "lan", [80, 8000], [8443], "rsa4096", "TLSv1.3"),
           ("www4", "remote", [80], [443], "ec", "TLSv1.3")]


def add(plan: Plan) -> None:
    servers = [server(plan, *s) for s in SERVERS]
    plan.visit("http one", 44, lambda rng, c: fetch(rng, servers, "http", 1))
    plan.visit("http many", 10, lambda rng, c: fetch(rng, servers, "http", rng.randint(2, 5)))
    plan.visit("http other", 14, lambda rng, c: special(rng, servers, "http"))
    plan.visit("https one", 34, lambda rng, c: fetch(rng, servers, "https", 1))
    plan.visit("https many", 10, lambda rng, c: fetch(rng, servers, "https", rng.randint(2, 5)))
    plan.visit("https other", 8, lambda rng, c: special(rng, servers, "https"))


def server(plan: Plan, name: str, place: str, plain: list, tls: list, key: str, protocols: str) -> tuple:
    """One nginx; returns its host, plain ports and TLS ports."""
    host, folder = plan.host(name, place), plan.folder(name)
    pick = plan.rng.choice
    plain = [pick(HIGH_PORTS) if p in HIGH_PORTS else p for p in plain]
    (folder / "www").mkdir(exist_ok=True)
    for i, size in enumerate(SIZES):
        (folder / "www" / f"f{i}").write_bytes(b"x" * int(size * plan.profile.size))
    cert, private = certs.make(folder, f"{name}.example", key)
    listen = "".join(f"listen {p}; listen [::]:{p}; " for p in plain)
    listen += "".join(f"listen {p} ssl http2; listen [::]:{p} ssl http2; " for p in tls)
    (folder / "nginx.conf").write_text(CONFIG.format(
        folder=folder, cert=cert, key=private, listen=listen, protocols=protocols,
        keepalive=pick([0, 5, 15, 65]), nodelay=pick(["on", "off"]), sendfile=pick(["on", "off"]),
        tokens=pick(["on", "off"]), slow=pick(["4k", "10k"])))
    plan.daemon(host, "nginx", "-c", folder / "nginx.conf")
    plan.serves("http", host, "tcp", *plain)
    plan.serves("tls_other", host, "tcp", *tls)
    return host, plain, tls


def curl(rng) -> list:
    """curl with what differs between clients."""
    line = ["curl", "-sk", "--max-time", "10", "-A", rng.choice(AGENTS)]
    line += rng.choice([[], [], ["--http1.1"], ["--http1.0"], ["--compressed"], ["--no-alpn"]])
    line += rng.choice([[], [], [], ["-H", "Cookie: s=" + "a1" * rng.randint(20, 400)],
                        ["-H", "Accept: */*", "-H", "Referer: http://www.example/" + "p" * rng.randint(1, 90)]])
    return line


def base(rng, servers: list, scheme: str) -> str:
    """The beginning of a URL, by address or by name."""
    host, plain, tls = rng.choice(servers)
    port = rng.choice(plain if scheme == "http" else tls)
    domain = "lab.test" if host.place == "lan" else "example"
    at = rng.choice([host.ip4, host.ip4, host.ip4, f"[{host.ip6}]", f"{host.name}.{domain}"])
    return f"{scheme}://{at}:{port}"


def fetch(rng, servers: list, scheme: str, count: int) -> list:
    """Fetches files over one connection where the server keeps it open."""
    url, line = base(rng, servers, scheme), curl(rng)
    for _ in range(count):
        last = len(SIZES) - (3 if count > 1 else 1)
        path = rng.choice(["/f%d" % rng.randrange(last), "/f%d" % rng.randrange(4, last), "/api/v1/items?id=7", "/none"])
        line += ["-o", "/dev/null", url + path]
    return line


def special(rng, servers: list, scheme: str) -> list:
    """Uploads, ranges, redirects, pauses, early ends."""
    url, line = base(rng, servers, scheme), curl(rng)
    return line + ["-o", "/dev/null"] + rng.choice([
        ["-d", "k=" + "v" * rng.randint(10, 3000), url + "/upload"],
        ["-T", "/etc/services", url + "/upload"],
        ["-r", "100-%d" % rng.randint(200, 9000), url + "/f9"],
        ["-I", url + "/f5"],
        ["-L", url + "/moved/x"],
        ["--max-time", "2", url + "/slow/f9"],
        [url + "/f3", "--next", "-sk", "-o", "/dev/null", url + "/api/late", "--rate", "40/m"],
        ["--limit-rate", "20k", url + "/f9"],
    ])
