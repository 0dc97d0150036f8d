"use strict";
// The document as a page: its groups closed, each operation with its curl line, and a form that sends it.
// A group and an operation are made when they are opened, so the page is there before 600 operations would be.

const BASE = new URL(".", document.baseURI).href.replace(/\/$/, "");
const METHODS = ["get", "post", "put", "patch", "delete"];
const DEEPEST = 6; // schemas in schemas that are shown
const place = (id) => document.getElementById(id);

// `rebond demo --docs` prints an address with the keys of the demonstration behind `#`, which no browser sends to a server.
// They are taken off the address at once, and kept nowhere.
const DEMO = "#demo:";
if (location.hash.startsWith(DEMO)) {
  for (const [role, key] of new URLSearchParams(location.hash.slice(DEMO.length)))
    place("role").append(new Option(role.replaceAll("_", " "), key));
  history.replaceState(null, "", location.pathname);
  place("roles").hidden = false;
  place("typed").hidden = true;
}
const key = () => place("role").value || place("key").value;

// What is said comes from the document alone, and only ever as text.
function made(name, properties = {}, ...inside) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...inside.filter((each) => each !== null));
  return element;
}

function folded(className, heading, fill) {
  const details = made("details", { className }, made("summary", {}, ...heading));
  details.addEventListener("toggle", () => details.open && details.children.length === 1 && details.append(fill()));
  return details;
}

let api;
const resolved = (thing) =>
  thing && thing.$ref ? thing.$ref.slice(2).split("/").reduce((found, name) => found[name], api) : thing;

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.anyOf || schema.oneOf) return (schema.anyOf || schema.oneOf).map(typeOf).join(" | ");
  const names = [schema.type ?? "any"].flat().join(" | ");
  const format = schema.format ? ` (${schema.format})` : "";
  return schema.items ? `${names} of ${typeOf(schema.items)}` : names + format;
}

function shape(given, depth = 0) {
  const schema = resolved(given);
  const parts = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.items ? [schema.items] : [])];
  const list = made("dl");
  for (const part of parts.map(resolved))
    for (const [name, property] of Object.entries(part.properties ?? {})) {
      const needed = (part.required ?? []).includes(name) ? "" : ", optional";
      const text = resolved(property).description ?? "";
      const more = depth < DEEPEST && /\$ref/.test(JSON.stringify(property));
      list.append(
        made("dt", {}, made("code", {}, name), ` ${typeOf(property)}${needed}`),
        made("dd", {}, text, more ? folded("", ["more"], () => shape(property, depth + 1)) : null),
      );
    }
  return list.children.length || depth >= DEEPEST || !schema.items ? list : shape(schema.items, depth + 1);
}

const field = (parameter) => {
  const schema = resolved(parameter.schema ?? {});
  if (!schema.enum) return made("input", { name: parameter.name, placeholder: typeOf(schema) });
  return made("select", { name: parameter.name }, ...["", ...schema.enum].map((each) => new Option(each, each)));
};

function forms(operation) {
  const body = resolved(operation.requestBody);
  if (!body) return null;
  const types = Object.keys(body.content);
  if (!types.includes("application/json"))
    return made("div", { className: "body" }, made("input", { type: "file", accept: types.join() }));
  const schema = body.content["application/json"].schema;
  const example = (resolved(schema).examples ?? [{}])[0];
  return made("div", { className: "body" },
    made("textarea", { rows: 8, value: JSON.stringify(example, null, 2), ariaLabel: "Body" }),
    folded("", ["what it may have"], () => shape(schema)));
}

async function send(path, method, parameters, form, answer) {
  const headers = key() ? { Authorization: `Bearer ${key()}` } : {};
  const query = new URLSearchParams();
  let address = path;
  for (const { name, in: where } of parameters) {
    const value = form.elements[name].value;
    if (where === "path") address = address.replace(`{${name}}`, encodeURIComponent(value));
    else if (value && where === "query") query.append(name, value);
    else if (value && where === "header") headers[name] = value;
  }
  const text = form.querySelector("textarea");
  const file = form.querySelector("input[type=file]");
  if (text && text.value.trim()) headers["Content-Type"] = "application/json";
  if (file && file.files[0]) headers["Content-Type"] = file.files[0].type || "text/csv";
  const body = text ? text.value.trim() || undefined : file ? file.files[0] : undefined;
  answer.replaceChildren("…");
  try {
    const got = await fetch(`${BASE}${address}${query.size ? `?${query}` : ""}`, { method: method.toUpperCase(), headers, body });
    const told = [...got.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    answer.replaceChildren(made("p", { className: "status" }, `${got.status} ${got.statusText}`), made("pre", {}, told), await content(got));
  } catch (error) {
    answer.replaceChildren(String(error));
  }
}

async function content(got) {
  const type = got.headers.get("content-type") ?? "";
  if (/json$/.test(type.split(";")[0])) return made("pre", {}, JSON.stringify(await got.json(), null, 2));
  if (/^text|ndjson|xml/.test(type)) return made("pre", {}, await got.text());
  const named = /filename="([^"]*)"/.exec(got.headers.get("content-disposition") ?? "");
  const blob = await got.blob();
  return blob.size ? made("a", { href: URL.createObjectURL(blob), download: named ? named[1] : "answer" }, "save the answer") : made("span");
}

