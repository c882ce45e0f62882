"""DIR/study.json: which study a folder holds."""

from __future__ import annotations

import json

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.studies.request import Request
from aassl_ros.studies.run import write_json

STUDY = "study.json"


def claim(request: Request, fingerprint: str) -> None:
    """Write the identity of the study to DIR. Raises ConfigError if DIR contains another study."""
    identity = {
        "study": request.study,
        "quick": request.quick,
        "updates": request.updates,
        "settings": request.settings,
        "evaluation": request.evaluation,
        "data": fingerprint,
    }
    if request.forgetting is not None or request.held_out:
        other = PreparedData.open(request.forgetting).fingerprint if request.forgetting else ""
        identity |= {"forgetting": other, "held_out": list(request.held_out)}
    identity = json.loads(json.dumps(identity))
    file = request.out / STUDY
    if file.exists():
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{file} cannot be read ({error}). Choose another --out.") from error
        for name, value in identity.items():
            if found.get(name) != value:
                raise ConfigError(
                    f"{request.out} was started with {name} = {found.get(name)!r}, now it is {value!r}. "
                    "Use the same value, or choose another --out."
                )
    write_json(file, identity)
