"""boto3, AWS's SDK for Python, before the API that answers as Rekognition does."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image as Pillow

import facegate
from facegate_rekognition.compat import RekognitionApi
from loopback import Server, reply

ME = "AKIDEXAMPLE:s3cr3t/9e41+b7c0"
TEMPORARY = "ASIAEXAMPLE:s3cr3t-of-an-hour:FwoGZXIvYXdzEXAMPLE="
INSTRUCTED = {
    f"AKID{number}:s3cr3t": f"error={name}" for number, name in enumerate(RekognitionApi.errors)
}


@pytest.fixture(autouse=True)
def _no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials of whoever tests are nobody's business."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)


@pytest.fixture(scope="module")
def url(served: Callable[..., str]) -> str:
    return served(RekognitionApi, {ME: None, TEMPORARY: None, **INSTRUCTED})


def rekognition(url: str, key: str = ME, **more: Any) -> Any:
    key_id, secret, *token = key.split(":")
    return boto3.client(
        "rekognition",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token="".join(token) or None,
        config=Config(proxies={}, **more),
    )


@pytest.fixture(params=["", "/", "/rekognition", "/rekognition/"])
def client(url: str, request: pytest.FixtureRequest) -> Any:
    """Mounted at the root and below it, with and without a slash at its end."""
    return rekognition(url + request.param)


def branch(client: Any, source: bytes, target: bytes, **more: Any) -> str:  # noqa: PLR0911
    """An application's own branch."""
    errors = client.exceptions
    try:
        reply = client.compare_faces(
            SourceImage={"Bytes": source}, TargetImage={"Bytes": target}, **more
        )
    except errors.InvalidParameterException:
        return "no face"
    except errors.ImageTooLargeException:
        return "too large"
    except errors.InvalidImageFormatException:
        return "no picture"
    except errors.InvalidS3ObjectException:
        return "not in S3"
    except errors.AccessDeniedException:
        return "not allowed"
    except (errors.ThrottlingException, errors.ProvisionedThroughputExceededException):
        return "slower"
    except errors.InternalServerError:
        return "later"
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "same" if reply["FaceMatches"] else "another"


def test_it_tells_who_is_who(client: Any, faces: Mapping[str, bytes]) -> None:
    mine = faces["mine"]
    assert branch(client, mine, faces["mine_too"]) == "same"
    assert branch(client, mine, faces["strangers"]) == "another"
    assert branch(client, mine, faces["mine_too"], SimilarityThreshold=99.9) == "another"
    assert branch(client, mine, faces["nobody"]) == "no face"
    assert branch(client, faces["two"], mine) == "no face"
    assert branch(client, mine, faces["heavy"]) == "too large"
    assert branch(client, mine, b"RIFF....WEBPVP8 ") == "no picture"


def test_a_threshold_of_0_asks_for_the_similarity(url: str, faces: Mapping[str, bytes]) -> None:
    reply = rekognition(url).compare_faces(
        SourceImage={"Bytes": faces["mine"]},
        TargetImage={"Bytes": faces["strangers"]},
        SimilarityThreshold=0,
    )
    (match,) = reply["FaceMatches"]
    assert 0 < match["Similarity"] < 80
    assert reply["UnmatchedFaces"] == []


def test_a_reply_says_where_the_faces_are(url: str, faces: Mapping[str, bytes]) -> None:
    reply = rekognition(url).compare_faces(
        SourceImage={"Bytes": faces["mine"]}, TargetImage={"Bytes": faces["mine_too"]}
    )
    for face in (reply["SourceImageFace"], reply["FaceMatches"][0]["Face"]):
        box = face["BoundingBox"]
        assert 0 < box["Left"] < box["Left"] + box["Width"] < 1
        assert 0 < box["Top"] < box["Top"] + box["Height"] < 1
        assert 50 < face["Confidence"] <= 100
    assert reply["ResponseMetadata"]["RequestId"]


