"""Clients of container engines: what a command line of ``docker``, ``podman`` or a compose tool asks the engine for.

A container does not tell who asked for it. It is matched with the client's words: the image and the command of a
``run``, the name of a ``start``, the project of a compose tool.
"""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carbonprint.measuring.command_words import after_options, option_value, program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carbonprint.measuring.container_engine import ContainerIdentity

_TOOLS = {"docker", "podman", "podman-remote", "nerdctl"}
_COMPOSE_TOOLS = {"docker-compose", "podman-compose"}
_INTERPRETERS = ("python", "python3", "node")

_GLOBAL_WITH_VALUE = {
    "-H", "--host", "-c", "--context", "--config", "-l", "--log-level", "--tlscacert", "--tlscert", "--tlskey",
    "--url", "--connection", "--identity", "--root", "--runroot", "--storage-driver", "--storage-opt", "--runtime",
    "--runtime-flag", "--cgroup-manager", "--conmon", "--events-backend", "--hooks-dir", "--namespace", "--tmpdir",
    "--network-config-dir", "--volumepath", "--module", "--imagestore", "--registries-conf", "-n", "-a", "--address",
}  # fmt: skip
_COMPOSE_WITH_VALUE = {
    "-f", "--file", "-p", "--project-name", "--project-directory", "--profile", "--env-file", "--ansi", "--parallel",
    "--progress", "-H", "--host", "-c", "--context", "--log-level", "--tlscacert", "--tlscert", "--tlskey",
}  # fmt: skip


class Asks(enum.Enum):
    """What a client asks an engine for, as far as CPU time is concerned."""

    RUN = "run"
    """One new container."""
    START = "start"
    """Containers that are there and do not run, by name."""
    COMPOSE = "compose"
    """The containers of a project."""
    EXEC = "exec"
    """More processes in a container that runs."""
    OTHER_WORK = "build"
    """Work whose containers bear no word of the client's: building an image, deploying a stack."""


