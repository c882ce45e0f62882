#!/bin/sh
# Make .venv-lerobot: the lerobot package and lerobot-doctor, for tests/data/lerobot/test_with_lerobot.py only.
# lerobot needs another torch than ours (several GB), so it has an environment of its own. AASSL_LEROBOT_PYTHON names
# the Python of an environment that is there already.
set -eu
cd "$(dirname "$0")/.."
target=.venv-lerobot
[ -e "$target/complete" ] && exit 0
# lerobot 0.5 and later need Python 3.12; with an older one pip takes lerobot 0.4, which needs torchcodec to decode.
for python in ${PYTHON:-python3.12 python3.13 python3}; do
    command -v "$python" > /dev/null && break
done
"$python" -m venv "$target"
"$target/bin/python" -m pip install --quiet 'lerobot[dataset]' lerobot-doctor
touch "$target/complete"
