"""The treatments and groups of the simulated patients, in a file as a hospital would send it."""

from pathlib import Path

from db.corrections import Author
from flows.courses.update import update_courses
from flows.events.importing import TreatmentImport
from flows.events.reading import records
from flows.events.record import Naming
from flows.resources import Resources
from severity.domain import PatientId

TREATED = PatientId("SIM-0002")
"""The simulated patient who gets better after a drug."""

_FILE = """\
patient,kind,label,start,end,group.ward
SIM-0001,stay,SIMULATED intensive care,2020-03-11,,SIMULATED north
SIM-0002,drug,SIMULATED dexamethasone,2020-03-05,2020-03-12,SIMULATED north
SIM-0003,stay,SIMULATED intensive care,2020-03-04,2020-03-12,SIMULATED south
SIM-0003,drug,SIMULATED dexamethasone,2020-03-08,2020-03-15,SIMULATED south
SIM-0004,procedure,SIMULATED prone position,2020-03-02,2020-03-06,SIMULATED south
SIM-0005,,,,,SIMULATED north
SIM-0006,drug,SIMULATED remdesivir,2020-03-02,2020-03-07,SIMULATED north
SIM-0007,drug,SIMULATED remdesivir,2020-03-03,2020-03-08,SIMULATED south
SIM-0008,,,,,SIMULATED south
"""


def import_demo_treatments(path: Path, resources: Resources) -> int:
    """Write the file and import it as `events import` does; return how many were new."""
    path.write_text(_FILE, encoding="utf-8")
    naming = Naming(
        lambda patient, issuer: resources.pseudonym(PatientId(patient, issuer)),
        resources.settings.zone,
    )
    author = Author("demonstration", "imported by the demonstration")
    report = TreatmentImport(resources, author, "demonstration").store(records(path, naming))
    update_courses(resources.open_database())
    return report.events.new
