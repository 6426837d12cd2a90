"""Whose a container is: the words of clients, what an engine answers, and the moment."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from carbonprint.measuring.container_claims import Claim, Clients, claim_for
from carbonprint.measuring.container_clients import Asks, client_of
from carbonprint.measuring.container_engine import ContainerIdentity, identify, identity_of

ID = "5c9320e86c4518e5517447d53e33e55daf7f2e9cf65cfb5c0b57ac2205afeb24"


def identity(image="box", command=("sleep", "2"), name="happy_cat", **labels):
    return ContainerIdentity(container_id=ID, name=name, image=image, command=tuple(command), labels=labels)


def client(line, pid=7, folder="/home/me", **environment):
    return client_of(line.split(), pid=pid, folder=folder, environment=environment)


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        ("docker run box", Asks.RUN),
        ("/usr/bin/docker -H unix:///s container run --rm box true", Asks.RUN),
        ("docker --log-level debug run box", Asks.RUN),
        ("podman --root /p run box", Asks.RUN),
        ("docker start web", Asks.START),
        ("docker exec web sh", Asks.EXEC),
        ("docker compose -f a.yml up", Asks.COMPOSE),
        ("docker-compose -p x up -d", Asks.COMPOSE),
        ("/usr/bin/python3 /usr/bin/docker-compose run work", Asks.COMPOSE),
        ("docker-compose exec work sh", Asks.EXEC),
        ("docker build .", Asks.OTHER_WORK),
    ],
)
def test_what_a_client_asks_for(line, asks):
    assert client(line).asks is asks


@pytest.mark.parametrize(
    "line", ["docker ps", "docker", "docker compose logs", "python run.py", "dockerd", "docker create box"]
)
def test_what_has_no_work_done_is_no_client(line):
    assert client(line) is None


@pytest.mark.parametrize(
    ("line", "is_remote"),
    [
        ("docker -H ssh://me@far run box", True),
        ("docker --host=tcp://10.0.0.7:2375 run box", True),
        ("docker -H tcp://127.0.0.1:2375 run box", False),
        ("docker -H unix:///run/docker.sock run box", False),
        ("docker run -H ssh://me@far box", False),  # an option of the run, not of the client
    ],
)
def test_an_engine_on_another_machine_is_told_by_its_address(line, is_remote):
    assert client(line).is_remote is is_remote


def test_the_environment_names_the_engine_where_no_option_does():
    assert client("docker run box", DOCKER_HOST="ssh://far").is_remote
    assert client("docker run box", DOCKER_HOST="unix:///s").socket == "/s"
    assert not client("docker -H unix:///s run box", DOCKER_HOST="ssh://far").is_remote


def test_podman_has_its_containers_in_the_tree_unless_a_service_starts_them():
    assert client("podman run box").is_in_tree
    assert not client("podman --remote run box").is_in_tree
    assert not client("podman run box", CONTAINER_HOST="unix:///p").is_in_tree
    assert not client("docker run box").is_in_tree


@pytest.mark.parametrize(
    ("line", "is_it"),
    [
        ("docker run --rm --network none box sleep 2", True),
        ("docker run --rm box", True),  # the image's own command
        ("docker run box sleep 3", False),
        ("docker run other sleep 2", False),
        ("docker run --name happy_cat box sleep 2", True),
        ("docker run --name=sad_cat box sleep 2", False),
        ("docker start happy_cat", True),
        (f"docker restart {ID[:12]}", True),
        ("docker start sad_cat", False),
        ("docker exec happy_cat sh", False),
        ("docker compose up", False),
    ],
)
def test_a_client_is_matched_with_what_it_asked_for(line, is_it):
    assert client(line).asked_for(identity()) is is_it


@pytest.mark.parametrize(
    ("line", "folder", "is_it"),
    [
        ("docker compose up", "/home/me/shop", True),
        ("docker compose up", "/home/me/shop/src", True),  # the tool looks upwards for its file
        ("docker compose -f shop/compose.yml up", "/home/me", True),
        ("docker compose --project-directory /home/me/shop up", "/", True),
        ("docker-compose -p shop up", "/", True),
        ("docker compose up", "/home/me/other", False),
        ("docker compose -p other up", "/elsewhere", False),
    ],
)
def test_the_containers_of_a_project_are_told_by_their_labels(line, folder, is_it):
    labels = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.project.working_dir": "/home/me/shop",
    }
    assert client(line, folder=folder).asked_for(identity(**labels)) is is_it


def claims(found, *, job=(), others=(), living=True, taken=()):
    clients = Clients(
        of_job=tuple(job),
        of_others=tuple(others),
        living=frozenset(each.pid for each in job) if living else frozenset(),
    )
    return claim_for(found, clients, taken)[0]


RUN = client("docker run box sleep 2")
BUILD = client("docker build .")


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (claims(identity(), job=[RUN]), Claim.NAMED),
        (claims(identity(), job=[RUN], living=False), Claim.NAMED),
        (claims(identity(), job=[RUN], others=[RUN]), Claim.BY_TIME),
        (claims(identity(), job=[RUN], others=[BUILD]), Claim.NAMED),
        (claims(identity(), job=[RUN], taken={7}), Claim.OTHERS),
        (claims(identity(image="other"), job=[RUN]), Claim.OTHERS),
        (claims(identity()), Claim.OTHERS),
        (claims(identity(), job=[client("podman run box sleep 2")]), Claim.OTHERS),
        (claims(None, job=[RUN]), Claim.BY_TIME),
        (claims(None, job=[RUN], living=False), Claim.OTHERS),
        (claims(None, job=[client("docker exec web sh")]), Claim.OTHERS),
        (claims(identity(), job=[BUILD]), Claim.BY_TIME),
        (claims(identity(), job=[BUILD], others=[RUN]), Claim.OTHERS),
    ],
)
def test_whose_a_container_is(claim, expected):
    assert claim is expected


def answer(status="200 OK", **changes):
    content = {
        "Id": ID,
        "Name": "/happy_cat",
        "Config": {"Image": "box", "Cmd": ["sleep", "2"], "Labels": None},
    }
    return (
        f"HTTP/1.0 {status}\r\nContent-Type: application/json\r\n\r\n{json.dumps(content | changes)}".encode()
    )


def test_the_answer_of_an_engine_is_read():
    assert identity_of(answer()) == identity()
    assert identity_of(answer(status="404 Not Found")) is None


@pytest.mark.parametrize("wrong", [answer(Config=None), answer(Config={}), b"HTTP/1.0 200 OK\r\n\r\nhello"])
def test_an_answer_that_is_no_container_is_refused(wrong):
    with pytest.raises(ValueError, match=r"container|Expecting value"):
        identity_of(wrong)


def test_one_engine_after_the_other_is_asked(tmp_path, monkeypatch):
    """The first has no socket, the second is no engine, the third knows it."""
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    answers = {"second": b"hello", "third": answer()}
    servers, asked = [], []

    def serve(listener, words):
        channel, _ = listener.accept()
        with channel:
            asked.append(channel.recv(1000).split(b" ")[1].decode())
            channel.sendall(words)

    for name, words in answers.items():
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(name)
        listener.listen()
        servers.append((listener, threading.Thread(target=serve, args=(listener, words))))
        servers[-1][1].start()
    assert identify(ID, ["first", *answers]) == identity()
    for listener, thread in servers:
        thread.join()
        listener.close()
    assert asked == [f"/containers/{ID}/json"] * 2
