"""Names that stand in public signatures, for annotations of one's own."""

from facegate.answering import Source
from facegate.calibration import Assurance, AtRate, CalibrationSettings, Key, Sample, Step
from facegate.events import Event, Observer, Recorder
from facegate.health import Health, ProviderHealth
from facegate.images.fetch import FetchPolicy
from facegate.images.image import Gallery, ImageSource
from facegate.images.intake import Intake
from facegate.question import Options
from facegate.routing.node import Node
from facegate.routing.route import Route
from facegate.routing.shadow import Shadow
from facegate.runtime.flow import Flow
from facegate.thresholds import Policy, Threshold, Thresholds, Unsure

__all__ = [
    "Assurance",
    "AtRate",
    "CalibrationSettings",
    "Event",
    "FetchPolicy",
    "Flow",
    "Gallery",
    "Health",
    "ImageSource",
    "Intake",
    "Key",
    "Node",
    "Observer",
    "Options",
    "Policy",
    "ProviderHealth",
    "Recorder",
    "Route",
    "Sample",
    "Shadow",
    "Source",
    "Step",
    "Threshold",
    "Thresholds",
    "Unsure",
]
