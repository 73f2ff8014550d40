"""Names that stand in public signatures, for annotations of one's own."""

from facegate.answering import Source
from facegate.events import Event, Observer, Recorder
from facegate.images.image import Gallery, ImageSource
from facegate.images.intake import Intake
from facegate.question import Options
from facegate.routing.route import Route
from facegate.runtime.flow import Flow
from facegate.thresholds import Threshold, Thresholds

__all__ = [
    "Event",
    "Flow",
    "Gallery",
    "ImageSource",
    "Intake",
    "Observer",
    "Options",
    "Recorder",
    "Route",
    "Source",
    "Threshold",
    "Thresholds",
]
