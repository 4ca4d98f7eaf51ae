// Import: a dropped or chosen file is sent, its plan is shown and changed, and then it becomes pages.
import { ask, el, rebase, rooted, say } from "./api.js";

const root = document.querySelector("[data-import]");
const part = (name) => root.querySelector(`[data-${name}]`);
const status = part("status");
const LISTED = 200; // pages of each kind that are shown one by one
let plan;
let choices;

function tell(text, bad = false) {
  status.textContent = text;
  status.classList.toggle("bad", bad);
}

// --- the file ---

async function send(file) {
  if (file.size > Number(root.dataset.largest) * 2 ** 20) return tell(`${file.name} is larger than ${root.dataset.largest} MB; import it from the command line`, true);
  await forget();
  part("report").hidden = true;
  tell(`Reading ${file.name} ...`);
  try {
    const answer = await fetch(rooted(`/api/v1/imports?name=${encodeURIComponent(file.name)}`), { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file });
    const data = await answer.json();
    if (!answer.ok) throw new Error(data.error);
    tell("");
    show(data);
    part("plan-title").focus();
  } catch (error) {
    tell(error.message, true);
  }
}

async function forget() {
  if (plan) await ask(`/api/v1/imports/${plan.token}`, { method: "DELETE" }).catch((error) => say(error.message));
  plan = undefined;
  part("plan").hidden = true;
}

const input = root.querySelector("input[type=file]");
input.addEventListener("change", () => input.files.length && send(input.files[0]));
const drop = part("drop");
for (const name of ["dragenter", "dragover"])
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const [item] = event.dataTransfer.items;
  if (item?.webkitGetAsEntry?.()?.isDirectory) return tell("This is a folder; make a .zip of it and drop that", true);
  if (event.dataTransfer.files.length > 1) return tell("These are several files; make a .zip of them and drop that", true);
  if (event.dataTransfer.files.length) send(event.dataTransfer.files[0]);
});

// --- the plan ---

