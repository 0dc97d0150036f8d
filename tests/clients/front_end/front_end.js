// What a browser does for a front-end of another origin. Each step that holds is a line of the list; the first that does not
// ends it. Where the service is and the keys stand behind `#`.
const given = new URLSearchParams(location.hash.slice(1));
const territory = `${given.get("base")}/v1/territories/ales`;

function must(met, step) {
  const line = document.createElement("li");
  line.textContent = met ? step : `NOT: ${step}`;
  document.getElementById("steps").append(line);
  if (!met) throw new Error(step);
}

const ask = (role, path, { headers = {}, ...options } = {}) =>
  fetch(`${territory}/${path}`, { ...options, headers: { Authorization: `Bearer ${given.get(role)}`, ...headers } });
const read = async (role, path) => (await ask(role, path)).json();
const sending = (method, value, headers = {}) => ({
  method, body: JSON.stringify(value), headers: { "Content-Type": "application/json", ...headers },
});

async function story() {
  const answer = await ask("operator", "time-entries?limit=2&sort=worked_on&status=certified");
  const first = await answer.json();
  must(first.items.length === 2, "list");
  must(first.items.every((entry) => entry.status === "certified"), "filter");
  const next = /<[^>]*[?]([^>]*)>; rel="next"/.exec(answer.headers.get("Link"))[1];
  const second = await read("operator", `time-entries?${next}`);
  must(second.items.length === 2 && second.items[0].id !== first.items[0].id, "next page");

  const mission = (await read("lead", "missions")).items[0].id;
  const consultant = (await read("lead", "consultants?q=ancoris")).items[0].id;
  const day = { mission_id: mission, consultant_id: consultant, worked_on: "2023-08-30", days: 0.5, activity: "analysis" };
  const made = await ask("lead", "time-entries", sending("POST", { ...day, status: "draft" }, { "Idempotency-Key": "front-end" }));
  const entry = await made.json();
  must(made.status === 201 && made.headers.get("Location").endsWith(entry.id), "create");
  const shown = await ask("lead", `time-entries/${entry.id}`);
  const tag = shown.headers.get("ETag");
  must(tag.startsWith(`"${entry.version}`), "a version that a page may read");
  const change = (days) => ask("lead", `time-entries/${entry.id}`, sending("PATCH", { days }, { "If-Match": tag }));
  must((await (await change(0.25)).json()).days === 0.25, "edit");
  const stale = await change(0.75);
  must(stale.status === 412 && (await stale.json()).type === "/problems/stale-version", "edit with a stale version");

  const refused = await ask("lead", "time-entries", sending("POST", { ...day, days: 0.1 }, { "Accept-Language": "fr" }));
  const problem = await refused.json();
  must(refused.status === 422 && problem.errors[0].pointer === "/days" && /multiple|quart/.test(problem.errors[0].detail), "a problem in French");

  const book = await ask("auditor", "firms?format=xlsx");
  const bytes = new Uint8Array(await book.arrayBuffer());
  must(/attachment; filename="ales-firms-.*xlsx"/.test(book.headers.get("Content-Disposition")), "the name of a file");
  must(String.fromCharCode(...bytes.slice(0, 2)) === "PK", "a workbook");

  const drawn = await ask("operator", "engineering/burn-down?format=svg");
  const picture = new Image();
  picture.src = URL.createObjectURL(await drawn.blob());
  await picture.decode();
  must(picture.naturalWidth > 100, "the burn-down as a picture");
}

story().catch((error) => must(false, String(error)));
