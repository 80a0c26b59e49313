"""Durations that settings name, up to a century: dates and timers cannot reckon with any number."""

from typing import Annotated

from pydantic import Field

_DAYS = 36_500

Days = Annotated[int, Field(ge=1, le=_DAYS)]
"""Whole days, at least one."""

FractionOfDays = Annotated[float, Field(gt=0, le=_DAYS)]
"""Days, of which a part may be one."""

Hours = Annotated[float, Field(gt=0, le=_DAYS * 24)]
"""Hours, of which a part may be one."""

Seconds = Annotated[float, Field(gt=0, le=_DAYS * 86_400)]
"""Seconds, of which a part may be one."""
