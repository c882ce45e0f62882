"""Finds frames whose pixels cannot be read while they are recorded, so that the driver can be corrected in time."""

from __future__ import annotations

from aassl_ros.data.streams import messages
from aassl_ros.errors import DataError

# A camera has one form, or a few. A broken driver may send a new one each time: those are not remembered.
_MOST_FORMS = 100


class ImageCheck:
    """Decodes the first frame of each form (encoding, size, step, format) of one camera; later ones cost nothing."""

    def __init__(self) -> None:
        self._problems: dict[object, str] = {}

    def problem(self, msgtype: str, cdr: bytes) -> str:
        """Why frames of this form cannot be read; empty if they can.

        Args:
            msgtype: type of the message.
            cdr: the message.

        Raises:
            DataError: the bytes are not a message of that type.
        """
        if msgtype == messages.IMAGE:
            form: object = messages.image_form(cdr)
        elif msgtype == messages.COMPRESSED_IMAGE:
            form = messages.compressed_form(cdr)
        else:
            return f"it has type {msgtype}, expected {messages.IMAGE} or {messages.COMPRESSED_IMAGE}."
        if form not in self._problems:
            message = messages.decode(msgtype, cdr)
            try:
                messages.frame_from_message(message)
                found = ""
            except DataError as error:
                found = str(error)
                if msgtype == messages.COMPRESSED_IMAGE:
                    return found  # maybe only this one is damaged
            if len(self._problems) >= _MOST_FORMS:
                return found
            self._problems[form] = found
        return self._problems[form]
