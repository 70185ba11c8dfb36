"""ACC, DB1 and PDA: an accident, a disability, what the patient died of."""

from __future__ import annotations

from transforms.elements import OWN
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.codes import cwe_of, has_code, yes_no
from transforms.fhir_to_v2.datatypes.identifiers import cx_of
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.times import dtm_of, period_of
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run

_CAUSE_OF_DEATH = "69453-9"


def acc_of(encounter: Node, run: Run) -> Line | None:
    """Encounter[ACC]: the accident that led to the visit."""
    acc = Line("ACC", encounter)
    accident = encounter.extension(f"{OWN}accident")
    acc.put(1, dtm_of(accident.extension("date"), "valueDateTime", run))
    acc.put(2, cwe_of(accident.extension("type").one("valueCodeableConcept"), run, "", "0050"))
    acc.put(3, accident.extension("location").text("valueString"))
    acc.put(4, cwe_of(accident.extension("state").one("valueCodeableConcept"), run, "", "0347"))
    acc.put(5, yes_no(accident.extension("jobRelated"), "valueBoolean"))
    acc.put(6, yes_no(accident.extension("death"), "valueBoolean"))
    return run.append(acc)


def db1_of(patient: Node, run: Run) -> Line | None:
    """Patient[DB1]: a disability of the patient."""
    db1 = Line("DB1", patient)
    disability = patient.extension(f"{OWN}disability")
    db1.put(4, yes_no(disability.extension("disabled"), "valueBoolean"))
    for name, start, end in (("period", 5, 6), ("unableToWork", 8, 7)):
        begin, until = period_of(disability.extension(name).one("valuePeriod"), run)
        db1.put(start, begin)
        db1.put(end, until)
    for each in patient.all("identifier"):
        if field_of(each, "DB1"):
            db1.put(3, cx_of(each, run))
    if not db1.fields:
        return None
    db1.put(1, "1")
    db1.put(2, "PT")
    return run.append(db1)


def pda_of(patient: Node, run: Run) -> Line | None:
    """Observation[PDA]: the causes of death."""
    for observation in run.of_type("Observation"):
        if has_code(observation.one("code"), _CAUSE_OF_DEATH) and run.refers(observation.one("subject"), patient):
            pda = run.line("PDA", observation)
            observation.skip("code", "status")
            pda.put(1, cwe_of(observation.one("valueCodeableConcept"), run))
            for each in observation.all("component"):
                each.skip("code")
                pda.put(1, cwe_of(each.one("valueCodeableConcept"), run))
            pda.put(4, dtm_of(observation, "effectiveDateTime", run))
            if observation.has("performer"):
                pda.put(5, xcn_of(observation.one("performer"), run))
            return pda
    return None