def test_only_who_holds_the_key_is_let_in(url: str, faces: Mapping[str, bytes]) -> None:
    pair = faces["mine"], faces["mine_too"]
    assert branch(rekognition(url, TEMPORARY), *pair) == "same"
    nobody = "UnrecognizedClientException"
    assert branch(rekognition(url, "AKIDOTHER:s3cr3t"), *pair) == nobody
    assert branch(rekognition(url, f"{ME}x"), *pair) == "InvalidSignatureException"
    assert branch(rekognition(url, f"{ME}:another-token"), *pair) == nobody
    assert branch(rekognition(url, TEMPORARY.rpartition(":")[0]), *pair) == nobody


@pytest.mark.parametrize(("key", "said"), INSTRUCTED.items())
def test_every_error_arrives(url: str, faces: Mapping[str, bytes], key: str, said: str) -> None:
    name = said.removeprefix("error=")
    client = rekognition(url, key, retries={"total_max_attempts": 1})
    mine = faces["mine"]
    branches = {
        "InvalidParameterException": "no face",
        "ImageTooLargeException": "too large",
        "InvalidImageFormatException": "no picture",
        "InvalidS3ObjectException": "not in S3",
        "AccessDeniedException": "not allowed",
        "ThrottlingException": "slower",
        "ProvisionedThroughputExceededException": "slower",
        "InternalServerError": "later",
    }
    assert branch(client, mine, mine) == branches.get(name, name)


def test_what_is_not_served_is_not_allowed(url: str, faces: Mapping[str, bytes]) -> None:
    client, picture = rekognition(url), {"Bytes": faces["mine"]}
    with pytest.raises(client.exceptions.AccessDeniedException, match="CompareFaces"):
        client.index_faces(CollectionId="c", Image=picture)
    with pytest.raises(client.exceptions.AccessDeniedException):
        client.create_face_liveness_session()
    stored = {"S3Object": {"Bucket": "bucket", "Name": "name"}}
    with pytest.raises(client.exceptions.InvalidS3ObjectException):
        client.compare_faces(SourceImage=stored, TargetImage=picture)


def test_facegates_client_sends_what_boto3_sends(faces: Mapping[str, bytes]) -> None:
    mine, other = faces["mine"], faces["mine_too"]
    with Server(
        reply(200, {"FaceMatches": [{"Similarity": 97.3}], "UnmatchedFaces": []})
    ) as server:
        branch(rekognition(server.url), mine, other, SimilarityThreshold=0.0, QualityFilter="NONE")
        key_id, _, secret = ME.partition(":")
        given = {"base_url": server.url, "region": "eu-west-1"}
        credentials = {"access_key_id": key_id, "secret_access_key": secret}
        with facegate.open(plugin="rekognition", **given, **credentials) as verifier:
            assert verifier.compare(mine, [other]).accepted
    theirs, ours = server.seen
    assert (ours.method, ours.target) == (theirs.method, theirs.target)
    assert prepared(ours.json) == prepared(theirs.json)
    for name in ("x-amz-target", "content-type", "host"):
        assert ours.headers[name] == theirs.headers[name]
    names = [each.headers["authorization"].split("Signature=")[0] for each in (ours, theirs)]
    assert names[0] == names[1]


def prepared(asked: dict[str, Any]) -> dict[str, Any]:
    """A request with its pictures' pixels in the pictures' places: facegate sends no metadata."""

    def pixels(source: dict[str, str]) -> bytes:
        return Pillow.open(io.BytesIO(base64.b64decode(source["Bytes"]))).tobytes()

    return {
        name: pixels(value) if isinstance(value, dict) else value for name, value in asked.items()
    }


def test_the_address_alone_moves_an_application(
    url: str, faces: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    key_id, _, secret = ME.partition(":")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", url)
    client = boto3.Session().client("rekognition")
    assert branch(client, faces["mine"], faces["mine_too"]) == "same"
