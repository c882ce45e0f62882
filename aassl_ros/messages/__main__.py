"""`python -m aassl_ros.messages`: generate, compile and install the message packages that the wheels lack.

With --check-compiler it only says whether they can be compiled; needs nothing but Python then.
"""

from __future__ import annotations

import sys

from aassl_ros.errors import AasslError
from aassl_ros.messages.compile import check_compiler
from aassl_ros.messages.install import install_messages


def main() -> int:
    """Install and say what was done; one line and status 1 where it cannot."""
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
