"""Compile generated sources to the shared libraries and extension modules that rclpy loads."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aassl_ros.errors import RosError
from aassl_ros.messages.generate import TYPE_SUPPORTS
from aassl_ros.messages.package import MessagePackage

_JOBS = 2


@dataclass(frozen=True)
class _Library:
    """One shared library: its file, its sources, and the package's own libraries that it is linked with."""

    path: Path
    sources: tuple[Path, ...]
    links: tuple[str, ...]


def check_compiler() -> None:
    """Raise RosError if g++ or Python's headers are missing. The error names the Debian package to install."""
    if shutil.which("g++") is None:
        raise RosError("no C++ compiler (g++) to compile messages with. Install it: apt install g++")
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.exists():
        package = f"python3.{sys.version_info.minor}-dev"
        raise RosError(f"no {header} to compile messages with. Install it: apt install {package}")


def compile_package(package: MessagePackage, prefix: Path, work: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Compile what `generate` wrote to `work`. Returns the libraries and the Python extension modules.

    Raises RosError with the compiler's first error.
    """
    libraries = [
        _library(package, work, "rosidl_generator_c", "*/detail/*.c", ()),
        _library(package, work, "rosidl_typesupport_fastrtps_c", "*/detail/*.cpp", ("rosidl_generator_c",)),
        _library(package, work, "rosidl_typesupport_introspection_c", "*/detail/*.c", ("rosidl_generator_c",)),
        _library(package, work, "rosidl_typesupport_c", "*/*.cpp", ("rosidl_generator_c",)),
        _library(package, work, "rosidl_generator_py", "*/*_s.c", ("rosidl_generator_c", "rosidl_typesupport_c")),
    ]
    modules = [_module(package, work, support) for support in ("rosidl_typesupport_c", *TYPE_SUPPORTS)]
    # Each library is linked with libraries of the rows before it.
    for row in (libraries[:1], libraries[1:4], libraries[4:], modules):
        with ThreadPoolExecutor(_JOBS) as pool:
            for result in [pool.submit(_compile, package, library, prefix, work) for library in row]:
                result.result()
    return tuple(library.path for library in libraries), tuple(library.path for library in modules)


def _library(package: MessagePackage, work: Path, generator: str, pattern: str, links: tuple[str, ...]) -> _Library:
    sources = tuple(sorted((work / generator / package.name).glob(pattern)))
    return _Library(work / "lib" / f"lib{package.name}__{generator}.so", sources, links)


def _module(package: MessagePackage, work: Path, support: str) -> _Library:
    folder = work / "rosidl_generator_py" / package.name
    sources = (folder / f"_{package.name}_s.ep.{support}.c",)
    links = tuple(dict.fromkeys(["rosidl_generator_c", "rosidl_generator_py", "rosidl_typesupport_c", support]))
    return _Library(folder / f"{package.name}_s__{support}.so", sources, links)


def _compile(package: MessagePackage, library: _Library, prefix: Path, work: Path) -> None:
    # Imported here: the compiler is checked before anything is installed.
    import numpy

    library.path.parent.mkdir(exist_ok=True)
    includes = [
        prefix / "include",
        *sorted((prefix / "include").iterdir()),
        *sorted(folder for folder in work.glob("rosidl_*") if folder.is_dir()),
        Path(sysconfig.get_path("include")),
        Path(numpy.get_include()),
    ]
    links = [f"-l{package.name}__{name}" for name in library.links]
    command = ["g++" if library.sources[0].suffix == ".cpp" else "gcc", "-shared", "-fPIC", "-O1", "-w"]
    command += [f"-I{folder}" for folder in includes]
    command += [*map(str, library.sources), "-o", str(library.path), f"-L{work / 'lib'}", f"-L{prefix / 'lib'}", *links]
    command += [f"-l{path.name[3:-3]}" for path in _foreign_libraries(package, library, prefix)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        words = next((line for line in result.stderr.splitlines() if "error:" in line), result.stderr.strip())
        raise RosError(f"{package.name}: cannot compile {library.path.name}: {words}")


def _foreign_libraries(package: MessagePackage, library: _Library, prefix: Path) -> list[Path]:
    """Return the wheels' libraries to link with: those of the runtime, and those of each dependency."""
    runtime = ["rosidl_runtime_c", "rcutils", "rosidl_typesupport_c", *TYPE_SUPPORTS, "fastcdr"]
    layers = ["rosidl_generator_c", "rosidl_generator_py", "rosidl_typesupport_c", *TYPE_SUPPORTS]
    names = runtime + [f"{name}__{layer}" for name in package.dependencies for layer in layers]
    paths = [prefix / "lib" / f"lib{name}.so" for name in names]
    return [path for path in paths if path.exists()]
