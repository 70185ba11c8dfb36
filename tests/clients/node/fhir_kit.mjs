// fhir-kit-client at work with the FHIR end whose base address is the first argument and whose token the second: prints
// what each request was answered, a line of JSON each.
import Client from "fhir-kit-client";

const [baseUrl, bearerToken] = process.argv.slice(2);
const client = new Client({ baseUrl, bearerToken });
const patient = { resourceType: "Patient", name: [{ family: "Testperson" }] };

async function show(asking) {
  try {
    const said = await asking;
    const { response } = Client.httpFor(said);
    console.log(JSON.stringify([response.status, response.headers.get("location"), said]));
    return said;
  } catch (error) {
    console.log(JSON.stringify([error.response.status, null, error.response.data]));
    return undefined;
  }
}

await show(client.capabilityStatement());
const created = await show(client.create({ resourceType: "Patient", body: patient }));
await show(client.update({ resourceType: "Patient", id: created.id, body: { ...created, active: true } }));
await show(client.update({ resourceType: "Patient", searchParams: { identifier: "a|1" }, body: patient }));
const JSONPatch = [{ op: "add", path: "/active", value: true }];
await show(client.patch({ resourceType: "Patient", id: created.id, JSONPatch }));
const entry = [{ resource: patient, request: { method: "POST", url: "Patient" } }];
await show(client.transaction({ body: { resourceType: "Bundle", type: "transaction", entry } }));
await show(client.batch({ body: { resourceType: "Bundle", type: "batch", entry } }));
await show(client.delete({ resourceType: "Patient", id: created.id }));
await show(client.create({ resourceType: "Patient", body: { resourceType: "Observation" } }));