function shown({ path, method, operation }) {
  const parameters = (operation.parameters ?? []).map(resolved);
  const answer = made("div", { className: "answer" });
  const samples = (operation["x-codeSamples"] ?? []).map((each) => each.source.replaceAll("http://127.0.0.1:8000", BASE));
  const others = operation["x-rebond-forms"];
  const form = made("form", {},
    made("dl", {}, ...parameters.flatMap((parameter) => [
      made("dt", {}, made("label", {}, made("code", {}, parameter.name), ` ${parameter.in}${parameter.required ? "" : ", optional"} `, field(parameter))),
      made("dd", {}, parameter.description ?? ""),
    ])),
    forms(operation),
    made("button", {}, "Send"));
  if (form.elements.territory) form.elements.territory.value = "ales";
  if (form.elements["Idempotency-Key"]) {
    const random = crypto.getRandomValues(new Uint32Array(4));
    form.elements["Idempotency-Key"].value = [...random].map((each) => each.toString(16).padStart(8, "0")).join("");
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(path, method, parameters, form, answer);
  });
  return made("div", {},
    made("p", { className: "said" }, operation.description ?? ""),
    made("p", {}, operation["x-permission"] ? `Permission: ${operation["x-permission"]}. ` : "Anyone may. ", others ? `Other forms: ${others.join(", ")}.` : ""),
    ...samples.map((each) => made("pre", { className: "curl" }, each)),
    form, answer,
    folded("", ["answers"], () => made("dl", {}, ...Object.entries(operation.responses).flatMap(([status, given]) => {
      const described = resolved(given);
      const schema = status < "300" && described.content?.["application/json"]?.schema;
      return [
        made("dt", {}, made("code", {}, status), schema ? ` ${typeOf(schema)}` : ""),
        made("dd", {}, described.description ?? "", schema ? folded("", ["what it has"], () => shape(schema)) : null),
      ];
    }))));
}

function row(each, open) {
  const { path, method, operation } = each;
  const details = folded("operation",
    [made("span", { className: "method" }, method.toUpperCase()), made("code", {}, path), ` ${operation.summary ?? ""}`],
    () => shown(each));
  details.addEventListener("toggle", () => details.open && history.replaceState(null, "", `#${operation.operationId}`));
  details.open = operation.operationId === open;
  return details;
}

// Every word of the phrase stands in the operation, or is the name of its group.
function render(operations, phrase, open) {
  const words = phrase.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = ({ operation, text }) => words.every((word) => operation.tags.includes(word) || text.includes(word));
  const found = operations.filter(fits);
  const groups = api.tags.map(({ name, description }) => {
    const inside = found.filter(({ operation }) => operation.tags.includes(name));
    if (inside.length === 0) return null;
    const group = folded("group", [made("b", {}, name), ` ${description ?? ""} (${inside.length})`], () => made("div", {}, ...inside.map((each) => row(each, open))));
    group.open = words.length > 0 || inside.some(({ operation }) => operation.operationId === open);
    return group;
  });
  place("groups").replaceChildren(...groups.filter(Boolean));
  place("count").value = `${found.length} operations`;
}

async function start() {
  api = await (await fetch("openapi.json")).json();
  place("about").textContent = `${api.info.description}\nVersion ${api.info.version}, OpenAPI ${api.openapi}.`;
  const operations = Object.entries(api.paths).flatMap(([path, of]) =>
    METHODS.filter((method) => of[method]).map((method) => {
      const operation = of[method];
      const text = [method, path, operation.summary, operation.description, operation.operationId].join(" ").toLowerCase();
      return { path, method, operation, text };
    }));
  const wanted = location.hash.slice(1);
  render(operations, "", wanted);
  place("phrase").addEventListener("input", () => render(operations, place("phrase").value, ""));
  place("tools").addEventListener("submit", (event) => event.preventDefault());
}
start();
