"""GT1: who is to pay what no insurance pays."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.addresses import xad_of
from transforms.fhir_to_v2.datatypes.authorities import xon_of_organization
from transforms.fhir_to_v2.datatypes.codes import code_of, cwe_of
from transforms.fhir_to_v2.datatypes.contacts import xtn_of
from transforms.fhir_to_v2.datatypes.identifiers import cx_of
from transforms.fhir_to_v2.datatypes.names import xpn_of
from transforms.fhir_to_v2.datatypes.times import dt_of, dtm_of
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.segments.pid import SSN


def gt1s_of(patient: Node, run: Run) -> None:
    """Account.guarantor[GT1]."""
    for account in run.of_type("Account"):
        for guarantor in account.all("guarantor"):
            party = run.resolve(guarantor.one("party"))
            if party:
                run.done.add(account.path)
                account.skip("status")
                gt1_of(party, guarantor, patient, run)


def gt1_of(party: Node, guarantor: Node, patient: Node, run: Run) -> Line:
    """RelatedPerson, Patient or Organization[GT1]."""
    gt1 = run.line("GT1", party)
    gt1.put(1, str(sum(line.name == "GT1" for line in run.lines)))
    period = guarantor.one("period")
    gt1.put(13, dt_of(period, "start", run))
    gt1.put(14, dt_of(period, "end", run))
    if party.peek("resourceType") == "Organization":
        gt1.put(5, *(xad_of(each, run) for each in party.all("address")))
        gt1.put(7, *(xtn_of(each, run) for each in party.all("telecom")))
        gt1.put(21, xon_of_organization(party, run))
        return gt1
    gt1.put(3, *(xpn_of(each, run) for each in party.all("name")))
    gt1.put(5, *(xad_of(each, run) for each in party.all("address")))
    for each in party.all("telecom"):
        gt1.put(field_of(each, "GT1") or (7 if each.peek("use") == "work" else 6), xtn_of(each, run))
    gt1.put(8, dtm_of(party, "birthDate", run))
    gt1.put(9, code_of(party, "gender", run, "AdministrativeSex"))
    if party is patient:
        gt1.put(11, "SEL")
        return gt1
    gt1.put(11, *(cwe_of(each, run, "Relationship", "0063") for each in party.all("relationship")))
    for each in party.all("identifier"):
        if each.peek("system") == SSN and not each.has("assigner"):
            each.skip("type", "system")
            gt1.put(12, each.text("value"))
        else:
            gt1.put(2, cx_of(each, run))
    return gt1
