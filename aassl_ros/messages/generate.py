"""Generate C, C++ and Python sources from definitions of messages and actions, with the generators of the ROS 2 wheels.

The command `rosidl` is broken in the wheels, so the generators are called as CMake calls them: each with a JSON file
that names its inputs and outputs.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from aassl_ros.messages.package import MessagePackage

# Kilted needs only the type support of Fast RTPS; the middleware of Jazzy also needs the introspection type support.
TYPE_SUPPORTS = ("rosidl_typesupport_fastrtps_c", "rosidl_typesupport_introspection_c")


def generate(package: MessagePackage, prefix: Path, work: Path) -> None:
    """Write the sources of `package` to folders in `work`, each named after its generator.

    prefix: where the wheels are installed. The files that other packages need are written to work/share: .msg,
    .action, .idl and .json (type hash).
    """
    from rosidl_adapter.action import convert_action_to_idl
    from rosidl_adapter.msg import convert_msg_to_idl
    from rosidl_generator_c import generate_c
    from rosidl_generator_py import generate_py
    from rosidl_generator_type_description import generate_type_hash
    from rosidl_typesupport_c import generate_c as generate_dispatch_c
    from rosidl_typesupport_fastrtps_c import generate_typesupport_fastrtps_c
    from rosidl_typesupport_introspection_c import generate_c as generate_introspection_c

    share = work / "share"
    shutil.copytree(package.folder, share)
    generators: dict[str, Callable[[str], object]] = {
        "rosidl_generator_type_description": generate_type_hash,
        "rosidl_generator_c": generate_c,
        "rosidl_typesupport_fastrtps_c": generate_typesupport_fastrtps_c,
        "rosidl_typesupport_introspection_c": generate_introspection_c,
        "rosidl_typesupport_c": lambda arguments: generate_dispatch_c(arguments, list(TYPE_SUPPORTS)),
        "rosidl_generator_py": lambda arguments: generate_py(arguments, ["rosidl_typesupport_c", *TYPE_SUPPORTS]),
    }
    # The generators print the name of every file that they read.
    with contextlib.redirect_stdout(io.StringIO()):
        for interface in package.interfaces:
            convert = convert_msg_to_idl if interface.suffix == ".msg" else convert_action_to_idl
            convert(share, package.name, interface, share / interface.parent)
        for name, write in generators.items():
            output = work / name / package.name
            output.mkdir(parents=True)
            write(str(_write_arguments(package, prefix, work, name, output)))
            if name == "rosidl_generator_type_description":
                for description in output.glob("*/*.json"):
                    shutil.copy(description, share / description.parent.name)
    _write_visibility_headers(package, prefix, work)
    (work / "rosidl_generator_py" / package.name / "__init__.py").touch()


def _write_arguments(package: MessagePackage, prefix: Path, work: Path, generator: str, output: Path) -> Path:
    share = work / "share"
    names = [str(interface.with_suffix("")) for interface in package.interfaces]  # msg/NAME, action/NAME
    arguments = {
        "package_name": package.name,
        "output_dir": str(output),
        "template_dir": str(prefix / "share" / generator / "resource"),
        "idl_tuples": [f"{share}:{name}.idl" for name in names],
        "type_description_tuples": [f"{name}.idl:{share}/{name}.json" for name in names],
        "include_paths": [f"{name}:{prefix / 'share' / name}" for name in package.dependencies],
        "ros_interface_files": [str(share / interface) for interface in package.interfaces],
        "ros_interface_dependencies": [
            f"{name}:{path}"
            for name in package.dependencies
            for path in sorted((prefix / "share" / name).rglob("*.idl"))
        ],
        "target_dependencies": [],
    }
    path = work / f"{generator}.json"
    path.write_text(json.dumps(arguments), encoding="utf-8")
    return path


def _write_visibility_headers(package: MessagePackage, prefix: Path, work: Path) -> None:
    """Write the visibility headers, which CMake would make from templates."""
    for generator in ("rosidl_generator_c", *TYPE_SUPPORTS):
        template = prefix / "share" / generator / "resource" / f"{generator}__visibility_control.h.in"
        text = template.read_text(encoding="utf-8")
        text = text.replace("@PROJECT_NAME@", package.name).replace("@PROJECT_NAME_UPPER@", package.name.upper())
        (work / generator / package.name / "msg" / template.stem).write_text(text, encoding="utf-8")
