"""The contract holds providers whose questions are more than one exchange of JSON."""

from __future__ import annotations

from conversations import ChainsDocumentation, NorrasksDocumentation, VeridiasDocumentation
from norrask import Norrask
from test_steps import Chained
from veridia import Veridia


class TestATokenAnUploadAndAJob(NorrasksDocumentation):
    provider = Norrask


class TestSignedPartsAndPictures(VeridiasDocumentation):
    provider = Veridia


class TestAChainOfRequests(ChainsDocumentation):
    provider = Chained