_VERBS = {
    "run": Asks.RUN, "start": Asks.START, "restart": Asks.START, "unpause": Asks.START, "exec": Asks.EXEC,
    "build": Asks.OTHER_WORK, "buildx": Asks.OTHER_WORK, "builder": Asks.OTHER_WORK, "stack": Asks.OTHER_WORK,
    "service": Asks.OTHER_WORK, "play": Asks.OTHER_WORK, "kube": Asks.OTHER_WORK,
}  # fmt: skip
_COMPOSE_VERBS = {
    "up": Asks.COMPOSE, "run": Asks.COMPOSE, "start": Asks.COMPOSE, "restart": Asks.COMPOSE, "exec": Asks.EXEC,
    "build": Asks.OTHER_WORK, "watch": Asks.COMPOSE,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerClient:
    """One client of an engine that belongs to the job.

    Attributes:
        pid: Its process id.
        title: The tool and the verb: ``docker run``.
        asks: What it asks for.
        words: The words behind the verb.
        folder: Its working folder, or ``""``.
        project_words: Values of the options that name a compose project or its files.
        socket: Path of the engine's socket, where an option or a variable names it, or ``""``.
        is_remote: Whether the engine it speaks to is on another machine.
        is_in_tree: Whether its containers descend from it (Podman without a service): they are in the process tree.
    """

    pid: int
    title: str
    asks: Asks
    words: tuple[str, ...]
    folder: str = ""
    project_words: tuple[str, ...] = ()
    socket: str = ""
    is_remote: bool = False
    is_in_tree: bool = False

    def asked_for(self, container: ContainerIdentity) -> bool:
        """Whether a container is what this client's words ask for."""
        if self.asks is Asks.RUN:
            return self._names_image(container)
        if self.asks is Asks.START:
            return any(
                word in {container.name, container.container_id}
                or (len(word) >= 4 and container.container_id.startswith(word))
                for word in self.words
            )
        return self.asks is Asks.COMPOSE and self._is_of_project(container.labels)

    def _names_image(self, container: ContainerIdentity) -> bool:
        """Whether the image is one of the words, and the command the rest of them (without a rest: the image's own)."""
        if option_value(self.words, "--name") not in {"", container.name}:
            return False
        for at, word in enumerate(self.words):
            if word == container.image and self.words[at + 1 :] in {(), container.command}:
                return True
        return False

    def _is_of_project(self, labels: Mapping[str, str]) -> bool:
        """Whether the project is named, or lies in the client's folder, in that of its file, or in the one above."""
        project = labels.get("com.docker.compose.project") or labels.get("io.podman.compose.project")
        if not project:
            return False
        places = {self.folder, *(os.path.join(self.folder, word) for word in self.project_words)}
        places |= {os.path.dirname(place) for place in places}
        working_folder = labels.get("com.docker.compose.project.working_dir")
        return project in self.project_words or working_folder in {
            os.path.normpath(place) for place in places
        }


def local_sockets(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Paths of the sockets on which engines of this machine may be asked, those that the environment names first."""
    named = [environment.get(name, "") for name in ("DOCKER_HOST", "CONTAINER_HOST")]
    paths = [name.removeprefix("unix://") for name in named if name.startswith("unix://")]
    for folder in ("/run", "/var/run", environment.get("XDG_RUNTIME_DIR", "")):
        if folder:
            paths += [f"{folder}/docker.sock", f"{folder}/podman/podman.sock"]
    return tuple(dict.fromkeys(path for path in paths if os.path.exists(path)))


def client_of(
    words: Sequence[str], *, pid: int = 0, folder: str = "", environment: Mapping[str, str] | None = None
) -> ContainerClient | None:
    """Read a command line; None where it is no client's, or of one that has no work done.

    Args:
        words: The program and its arguments.
        pid: Its process id.
        folder: Its working folder.
        environment: Its environment, where it could be read.
    """
    environment = environment or {}
    if program(words).startswith(_INTERPRETERS):  # a tool that is a script
        words = words[1:]
    tool = program(words)
    if tool not in _TOOLS | _COMPOSE_TOOLS:
        return None
    is_compose = tool in _COMPOSE_TOOLS
    rest = list(words[1:]) if is_compose else after_options(words[1:], _GLOBAL_WITH_VALUE)
    before_verb = list(words[1 : len(words) - len(rest)])
    title = tool
    if rest and rest[0] == "compose":
        is_compose, title, rest = True, title if is_compose else f"{tool} compose", rest[1:]
    elif rest and rest[0] in {"container", "image"}:
        rest = rest[1:]
    if is_compose:
        options, rest = rest, after_options(rest, _COMPOSE_WITH_VALUE)
        before_verb += options[: len(options) - len(rest)]
    asks = (_COMPOSE_VERBS if is_compose else _VERBS).get(rest[0]) if rest else None
    if asks is None:
        return None
    variable = "CONTAINER_HOST" if tool.startswith("podman") else "DOCKER_HOST"
    host = option_value(before_verb, "-H", "--host", "--url") or environment.get(variable, "")
    return ContainerClient(
        pid=pid,
        title=f"{title} {rest[0]}",
        asks=asks,
        words=tuple(rest[1:]),
        folder=folder,
        project_words=_project_words(before_verb, environment) if is_compose else (),
        socket=host.removeprefix("unix://") if host.startswith("unix://") else "",
        is_remote=_is_remote(host),
        is_in_tree=tool.startswith("podman") and not _uses_service(tool, before_verb, environment),
    )


def _uses_service(tool: str, options: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether Podman hands its work to a service, as Docker always does."""
    asked = {"-r", "--remote", "--remote=true"} & set(options) or option_value(
        options, "--url", "--connection"
    )
    return tool == "podman-remote" or bool(asked) or "CONTAINER_HOST" in environment


def _project_words(options: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    named = [
        option_value(options, "-p", "--project-name") or environment.get("COMPOSE_PROJECT_NAME", ""),
        option_value(options, "-f", "--file") or environment.get("COMPOSE_FILE", ""),
        option_value(options, "--project-directory"),
    ]
    return tuple(word for word in named if word)


def _is_remote(host: str) -> bool:
    """Whether an engine's address is on another machine; a stored context is not looked into."""
    scheme, _, rest = host.partition("://")
    address = rest.rpartition("@")[2]
    return scheme in {"tcp", "ssh", "http", "https"} and not address.startswith(
        ("localhost", "127.", "[::1]")
    )
