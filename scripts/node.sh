#!/bin/sh
# Starts the node that this file is named after: lib/aassl_ros/recorder runs aassl_ros.nodes.recorder.
# Installed as it lies here, so that `ros2 launch` and `ros2 run` find it after pip and colcon alike. An environment's own
# Python comes first (pip put this file into it); else python3 on the PATH, which is an activated environment's if there is one.
prefix=$(cd "$(dirname "$0")/../.." && pwd)
python=$prefix/bin/python3
[ -x "$python" ] || python=python3
exec "$python" -m "aassl_ros.nodes.$(basename "$0")" "$@"