function counted(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

function show(data) {
  plan = data;
  choices = {};
  part("plan-title").textContent = data.name;
  const files = data.attachments.length ? `; ${counted(data.attachments.length, "other file")} ${data.attachments.length === 1 ? "comes" : "come"} along` : "";
  part("plan-said").textContent = `${Object.entries(data.kinds).sort().map(([kind, count]) => counted(count, kind)).join(", ")}${files}.`;
  part("kind-row").hidden = !data.unsaid && !data.kind;
  part("kind").value = data.kind || "note";
  fill("joined", data.pages.filter((page) => page.joins));
  fill("own", data.pages.filter((page) => !page.joins));
  showLinks();
  const left = part("left");
  left.hidden = !data.left_out.length;
  left.querySelector("summary").textContent = `${counted(data.left_out.length, "thing")} left out; the record of the import keeps what they say`;
  left.querySelector("ul").replaceChildren(...data.left_out.slice(0, LISTED).map((item) => el("li", { class: "dim" }, `${item.source}${item.line ? `, line ${item.line}` : ""}: ${item.why}`)));
  part("plan").hidden = false;
}

function fill(name, pages) {
  const place = part(name);
  place.hidden = !pages.length;
  place.querySelector("ul").replaceChildren(
    ...pages.slice(0, LISTED).map(line),
    ...(pages.length > LISTED ? [el("li", { class: "dim" }, `and ${counted(pages.length - LISTED, "page")} more`)] : []),
  );
}

function line(page) {
  const choice = el("select", { "aria-label": `what becomes of ${page.title}` });
  for (const candidate of page.candidates) choice.append(el("option", { value: `join ${candidate.path}` }, `Add to “${candidate.title}”`));
  choice.append(el("option", { value: "own" }, "A page of its own"), el("option", { value: "leave" }, "Leave it out"));
  choice.value = page.joins ? `join ${page.joins.path}` : page.action;
  const sides = el("div", { class: "sides" });
  const look = el("details", {}, el("summary", {}, page.candidates.length ? "Side by side" : "Preview"), sides);
  const said = () => {
    const [action, ...target] = choice.value.split(" ");
    return { action, target: target.join(" ") };
  };
  const seen = async () => {
    if (!look.open) return;
    try {
      await compare(sides, page, said());
    } catch (error) {
      sides.replaceChildren(el("p", { class: "error-line" }, error.message));
    }
  };
  look.addEventListener("toggle", seen);
  choice.addEventListener("change", () => {
    choices[page.path] = said();
    showLinks();
    seen();
  });
  const level = page.level === null || page.joins ? "" : `, level ${page.level}`;
  const why = page.joins ? [page.joins.why, ...page.guesses] : page.guesses;
  return el(
    "li",
    {},
    el("div", { class: "import-line" }, el("span", { class: "what" }, page.title, " ", el("span", { class: "dim" }, `${page.kind}${level}`)), choice),
    ...(why.length ? [el("p", { class: "dim" }, why.join("; "))] : []),
    look,
  );
}

async function compare(sides, page, { action, target }) {
  const query = new URLSearchParams({ path: page.path, kind: plan.kind, target: action === "join" ? target : "" });
  const both = await ask(`/api/v1/imports/${plan.token}/page?${query}`);
  const side = (name, html) => {
    const text = el("div", {});
    text.innerHTML = html; // made safe by the server, as pages are
    rebase(text);
    return el("section", { class: "side", tabindex: 0, role: "region", "aria-label": name }, el("p", { class: "side-name" }, name), text);
  };
  sides.classList.toggle("single", both.theirs === null);
  sides.replaceChildren(...(both.theirs === null ? [] : [side("The page you have", both.theirs)]), side("Your words", both.mine));
}

function showLinks() {
  const links = plan.pages.filter((page) => (choices[page.path] ?? page).action !== "leave").flatMap((page) => page.links.map((link) => [page, link]));
  part("links").hidden = !links.length;
  part("links-said").textContent = `Put ${counted(links.length, "link")} into the imported words`;
  root.querySelector(".import-links").replaceChildren(
    ...links.slice(0, LISTED).map(([page, link]) => el("li", {}, `“${link.around}”`, el("span", { class: "dim" }, ` (${page.title}): ${link.words} → ${link.to}`))),
  );
}

part("kind").addEventListener("change", async () => {
  tell("Reading again ...");
  try {
    show(await ask(`/api/v1/imports/${plan.token}?kind=${part("kind").value}`));
    tell("");
  } catch (error) {
    tell(error.message, true);
  }
});

// --- the end ---

part("cancel").addEventListener("click", async () => {
  await forget();
  input.value = "";
  tell("Nothing was written.");
  input.focus();
});

part("apply").addEventListener("click", async (event) => {
  event.target.disabled = true;
  tell("Importing ...");
  try {
    const body = { kind: plan.kind, links: part("with-links").checked, choices };
    done(await ask(`/api/v1/imports/${plan.token}`, { method: "POST", body }));
  } catch (error) {
    tell(error.message, true);
  }
  event.target.disabled = false;
});

function done(report) {
  plan = undefined;
  input.value = "";
  part("plan").hidden = true;
  tell("");
  const joined = Object.keys(report.joined).length;
  const parts = [
    [report.made.length, "pages made"],
    [joined, "added to pages that you have"],
    [report.updated.length, "brought up to date"],
    [report.same.length, "there already"],
    [report.kept.length, "changed here since and kept so"],
    [report.links, "links put in"],
  ];
  part("report-said").textContent = `${parts.filter(([count]) => count).map(([count, what]) => `${count.toLocaleString("en")} ${what}`).join(", ")}. The record is ${report.report}.`;
  part("first").hidden = !report.first;
  part("first").href = rooted(report.first);
  part("report").querySelector("ul").replaceChildren(...Object.entries(report.pages).map(([name, url]) => el("li", {}, el("a", { href: rooted(url) }, name))));
  part("report").hidden = false;
  part("report").querySelector("h2").focus();
}
