"""remote_mail_db: redis, PostgreSQL, MariaDB and VNC."""

import subprocess
import sys
from pathlib import Path

from ..plan import Plan

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"
POSTGRES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


def add(plan: Plan) -> None:
    redis(plan)
    postgres(plan)
    mariadb(plan)
    vnc(plan)


def redis(plan: Plan) -> None:
    host = plan.host("redis1", "lan")
    plan.daemon(host, "redis-server", "--bind", "* -::*", "--protected-mode", "no", "--save", "", "--dir", "/tmp")
    plan.serves("remote_mail_db", host, "tcp", 6379)
    plan.visit("redis", 7, lambda rng, c: ["redis-cli", "-h", host.ip4, *rng.choice([
        ["-r", rng.randint(1, 6), "-i", "0.2", "INCR", "n"], ["SET", "k", "v" * rng.randint(1, 4000)],
        ["GET", "k"], ["INFO"], ["PING"]])])


def postgres(plan: Plan) -> None:
    host, folder = plan.host("pg1", "near"), plan.folder("pg1")
    folder.chmod(0o700)
    subprocess.run(["chown", "postgres:postgres", folder], check=True)
    subprocess.run(["runuser", "-u", "postgres", "--", POSTGRES / "initdb", "-A", "trust", "-N", folder / "data"],
                   check=True, stdout=subprocess.DEVNULL, cwd="/")
    with open(folder / "data" / "pg_hba.conf", "a") as f:
        f.write("host all all all trust\n")
    plan.daemon(host, POSTGRES / "postgres", "-D", folder / "data", "-h", "*", "-k", "/tmp", "-c", "fsync=off",
                user="postgres")
    plan.serves("remote_mail_db", host, "tcp", 5432)
    queries = ["select version()", "select * from pg_class limit 40", "select pg_sleep(0.4)", "select 1",
               "select repeat('x', 6000)", "create table if not exists t(a int); insert into t values (1); select * from t"]
    plan.visit("psql", 8, lambda rng, c: ["psql", "-q", "-h", host.ip4, "-U", "postgres", "-o", "/dev/null",
                                          *(x for q in rng.sample(queries, rng.randint(1, 4)) for x in ("-c", q))])


def mariadb(plan: Plan) -> None:
    host, folder = plan.host("maria1", "far"), plan.folder("maria1")
    subprocess.run(["mariadb-install-db", "--user=root", f"--datadir={folder}/data", "--skip-test-db",
                    "--auth-root-authentication-method=normal"], check=True, stdout=subprocess.DEVNULL)
    (folder / "init.sql").write_text("CREATE USER 'bob'@'%' IDENTIFIED BY 'hello';\nGRANT ALL ON *.* TO 'bob'@'%';\n")
    plan.daemon(host, "mariadbd", "--no-defaults", "--user=root", f"--datadir={folder}/data", "--socket=/run/maria.sock",
                "--bind-address=*", f"--init-file={folder}/init.sql", "--skip-name-resolve", "--innodb-use-native-aio=0")
    plan.serves("remote_mail_db", host, "tcp", 3306)
    queries = ["select version()", "show variables", "select sleep(0.3)", "select 1", "show databases",
               "select repeat('x', 5000)"]
    plan.visit("mysql", 7, lambda rng, c: ["mariadb", "--no-defaults", "-h", host.ip4, "-u", "bob",
                                           rng.choice(["-phello", "-phello", "-pwrong"]), "-e",
                                           "; ".join(rng.sample(queries, rng.randint(1, 3)))])


def vnc(plan: Plan) -> None:
    host = plan.host("vnc1", "near")
    plan.daemon(host, "Xtigervnc", ":1", "-SecurityTypes", "None", "-geometry", "160x120", "-rfbport", "5901",
                "-AlwaysShared")
    plan.serves("remote_mail_db", host, "tcp", 5901)
    plan.visit("vnc", 4, lambda rng, c: [sys.executable, PROGRAMS / "vnc.py", host.ip4, 5901, rng.randint(1, 5)])
