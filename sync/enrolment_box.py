"""What a kiosk enrolled, in a box that the centre's `enrolment` key alone opens."""

import base64
import binascii

import msgspec

from sync import sealing
from sync.messages import SealedEnrolment

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(SealedEnrolment)


def boxed(content: SealedEnrolment, key: bytes) -> str:
    """Return `content` sealed for the 32 bytes of the public `enrolment` key (keys.load_sealing), as base64."""
    return base64.b64encode(sealing.seal_for(key, _encoder.encode(content))).decode()


def unboxed(sealed: str, key: bytes) -> SealedEnrolment:
    """Return what `boxed` made, by the 32 bytes of the private half (keys.load_opening). Raises sealing.NotOpened."""
    try:
        return _decoder.decode(sealing.open_for(key, base64.b64decode(sealed, validate=True)))
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise sealing.NotOpened(f"what was sealed is no enrolment: {type(error).__name__}") from error
