// The summary: a row an item, sorted by a click on a column's name; an item opens beneath its row.

const FILTER_FROM = 15;
const ROWS_AT_ONCE = 60;
const HAS_GROUPS = REPORT.items.some((entry) => entry.group !== null);
const MINOR = new Set(["group", "notes", "seconds", "sound"]);

/**
 * @typedef {Object} SummaryColumn
 * @property {string} view
 * @property {string} header
 * @property {string[]} keys
 * @property {?number} digits
 * @property {string} legend
 */

/** @returns {SummaryColumn[]} */
function summaryColumns() {
  return LAYOUT.sections.flatMap((section) => section.columns.map((column) => ({ view: section.view, ...column })));
}

/** Whether a column holds places among held-out windows. */
function isPercentile(column) {
  return column.keys.at(-1).endsWith("percentile");
}

/** The table with its filter, in a section. */
function summaryTable() {
  const columns = summaryColumns();
  const rows = REPORT.items.map((entry, index) => summaryRow(entry, index, columns));
  const body = el("tbody", {}, ...rows.slice(0, ROWS_AT_ONCE).map((row) => row.line)); // seen before all else is read
  documentRead.then(() => body.append(...rows.filter((row) => !row.line.isConnected).map((row) => row.line)));
  const table = el("table", { class: "summary" }, tableHead(columns, rows, body), body);
  const box = el("div", { class: "scroll" }, table);
  const section = el("section", { id: "summary" }, el("h2", {}, "All items"));
  if (rows.length >= FILTER_FROM) section.append(filterField(rows));
  section.append(box, el("p", { class: "hint" }, "Open an item by its name; sort by a column's."));
  section.open = (index) => rows[index].open(true);
  section.openAll = () => documentRead.then(() => Promise.all(rows.map((row) => row.open(true))));
  return section;
}

function tableHead(columns, rows, body) {
  const sortable = [
    { header: "item", of: (row) => row.entry.id },
    { header: "group", of: (row) => row.entry.group },
  ];
  const shown = [
    ...(HAS_GROUPS ? sortable : sortable.slice(0, 1)),
    ...columns.map((column) => ({ ...column, of: (row) => lookUp(row.entry, column.keys) })),
    { header: "sound", of: (row) => soundKind(row.entry) },
  ];
  const heads = shown.map((column) => {
    const head = el(
      "th",
      { scope: "col", class: minor(column.header), title: column.legend ?? null },
      el("button", { type: "button", onclick: () => sortBy(column, head) }, column.header),
    );
    return head;
  });
  const sortBy = (column, head) => {
    const isUp = head.getAttribute("aria-sort") !== "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
    body.append(...sorted(rows, column.of, isUp).flatMap((row) => row.lines()));
  };
  const views = LAYOUT.sections.map((section) =>
    el(
      "th",
      { scope: "colgroup", colspan: section.columns.length, class: section.view ? null : "minor" },
      section.view,
    ),
  );
  const group = HAS_GROUPS ? el("th", { class: "minor" }) : null;
  const behind = el("th", { class: "minor" });
  return el("thead", {}, el("tr", { class: "views" }, el("th"), group, ...views, behind), el("tr", {}, ...heads));
}

/** The class of what a phone has no room for. */
function minor(header) {
  return MINOR.has(header) ? "minor" : null;
}

/** Rows by a value of theirs; those without one stay at the end. */
function sorted(rows, valueOf, isUp) {
  const isNothing = (value) => value === null || value === undefined || value === "";
  const order = (a, b) => (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
  return [...rows].sort((one, other) => {
    const a = valueOf(one),
      b = valueOf(other);
    if (isNothing(a) || isNothing(b)) return isNothing(a) - isNothing(b);
    return isUp ? order(a, b) : order(b, a);
  });
}

function summaryRow(entry, index, columns) {
  const remarks = remarksOf(entry).length;
  const mark = entry.error ? "✕ failed" : remarks ? `⚠ ${remarks} ${remarks === 1 ? "remark" : "remarks"}` : "";
  const name = el("button", { type: "button", class: "item-name", "aria-expanded": "false" }, shownName(entry.id));
  const cells = columns.map((column) => {
    const value = lookUp(entry, column.keys);
    return el(
      "td",
      { class: minor(column.header) },
      isPercentile(column) ? percentileBar(value) : number(value, column.digits),
    );
  });
  const line = el(
    "tr",
    {},
    el("th", { scope: "row" }, name, el("span", { class: "mark" }, mark)),
    HAS_GROUPS ? el("td", { class: "words minor" }, entry.group ?? "–") : null,
    ...cells,
    el("td", { class: "words minor" }, soundKind(entry)),
  );
  const row = { entry, mark, line, detail: null, lines: () => (row.detail ? [line, row.detail] : [line]) };
  row.open = async (isWanted = !row.detail) => {
    if (isWanted === Boolean(row.detail)) return;
    name.setAttribute("aria-expanded", String(isWanted));
    if (!isWanted) {
      stopSound();
      row.detail.remove();
      row.detail = null;
      return;
    }
    const inside = el("div", { class: "detail" });
    row.detail = el("tr", { class: "detail-row" }, el("td", { colspan: line.cells.length }, inside));
    line.after(row.detail);
    const data = await itemData(index);
    if (inside.isConnected) inside.append(itemView(entry, data, detailWidth(inside))); // else closed meanwhile
  };
  name.addEventListener("click", () => row.open());
  return row;
}

/** Give an item's part the width that is seen of the table; returns what is left for its figures. */
function detailWidth(inside) {
  inside.style.width = `${inside.closest(".scroll").clientWidth}px`;
  return inside.clientWidth - 2 * DETAIL_PADDING;
}

function filterField(rows) {
  const field = el("input", { type: "search", placeholder: "name, group, failed", "aria-label": "show items named" });
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    for (const row of rows) {
      const isShown = `${row.entry.id} ${row.entry.group ?? ""} ${row.mark}`.toLowerCase().includes(wanted);
      for (const line of row.lines()) line.hidden = !isShown;
    }
  });
  return el("p", { class: "filter" }, el("label", {}, "Show only ", field));
}

/** Where an item's sound comes from, in a word. */
function soundKind(entry) {
  return entry.audio === null ? "–" : entry.rendered ? "rendered" : "recording";
}

/** What an item alone has to say beside its numbers: its error, its warnings, the views it lacks. */
function remarksOf(entry) {
  return allRemarksOf(entry).filter((text) => !SHARED_REMARKS.includes(text));
}

function allRemarksOf(entry) {
  const unavailable = ["symbolic", "audio"].flatMap((half) =>
    Object.entries(entry[half] ?? {})
      .filter(([, figures]) => figures?.unavailable)
      .map(([view, figures]) => `${view}: unavailable, ${figures.unavailable}`),
  );
  return [...(entry.error ? [entry.error] : []), ...entry.warnings, ...unavailable];
}

/** What is remarked on every one of several items, in the same words: it is told once, for all. */
const SHARED_REMARKS = REPORT.items.length > 1
  ? allRemarksOf(REPORT.items[0]).filter((text) => REPORT.items.every((entry) => allRemarksOf(entry).includes(text)))
  : [];
