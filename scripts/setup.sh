#!/bin/sh
# Makes .venv with everything that the project needs: `make setup`. If nothing has changed, a second call does nothing.
#
# PYTHON         the Python to use (3.10 to 3.14); default: the best one found
# TORCH_VERSION  the version of torch, default 2.13.0
# TORCH_INDEX    another package index for torch; https://download.pytorch.org/whl/cpu has builds without CUDA, which are
#                several gigabytes smaller
#
# If a ROS installation is sourced, its rclpy and messages are used, and the ROS wheels are not installed.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "setup: $*" >&2
    exit 1
}

supported='import sys; print(sys.executable); sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))'

# Python 3.11 first: it is the newest one with PyBullet wheels. Newer ones compile PyBullet, which takes minutes.
choose_python() {
    for candidate in ${PYTHON:-$1}; do
        # A name can be on the PATH and still not start a Python (pyenv's shims).
        path=$("$candidate" -c "$supported" 2>/dev/null) && echo "$path" && return
    done
    fail "none of these starts a Python from 3.10 to 3.14: ${PYTHON:-$1}. Install one (apt install python3.11 python3.11-venv python3.11-dev) or name it: make setup PYTHON=/path/to/python3"
}

is_ros_sourced() {
    [ -n "${AMENT_PREFIX_PATH:-}" ] && [ -n "${ROS_DISTRO:-}" ] && env -u VIRTUAL_ENV "$1" -c 'import rclpy' 2>/dev/null
}

python=$(choose_python "python3")
if is_ros_sourced "$python"; then
    ros=$ROS_DISTRO
else
    ros=wheels
    python=$(choose_python "python3.11 python3.10 python3.12 python3.13 python3.14 python3")
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
machine=$("$python" -c 'import platform; print(platform.machine())')
if [ "$ros" = wheels ] && [ "$machine" != x86_64 ]; then
    fail "this machine is $machine, and ROS 2 wheels are made for x86_64 only. Install ROS 2 (https://docs.ros.org), source it and run make setup again."
fi

TORCH_VERSION=${TORCH_VERSION:-2.13.0}
inputs=$(
    {
        cat setup.py constraints.txt scripts/setup.sh
        find aassl_ros/messages -type f ! -name '*.pyc' | LC_ALL=C sort | xargs cat
        echo "$python $version $ros $TORCH_VERSION ${TORCH_INDEX:-}"
        pwd
    } | sha256sum | cut -d ' ' -f 1
)
stamp=.venv/setup-stamp
if [ -x .venv/bin/aassl ] && [ "$(cat $stamp 2>/dev/null)" = "$inputs" ]; then
    exit 0
fi

if [ "$ros" = wheels ]; then
    echo "setup: $python ($version), ROS 2 from wheels"
    site=
    extras=ros,sim,page,pretrained,export,datasets,lerobot,tensorboard,ray,dev
    constraints=constraints.txt
else
    echo "setup: $python ($version), ROS 2 $ros as sourced"
    site=--system-site-packages
    extras=sim,page,pretrained,export,datasets,lerobot,tensorboard,ray,dev
    # The tested set does not fit the system's packages; only these limits are needed. Up to Python 3.12 (Humble, Jazzy,
    # Kilted) rclpy is built against numpy 1, and the system's pytest plugins need an older pytest. On Lyrical (Ubuntu 26.04,
    # Python 3.14) rclpy is built against numpy 2, and the system has pytest 9.
    mkdir -p .venv
    constraints=.venv/constraints-ros.txt
    if [ "${version#3.}" -le 12 ]; then
        printf 'numpy<2\npytest<8.4\n' > $constraints
    else
        echo 'numpy>=2' > $constraints
    fi
fi

if [ "$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" != "$version" ]; then
    rm -rf .venv/bin .venv/lib .venv/lib64 .venv/include .venv/pyvenv.cfg
    "$python" -m venv $site .venv ||
        fail "$python cannot make an environment. Install what is missing: apt install python$version-venv"
fi
# colcon must not look for packages in it.
touch .venv/COLCON_IGNORE
# If another environment's ROS wheels have set this variable, the wheels of this one would not set theirs.
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE
pip=".venv/bin/python -m pip --disable-pip-version-check"

if [ "$ros" = wheels ] || [ "${version#3.}" -gt 11 ]; then
    .venv/bin/python -m aassl_ros.messages --check-compiler
fi
# Install torch first and alone: together with other packages, pip may choose a CUDA build of several gigabytes.
# --no-compile: Python compiles what it imports; to compile all 18,000 files beforehand takes a minute.
$pip install --no-compile "torch==$TORCH_VERSION" ${TORCH_INDEX:+--index-url "$TORCH_INDEX"}
$pip install --no-compile -c "$constraints" -e ".[$extras]"
.venv/bin/python -m aassl_ros.messages
echo "$inputs" > $stamp
echo "setup: done. Programs are called as .venv/bin/aassl."
# Show what works on this machine. If something does not, the set-up has still succeeded.
.venv/bin/aassl doctor || true
