"""Ask a container engine on its local socket which container an id stands for.

Docker's and Podman's services answer the same request. Only sockets on this machine are asked.

Sources:
    Docker Engine API 1.24 and later, ``GET /containers/(id)/json``; Podman's service answers it as well.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TIMEOUT_S = 5.0
"""The engine answers once the container has started; one that is silent for longer is not waited for. [s]"""

_LONGEST_ANSWER = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerIdentity:
    """What an engine says of a container.

    Attributes:
        container_id: 64 hexadecimal digits.
        name: Its name, without the slash before it.
        image: The image as the one who started it wrote it.
        command: Words that are run in it, after the entry point.
        labels: Its labels; compose tools name the project in them.
    """

    container_id: str
    name: str
    image: str
    command: tuple[str, ...]
    labels: Mapping[str, str]


def identify(container_id: str, sockets: Iterable[str]) -> ContainerIdentity | None:
    """Ask one engine after the other; None where none of them knows the container, or none may be asked."""
    for path in sockets:
        try:
            found = identity_of(_get(path, f"/containers/{container_id}/json"))
        except (OSError, ValueError):
            continue
        if found is not None:
            return found
    return None


def identity_of(answer: bytes) -> ContainerIdentity | None:
    """Read an engine's answer, head and body; None where it knows no such container.

    Raises:
        ValueError: If the answer is not what the interface promises.
    """
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0] + b" ":
        return None
    content = json.loads(body)
    try:
        config = content["Config"]
        return ContainerIdentity(
            container_id=str(content["Id"]),
            name=str(content["Name"]).removeprefix("/"),
            image=str(config["Image"]),
            command=tuple(config.get("Cmd") or ()),
            labels=dict(config.get("Labels") or {}),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the description of a container: {error}") from None


def _get(path: str, target: str) -> bytes:
    """Get a resource in HTTP/1.0, in which the end of the answer is the end of the connection."""
    request = f"GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(_TIMEOUT_S)
        channel.connect(path)
        channel.sendall(request.encode("ascii"))
        answer = bytearray()
        while (part := channel.recv(65536)) and len(answer) < _LONGEST_ANSWER:
            answer += part
    return bytes(answer)
