"""A radiograph in memory."""

from dataclasses import dataclass

from severity.domain import Decision, ImageRecord
from severity.images import pixel_digest
from severity.images.grey_image import GreyImage


@dataclass(frozen=True)
class Radiograph:
    """One frontal chest radiograph, ready to score; ``decisions`` say how its file was read."""

    record: ImageRecord
    grey: GreyImage
    decisions: tuple[Decision, ...] = ()

    def pixel_sha256(self) -> str:
        """Hash what the image shows, whatever file or encoding it came in."""
        return pixel_digest.pixel_sha256(self.grey)
