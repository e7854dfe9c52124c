# SPDX-License-Identifier: LGPL-2.1-or-later
"""Private keys on a card: signatures, shared secrets, and what is made of
them."""

from __future__ import annotations

import base64
import json
from typing import (
    Any,
    Callable,
    Iterable,
    List,
    Mapping,
    Optional,
    Tuple,
    TypeVar,
    Union,
)

from . import _core, _wait
from ._values import (
    Bytes,
    Message,
    Path,
    algorithm_bits,
    hash_message,
    joined,
    mode_number,
    whole_message,
)
from .errors import AbsentError, ArgumentError, UseAfterCloseError
from .objects import Object, record

T = TypeVar("T")


def _pem(der: bytes, label: str) -> bytes:
    """RFC 7468."""
    text = base64.b64encode(der)
    lines = (text[i : i + 64] + b"\n" for i in range(0, len(text), 64))
    name = label.encode()
    begin, end = b"-----BEGIN %b-----\n", b"-----END %b-----\n"
    return begin % name + b"".join(lines) + end % name


class Key:
    """A private key on a card; :meth:`Card.key` finds it.

    It stays usable, and keeps the card open, after the :class:`Card` it came
    from was closed.
    """

    def __init__(
        self, card: _core.iotsafe_card, handle: _core.iotsafe_key
    ) -> None:
        self._card: Optional[_core.iotsafe_card] = card
        self._handle: Optional[_core.iotsafe_key] = handle
        self._certificate: Optional[Bytes] = None

    def close(self) -> None:
        """Lets go of the card. Calling it again does no harm."""
        self._card = self._handle = None

    def __enter__(self) -> Key:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._handle is None:
            return "<iotsafe.Key closed>"
        return f"<iotsafe.Key {self.object.name!r}>"

    def _opened(self) -> Tuple[_core.iotsafe_card, _core.iotsafe_key]:
        card, handle = self._card, self._handle
        if card is None or handle is None:
            raise UseAfterCloseError("the key was closed")
        return card, handle

    def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        card, handle = self._opened()
        return _wait.for_card(card, function, handle, *arguments)

    def sign(
        self, digest: Bytes, algorithm: str = "sha256", der: bool = False
    ) -> bytes:
        """Signs a digest on the card.

        ``algorithm`` is a hash, "sha256", or says more, "ecdsa-sha256". The
        signature is r and s one behind the other, or with ``der`` the ASN.1
        form that X.509 and most programs use; for RSA it is the block.
        """
        bits = algorithm_bits(algorithm)
        signature = self._call(_core.key_sign, bits, memoryview(digest))
        return self._in_form(signature, der)

    def sign_message(
        self,
        data: Message,
        algorithm: str = "sha256",
        der: bool = False,
        mode: Optional[str] = None,
    ) -> bytes:
        """Signs a message: bytes, or a file opened for bytes.

        It is hashed here, which every card can and which has no limit, or
        with mode "full-text" by the card, or with "last-block" by both: at
        most 16777215 bytes then.
        """
        bits, number = algorithm_bits(algorithm), mode_number(mode)
        if number == _core.MODE_HOST:
            return self.sign(hash_message(data, bits), algorithm, der)
        whole = whole_message(data)
        signature = self._call(_core.key_sign_data, bits, number, whole)
        return self._in_form(signature, der)

    def _in_form(self, signature: bytes, der: bool) -> bytes:
        if der and not self.object.key_type.startswith("RSA"):
            return _core.signature_to_der(signature)
        return signature

    def agree(
        self, peer: Optional[Bytes] = None, slot: Optional[str] = None
    ) -> bytes:
        """The secret shared with a peer, made by the card: the x coordinate
        of ECDH, not hashed.

        ``peer`` is the peer's public key, a DER SubjectPublicKeyInfo, which
        is put into the public-key object ``slot`` first; None: the key that
        is there. Without ``slot`` it is the only one that can be written.
        """
        key = None if peer is None else memoryview(peer)
        return self._call(_core.key_agree, slot, key)

    def decrypt(self, data: Bytes) -> bytes:
        """What was encrypted to this RSA key with PKCS#1 v1.5 padding: by the
        card, or here with a software key."""
        return self._call(_core.key_decrypt, memoryview(data))

    def export(self, pem: bool = False) -> bytes:
        """The private key itself, where ``object.software`` says that the card
        gives it out: DER (PKCS #1, or RFC 5915), or with ``pem`` its text
        form. :class:`DeniedError`: it cannot leave the card."""
        der = self._call(_core.key_export)
        kind = "RSA" if self.object.key_type.startswith("RSA") else "EC"
        return _pem(der, f"{kind} PRIVATE KEY") if pem else der

    def csr(
        self,
        subject: str,
        names: Union[str, Iterable[str]] = (),
        usages: Union[str, Iterable[str], None] = None,
        pem: bool = False,
    ) -> bytes:
        """A certificate signing request (PKCS #10), DER or with ``pem`` its
        text form.

        ``subject`` is like "CN=device-7,O=Example"; ``names`` are like
        "dns:a.example", "ip:192.0.2.7", "email:a@b.example", "uri:urn:dev:7";
        ``usages`` like "digitalSignature", "clientAuth", which are taken if
        it is None.
        """
        request = self._call(
            _core.key_csr, subject, joined(names), joined(usages)
        )
        return _pem(request, "CERTIFICATE REQUEST") if pem else request

    def jws(
        self,
        payload: Bytes,
        type: Optional[str] = None,
        kid: Optional[str] = None,
    ) -> str:
        """A signed token in compact form (RFC 7515): ES256, or what an RSA
        key does. ``type`` and ``kid`` are the header's "typ" and "kid"."""
        token = self._call(_core.key_jws, type, kid, memoryview(payload))
        return token.decode("ascii")

    def jwt(self, claims: Mapping[str, Any], kid: Optional[str] = None) -> str:
        """The claims as a JSON Web Token (RFC 7519)."""
        try:
            text = json.dumps(
                dict(claims), separators=(",", ":"), allow_nan=False
            )
        except ValueError as error:
            raise ArgumentError(f"claims: {error}") from None
        return self.jws(text.encode(), "JWT", kid)

    @property
    def object(self) -> Object:
        """What the card's list tells of the key."""
        return record(_core.key_object(self._opened()[1]))

    @property
    def public_key(self) -> bytes:
        """The public key, a DER SubjectPublicKeyInfo."""
        return self._call(_core.key_public_key)

    @property
    def certificate(self) -> bytes:
        """The key's own certificate, DER."""
        return self._call(_core.key_certificate, 0)

    @property
    def chain(self) -> List[bytes]:
        """The key's certificate and those that lead to its root, DER."""
        chain: List[bytes] = []
        try:
            while True:
                chain.append(self._call(_core.key_certificate, len(chain)))
        except AbsentError:
            if not chain:
                raise
        return chain

    def complete_chain(self, bundle: Path) -> None:
        """Completes :attr:`chain` with the CA certificates of a file, or of
        the files of a directory, that really issued it; a root is left out.
        :class:`AbsentError`: an issuer is missing; what was found is there."""
        self._call(_core.key_complete_chain, bundle)

    def use_certificate(self, data: Bytes) -> None:
        """Takes this certificate (DER or PEM, its chain behind it)
        instead of the one on the card, for this object."""
        self._call(_core.key_set_certificate, memoryview(data))
        self._certificate = bytes(data)

    def prepare(self) -> bool:
        """Begins a signature before it is known over what: the next one is
        done by the second of its two commands, if the card is asked for
        nothing else before. False: none was begun. Sessions of this package
        do it by themselves."""
        return bool(self._call(_core.key_prepare))

    @property
    def verifies(self) -> bool:
        """Whether signatures are verified before they are given out."""
        return bool(self._call(_core.key_verifies))
