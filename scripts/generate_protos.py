"""Regenerates protos/gen from the .proto files, or checks that it is current and that buf has nothing to say.

    python scripts/generate_protos.py           writes protos/gen
    python scripts/generate_protos.py --check   writes nothing; says what is amiss with exit code 1

Works without a network: the protos of Google that ours import come from the installed
googleapis-common-protos and grpcio-tools packages, and buf lints the compiled image instead of fetching
modules from a registry.
"""

import argparse
import filecmp
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "protos"
GENERATED = SOURCES / "gen"
PACKAGE = "holdfast"

BUF_TIMEOUT_SECONDS = 60.0

SERVICE = re.compile(r"^service \w+", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description="Regenerates protos/gen.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on drift and on lint findings")
    check = parser.parse_args().check
    names = sorted(str(path.relative_to(SOURCES)) for path in (SOURCES / PACKAGE).rglob("*.proto"))
    if not names:
        return _fail([f"no .proto files below {SOURCES / PACKAGE}"])
    with tempfile.TemporaryDirectory(prefix="holdfast-protos-") as scratch:
        image = Path(scratch, "image.binpb")
        fresh = Path(scratch, "gen")
        fresh.mkdir()
        if not _compile(names, image, fresh):
            return _fail(["protoc refused the sources (see above)"])
        if check:
            return _fail([*_drift(fresh), *_lint(names, image)])
        _replace(fresh)
    sys.stdout.write(f"generated {len(names)} protos with grpcio-tools {version('grpcio-tools')}\n")
    return 0


def _compile(names: list[str], image: Path, out: Path) -> bool:
    """Compiles the image that buf reads and the modules; stubs only for files with a service."""
    everything = [f"--descriptor_set_out={image}", "--include_imports", "--include_source_info"]
    messages = [f"--python_out={out}", f"--pyi_out={out}"]
    with_services = [name for name in names if SERVICE.search((SOURCES / name).read_text())]
    return _protoc([*everything, *messages, *names]) and (
        not with_services or _protoc([f"--grpc_python_out={out}", *with_services])
    )


def _protoc(arguments: list[str]) -> bool:
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    # Its .proto files stand beside its modules; the include path is the folder above `google`.
    specification = importlib.util.find_spec("google.api.annotations_pb2")
    if specification is None or specification.origin is None:
        sys.exit("googleapis-common-protos is not installed: run make install")
    common = Path(specification.origin).parents[2]
    includes = [f"-I{folder}" for folder in (SOURCES, common, well_known)]
    return bool(protoc.main(["protoc", *includes, *arguments]) == 0)


def _replace(fresh: Path) -> None:
    """Puts the fresh tree in the place of the old one, so that what has no source any more goes too."""
    shutil.rmtree(GENERATED / PACKAGE, ignore_errors=True)
    shutil.copytree(fresh / PACKAGE, GENERATED / PACKAGE)


def _drift(fresh: Path) -> list[str]:
    old, new = _files(GENERATED / PACKAGE), _files(fresh / PACKAGE)
    problems = [f"protos/gen/{PACKAGE}/{name} is missing: run make protos" for name in sorted(new - old)]
    problems += [f"protos/gen/{PACKAGE}/{name} has no source: run make protos" for name in sorted(old - new)]
    for name in sorted(old & new):
        if not filecmp.cmp(GENERATED / PACKAGE / name, fresh / PACKAGE / name, shallow=False):
            problems.append(f"protos/gen/{PACKAGE}/{name} is not current: run make protos")
    return problems


def _files(top: Path) -> set[str]:
    found = (path for path in top.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(top)) for path in found}


def _lint(names: list[str], image: Path) -> list[str]:
    """What buf says of our own files; the image also holds those that we import."""
    buf = Path(sys.executable).with_name("buf")
    if not buf.exists():
        return [f"{buf} is missing: run make install"]
    only_ours = [part for name in names for part in ("--path", name)]
    done = subprocess.run(
        [buf, "lint", image, "--config", ROOT / "buf.yaml", *only_ours],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=BUF_TIMEOUT_SECONDS,
        check=False,
    )
    findings = [f"protos/{line}" for line in done.stdout.splitlines()] + done.stderr.splitlines()
    return findings if done.returncode else []


def _fail(problems: list[str]) -> int:
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
