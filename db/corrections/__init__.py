"""Corrections: what was decided before is put right by a person, with a reason, and reversibly.

Each changes rows of images, objects, patients or sources; triggers record who changed what, when
and why. Scores are never touched.
"""

from db.corrections.author import Author, begin
from db.corrections.forgetting import Forgotten, forget
from db.corrections.images import in_place_of, move, restore, withdraw
from db.corrections.objects import dismiss, release, release_failed, release_reason, undismiss
from db.corrections.patients import merge, merged_into, split
from db.corrections.times import correct_time, restore_time
from db.corrections.views import correct_view
from db.corrections.zones import ZoneCorrection, correct_zone, source_id

__all__ = [
    "Author",
    "Forgotten",
    "ZoneCorrection",
    "author",
    "begin",
    "correct_time",
    "correct_view",
    "correct_zone",
    "dismiss",
    "forget",
    "in_place_of",
    "merge",
    "merged_into",
    "move",
    "release",
    "release_failed",
    "release_reason",
    "restore",
    "restore_time",
    "source_id",
    "split",
    "undismiss",
    "withdraw",
]
