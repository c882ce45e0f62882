#!/bin/sh
# Make .venv-lerobot: the lerobot package and lerobot-doctor, for tests/data/lerobot/test_with_lerobot.py only.
# lerobot needs another torch than ours (several GB), so it has an environment of its own. AASSL_LEROBOT_PYTHON names
# the Python of an environment that is there already. Tested: PYTHON=python3.11, which gets lerobot 0.4.4. Its bounds
# allow no newer torch than 2.10, but reading and recording work with the torch below; decoding needs the system's
# ffmpeg (apt-get install ffmpeg). With Python 3.12 or later pip takes lerobot 0.6, which brings its own torch.
set -eu
cd "$(dirname "$0")/.."
target=.venv-lerobot
[ -e "$target/complete" ] && exit 0
python=${PYTHON:-python3}
"$python" -m venv "$target"
pip="$target/bin/python -m pip install --quiet"
if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then
    $pip 'lerobot[dataset]' lerobot-doctor
else
    $pip torch==2.14.1 torchvision==0.29.1
    $pip --no-deps lerobot==0.4.4 lerobot-doctor==0.2.0 torchcodec==0.14.0
    $pip 'datasets>=4,<5' 'huggingface-hub>=0.34.2,<0.36' 'av>=15,<19' 'pandas<3' draccus==0.10.0 jsonlines \
        termcolor deepdiff imageio einops opencv-python-headless accelerate rich
fi
touch "$target/complete"
