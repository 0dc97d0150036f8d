// What a front-end does first, by the package. Each step ends the program where it fails.
import { every, rebond, sending, type components } from "rebond-client";

declare const process: { env: Record<string, string | undefined> };

const as = (role: string) => rebond(process.env.BASE!, process.env[role]!);
const lead = as("LEAD");
const auditor = as("AUDITOR");
const territory = "ales";

function must(met: unknown, step: string): asserts met {
  if (!met) throw new Error(step);
  console.log(step);
}

// A list, and its next page.
const first = await lead.GET("/v1/territories/{territory}/time-entries", {
  params: { path: { territory }, query: { limit: 2, sort: "worked_on" } },
});
must(first.data?.items.length === 2 && first.data.next_cursor, "list");
const second = await lead.GET("/v1/territories/{territory}/time-entries", {
  params: { path: { territory }, query: { limit: 2, sort: "worked_on", cursor: first.data.next_cursor } },
});
must(second.data && !first.data.items.some((one) => second.data.items.some((other) => other.id === one.id)), "next page");

const ids = new Set<string>();
let seen = 0;
const entries = every((at) =>
  lead.GET("/v1/territories/{territory}/time-entries", { params: { path: { territory }, query: { limit: 7, ...at } } }));
for await (const entry of entries) {
  ids.add(entry.id);
  seen += 1;
}
must(seen > 7 && ids.size === seen, "every page");

// An object is made; what is not said has its default, which nobody had to send.
const mission = (await lead.GET("/v1/territories/{territory}/missions", { params: { path: { territory } } })).data!.items[0]!;
const consultant = (
  await lead.GET("/v1/territories/{territory}/consultants", { params: { path: { territory }, query: { q: "ancoris" } } })
).data!.items[0]!;
const day: components["schemas"]["TimeEntryCreate"] = {
  mission_id: mission.id, consultant_id: consultant.id, worked_on: "2023-08-01", days: 0.5, activity: "analysis",
};
const key = { "Idempotency-Key": `tour-${Date.now()}` };
const create = () =>
  lead.POST("/v1/territories/{territory}/time-entries", { params: { path: { territory }, header: key }, body: day });
const made = await create();
must(made.data && made.response.status === 201 && made.data.status === "submitted", "create");
must((await create()).response.headers.get("Idempotency-Replayed") === "true", "create again");

// Two answers are lost, and the third says what the first would have said.
let lost = 2;
const unlucky = sending(
  async (request) => {
    const answer = await fetch(request);
    if (lost-- > 0) throw new TypeError("lost");
    return answer;
  }, 3, () => Promise.resolve());
const again = await lead.POST("/v1/territories/{territory}/time-entries", {
  params: { path: { territory } }, body: { ...day, worked_on: "2023-08-02" }, fetch: unlucky,
});
must(again.data && again.response.headers.get("Idempotency-Replayed") === "true", "sent until it is answered");

// It is changed by its version, and not by an older one.
const place = { territory, id: made.data.id };
const change = (version: string) =>
  lead.PATCH("/v1/territories/{territory}/time-entries/{id}", {
    params: { path: place, header: { "If-Match": version } }, body: { days: 0.25 },
  });
const tag = made.response.headers.get("ETag")!;
must((await change(tag)).data?.days === 0.25, "update");
const stale = await change(tag);
must(stale.error?.type === "/problems/stale-version" && stale.response.status === 412, "stale update");

// A problem is one of the catalogue, and says what is wrong with each field.
const refused = await lead.POST("/v1/territories/{territory}/time-entries", {
  params: { path: { territory } }, body: { ...day, days: 0.3 },
});
must(refused.error?.type === "/problems/validation-failed", "problem");
must(refused.error.errors?.[0]?.code === "not_a_quarter_day", "problem of a field");

// Cents beyond 32 bits.
const totals = await auditor.GET("/v1/territories/{territory}/projects/totals", { params: { path: { territory } } });
must(totals.data && totals.data.cost_cents > 2 ** 31, "a sum beyond 32 bits");

// Another form of a list: its rows as text.
const table = await auditor.GET("/v1/territories/{territory}/grants", {
  params: { path: { territory }, query: { format: "csv" } }, parseAs: "text",
});
must(String(table.data).split("\r\n")[0]!.includes("amount_eur"), "export");

// The feed, from its beginning to its end.
let told = 0;
for (let after: string | undefined; ; ) {
  const page = (await auditor.GET("/v1/events", { params: { query: { limit: 500, ...(after ? { after } : {}) } } })).data!;
  told += page.items.length;
  if (page.items.length === 0) break;
  after = page.next_cursor;
}
must(told > 1000, "feed");
