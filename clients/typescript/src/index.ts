import createClient, { type Client } from "openapi-fetch";
import type { paths } from "./schema.js";
import { sending } from "./sending.js";

export type { components, operations, paths } from "./schema.js";
export { every, Refused } from "./pages.js";
export { sending } from "./sending.js";

/** The service at this address, asked with this key. A read or a POST that is lost or refused for the moment is sent again. */
export const rebond = (baseUrl: string, key: string): Client<paths> =>
  createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` }, fetch: sending(fetch) });
