"""Token ids back to text, several times as fast as the tokenizers library: every candidate passes through here.

With a byte-level decoder (Llama-3, Qwen, SmolLM2, GPT-2) each token stands for bytes of its own, whatever stands beside
it; a text is these bytes end to end. Other tokenizers are asked themselves.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_PRINTABLE = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
# GPT-2's alphabet: a printable byte is the character of its number, the others follow from 256 on.
_BYTES = {chr(byte): byte for byte in _PRINTABLE} | {chr(256 + n): byte for n, byte in enumerate(_OTHERS)}


def decoder(tokenizer: "Tokenizer") -> Callable[[Sequence[int]], str]:
    """What turns token ids into the text that `tokenizer.decode` gives, control tokens shown."""
    if type(tokenizer.decoder).__name__ != "ByteLevel":
        return lambda ids: tokenizer.decode(ids, skip_special_tokens=False)
    known = _TokenBytes(tokenizer)
    return lambda ids: b"".join([known[token] for token in ids]).decode("utf-8", "replace")


class _TokenBytes(dict[int, bytes]):
    """The bytes of each token, looked up once; an id without a token (models pad their vocabulary) has none."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        super().__init__()
        self._tokenizer = tokenizer

    def __missing__(self, token: int) -> bytes:
        text = self._tokenizer.id_to_token(token) or ""
        try:
            found = bytes([_BYTES[character] for character in text])
        except KeyError:  # an added token, which stands for itself
            found = text.encode()
        self[token] = found
        return found
