"""`python -m aassl_ros.messages`: generate, compile and install the message packages that have no wheels.

With --check-compiler it only checks that they can be compiled. That needs nothing but Python.
"""

from __future__ import annotations

import sys

from aassl_ros.errors import AasslError
from aassl_ros.messages.compile import check_compiler
from aassl_ros.messages.install import install_messages


def main() -> int:
    """Install the packages and print what was done. On an error: one line on stderr, status 1."""
    try:
        if "--check-compiler" in sys.argv[1:]:
            check_compiler()
            return 0
        for name, state in install_messages().items():
            print(f"{name} {state}.")
    except AasslError as error:
        print(f"messages: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
