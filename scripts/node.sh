#!/bin/sh
# Starts the node with the name of this file: lib/aassl_ros/recorder runs aassl_ros.nodes.recorder.
# pip and colcon install it unchanged, so that `ros2 launch` and `ros2 run` find it. If pip installed it into an environment, it
# uses that environment's Python; otherwise python3 on the PATH, which is the activated environment's if there is one.
node=$(basename "$0")
prefix=$(cd "$(dirname "$0")/../.." && pwd)
python=$prefix/bin/python3
[ -x "$python" ] || python=$(command -v python3) || {
    echo "$node: there is no python3 on the PATH. Install Python and run make setup." >&2
    exit 1
}
"$python" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("aassl_ros") is None)' || {
    echo "$node: the Python module 'aassl_ros' is not installed for $python. Source the workspace's install/setup.bash," \
        "or activate the environment (source .venv/bin/activate)." >&2
    exit 1
}
exec "$python" -m "aassl_ros.nodes.$node" "$@"
