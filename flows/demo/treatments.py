"""The treatments of a simulated patient, in a file as a hospital would send it."""

from pathlib import Path

from db.corrections import Author
from flows.courses.update import update_courses
from flows.events.importing import TreatmentImport
from flows.events.reading import records
from flows.events.record import Naming
from flows.resources import Resources
from severity.domain import PatientId

TREATED = PatientId("SIM-0003")
"""The simulated patient who was treated: the course rises, then falls."""

_FILE = """\
patient,kind,label,start,end
SIM-0003,stay,SIMULATED intensive care,2020-03-04,2020-03-12
SIM-0003,drug,SIMULATED dexamethasone,2020-03-06,2020-03-13
"""


def import_demo_treatments(path: Path, resources: Resources) -> int:
    """Write the file and import it as `events import` does; return how many were new."""
    path.write_text(_FILE, encoding="utf-8")
    database = resources.open_database()
    naming = Naming(
        lambda patient, issuer: resources.pseudonym(PatientId(patient, issuer)),
        resources.settings.zone,
    )
    author = Author("demonstration", "imported by the demonstration")
    report = TreatmentImport(database, author, "demonstration").store(records(path, naming))
    update_courses(database)
    return report.events.new
