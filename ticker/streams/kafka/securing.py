"""Turns a stream's security settings into options of aiokafka's clients. It reads the files.

A file that cannot be used raises `ConfigError`, with its path and what to do. Messages never show
the content of a file. Nothing asks for a passphrase, because a poller runs without a user.
"""

from __future__ import annotations

import functools
import logging
import os
import ssl
from pathlib import Path
from typing import Any, Final

from ticker.errors import ConfigError, UsageError
from ticker.files import dead_link, decode_text, user_path
from ticker.security import PASSWORD_ADVICE, Security

_log: Final = logging.getLogger(__name__)
_OTHERS: Final = 0o077
_warned: set[Path] = set()

_File = tuple[Path, bytes]  # path, and content


def client_options(security: Security) -> dict[str, Any]:
    """Return the keyword arguments of every aiokafka client; empty without security settings.

    Reads the files again each time. Raises `ConfigError` for a file that cannot be used, and for a
    missing password.
    """
    if security.security == "PLAINTEXT":
        return {}
    options: dict[str, Any] = {"security_protocol": security.security}
    if security.has_tls:
        options["ssl_context"] = _context(security)
    if security.has_sasl:
        options["sasl_mechanism"] = security.mechanism
        options["sasl_plain_username"] = security.user
        options["sasl_plain_password"] = _password(security)
    return options


def _password(security: Security) -> str:
    if security.password is not None:
        return security.password
    if security.password_file is None:
        raise ConfigError(f"no password for the user {security.user}: {PASSWORD_ADVICE}")
    path, data = _read("password_file", security.password_file)
    _warn_of_readers(path)
    try:
        text = decode_text(data)
    except UnicodeDecodeError:
        # Leave out the cause: it would show what is in the file.
        raise _unusable("password_file", path, "is not UTF-8") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise _unusable("password_file", path, "is empty. Write the password into it")
    return text


def _warn_of_readers(path: Path) -> None:
    """Warn once if other users may access our password file.

    ssh refuses keys that others may read. This only warns, because containers get their secrets as
    files that everyone in them may read, on a read-only file system. There is no warning if the
    file system is read-only or the file belongs to another user.
    """
    try:
        status, system = path.stat(), os.statvfs(path)
    except FileNotFoundError:  # replaced since it was read
        return
    mendable = status.st_uid == os.geteuid() and not system.f_flag & os.ST_RDONLY
    if status.st_mode & _OTHERS and mendable and path not in _warned:
        _warned.add(path)
        _log.warning("%s: others may read this password. Make it yours: chmod 600 %s", path, path)


def _context(security: Security) -> ssl.SSLContext:
    """Make a context that always verifies the broker's certificate and host name."""
    ca = None if security.ca is None else _read("ca", security.ca)
    if security.certificate is None or security.key is None:
        return _made(ca, None, None)
    certificate = _read("certificate", security.certificate)
    return _made(ca, certificate, _read("key", security.key))


@functools.lru_cache(maxsize=8)
def _made(ca: _File | None, certificate: _File | None, key: _File | None) -> ssl.SSLContext:
    """Make the context, or reuse it if no file changed. Making it takes 30 ms without a `ca`."""
    if ca is None:
        context = ssl.create_default_context()
    else:
        path, _ = ca
        try:
            context = ssl.create_default_context(cafile=str(path))
        except ssl.SSLError:
            raise _unusable("ca", path, "holds no certificates in PEM") from None
        except OSError as error:  # replaced since it was read
            raise _unusable("ca", path, f"cannot be read: {error.strerror}") from None
    if certificate is not None and key is not None:
        _show_ourselves(context, certificate, key)
    return context


def _show_ourselves(context: ssl.SSLContext, certificate: _File, key: _File) -> None:
    shown, text = certificate
    if b"-----BEGIN CERTIFICATE-----" not in text:
        raise _unusable("certificate", shown, "holds no certificate in PEM")
    kept, text = key
    if b"PRIVATE KEY-----" not in text:
        raise _unusable("key", kept, "holds no private key in PEM")
    if b"ENCRYPTED" in text:
        advice = "Write one without: openssl pkey -in KEY -out OTHER"
        raise _unusable("key", kept, f"needs a passphrase, which cannot be typed here. {advice}")
    try:
        # Without this password, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(str(shown), str(kept), password="")
    except ssl.SSLError as error:
        matching = "KEY_VALUES_MISMATCH" in (error.reason or "")
        problem = f"is not the key of {shown}" if matching else "cannot be used"
        raise _unusable("key", kept, problem) from None
    except OSError as error:  # one of them was replaced since it was read
        raise _unusable("key", kept, f"cannot be read: {error.strerror}") from None


def _read(name: str, where: str) -> _File:
    path = Path(where)
    try:
        path = user_path(where)
        return path, path.read_bytes()
    except OSError as error:
        problem = dead_link(path) or error.strerror
    except (UsageError, ValueError) as error:  # an unknown user's home; a zero byte in a name
        problem = str(error)
    raise _unusable(name, path, f"cannot be read: {problem}")


def _unusable(name: str, path: Path, problem: str) -> ConfigError:
    """Return the error for a file. `name` is a key of `ticker.security.KEYS`."""
    others = f"Another one: {name} in [streams], or TICKER_KAFKA_{name.upper()}"
    return ConfigError(f"{problem}. {others}", path=str(path), key=name)
