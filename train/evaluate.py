"""What a written bundle really does: through `serveflow eval`, as any user would see it."""

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import bundle
from .bundle import Bundle
from .tables import Binary, Source
from .truth import Problem


@dataclass(frozen=True)
class Figures:
    """What `serveflow eval --json` says of a source; see docs/eval.md. command: the one that says it."""

    source: Source
    command: str
    run: dict
    figures: dict

    @property
    def name(self) -> str:
        """The source, as people call it."""
        return f"{self.source.capture.parent.name}/{self.source.capture.name.split('.')[0]}"


def evaluate(binary: Binary, b: Bundle, out: Path, sources: list[Source]) -> list[Figures]:
    """The figures of a bundle that is to be written to out: what lies there stays until they are known."""
    with tempfile.TemporaryDirectory() as folder:
        bundle.write(Path(folder), b, "measured next\n", {})
        return [of(binary, Path(folder), source, out) for source in sources]


def of(binary: Binary, folder: Path, source: Source, called: Path | None = None) -> Figures:
    """The figures of the bundle in a folder on one source. called: the folder that the command names, if it is another."""
    options = ["--labels", str(source.labels)]
    options += ["--split", source.split] if source.split else []
    options += ["--question", source.question] if source.question else []
    done = subprocess.run([str(binary.path), "eval", "--bundle", str(folder), *options, "--json", str(binary.records(source))],
                          capture_output=True, text=True, env=binary.environment())
    if done.returncode:
        raise Problem(f"{source.capture}: serveflow eval: {(done.stderr.splitlines() or [f'exit code {done.returncode}'])[-1]}")
    said = json.loads(done.stdout)
    return Figures(source, f"bin/serveflow eval --bundle {called or folder} {' '.join(options)} {source.capture}", said["run"], said["figures"])
