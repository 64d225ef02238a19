// The page from top to bottom.

const PRINT_ALL_UP_TO = 60;
const PRINT_WIDTH = 900;
const MOST_LISTED = 12;

const GLOSSARY = [
  ["nats", "Surprise, −ln p: what the model did not expect costs more. One nat is 1.44 bits. Lower is likelier."],
  ["bits/note", "The surprise of all notes shared among them, so that pieces of different length compare."],
  [
    "percentile",
    "Per cent of windows of real, held-out piano music of like length that are less likely. 100: likelier " +
      "than all of them; monotony also scores high.",
  ],
  ...LAYOUT.glossary,
  [
    "time, pitch, duration, velocity",
    "What of a note was surprising: when it comes, which key, how long it lasts, how loud it is.",
  ],
  [
    "interval",
    "95 % of what the difference could be by chance; where it holds zero, versions are not " +
      "distinguishable. Beside the dotted zero it is drawn by logarithms.",
  ],
];
const TRUST = [
  "Likely is not good: a likely piece is one that the models, trained on piano performances, would have expected. " +
    "Monotony is likely; a bold passage is not.",
  "The views measure different things and are never added up; they are joined by percentile and rank alone.",
  "A rendering and a recording are never ranked against each other: timbre would decide.",
  "A note's surprise points at a place to listen to, not at a mistake. Where a view is known to fail on input " +
    "like this, its figure says so.",
];

function overview() {
  const { items } = REPORT;
  const count = (test) => items.filter(test).length;
  const parts = [
    `${items.length} ${items.length === 1 ? "item" : "items"}`,
    `${count((entry) => entry.symbolic)} with notes`,
    `${count((entry) => entry.audio && entry.rendered)} rendered`,
    `${count((entry) => entry.audio && !entry.rendered)} with a recording`,
    `${count((entry) => entry.heard)} heard`,
    `${count((entry) => entry.error)} failed`,
  ].filter((text) => !text.startsWith("0 "));
  const weights = Object.entries(REPORT.weights ?? {});
  return el(
    "section",
    {},
    el(
      "p",
      { class: "lead" },
      `${parts.join(", ")}. Scored ${REPORT.created.replace("T", " ").replace("+00:00", " UTC")}.`,
    ),
    LAYOUT.note ? el("p", { class: "remark" }, LAYOUT.note) : null,
    ...SHARED_REMARKS.map((text) => el("p", { class: "remark" }, `⚠ Of all items: ${text}`)),
    el(
      "details",
      {},
      el("summary", {}, "Models and context"),
      el(
        "ul",
        {},
        ...weights.map(([view, sha256]) =>
          el(
            "li",
            {},
            `${view}: ${REPORT.units?.[view] ?? ""}; weights `,
            el("code", { title: sha256 }, sha256.slice(0, 12)),
          ),
        ),
      ),
      el("p", {}, REPORT.context_policy),
      REPORT.soundfont ? el("p", {}, `MIDI files were played with ${REPORT.soundfont}.`) : null,
      ...(REPORT.passed_over ?? []).map((told) => el("p", {}, told)),
    ),
  );
}

/** Where to go on: below long rolls nobody looks for the table of all items. */
function contents() {
  const groups = (REPORT.groups ?? []).map((group, i) => [group.group, groupId(i)]);
  const listed = groups.length <= MOST_LISTED ? groups : [["Versions of one piece", "groups"]];
  const parts = [...listed, ["All items", "summary"], ["How to read this", "reading"]];
  return el("nav", { "aria-label": "Contents" }, ...parts.map(([name, id]) => el("a", { href: `#${id}` }, name)));
}

function reading() {
  return el(
    "section",
    { id: "reading" },
    el("h2", {}, "How to read this"),
    natsLegend(),
    el(
      "p",
      {},
      "Notes are the darker the more surprising they were. A thick border and a numbered bracket mark the least " +
        "likely moments; beneath, on the same time axis, stand the curves of the sound. " +
        "Point at a note or tap it for its figures.",
    ),
    el("dl", {}, ...GLOSSARY.flatMap(([word, meaning]) => [el("dt", {}, word), el("dd", {}, meaning)])),
    el("h2", {}, "How far to trust it"),
    el("ul", {}, ...TRUST.map((text) => el("li", {}, text))),
  );
}

/** Lays whatever is open out anew, for the window or for a printer's page. */
function layOut(isPrinting) {
  for (const inside of document.querySelectorAll(".detail")) detailWidth(inside);
  for (const roll of document.querySelectorAll(".roll")) {
    const width = isPrinting ? PRINT_WIDTH : roll.parentNode.clientWidth;
    if (width > 0) roll.redraw(width); // none inside what is closed
  }
}

/** The only item as all there is: what a notebook shows of it. */
async function showItem(page) {
  page.replaceChildren();
  page.append(itemView(REPORT.items[0], await itemData(0), page.clientWidth));
}

function showPage() {
  const page = document.getElementById("page");
  if (LAYOUT.is_item) return showItem(page);
  const summary = summaryTable();
  const groups = groupsSection();
  const openAll = async () => {
    await Promise.all([summary.openAll(), groups?.openAll()]);
    window.print();
  };
  const isFew = REPORT.items.length <= PRINT_ALL_UP_TO;
  const print = el(
    "button",
    { type: "button", class: "print", onclick: isFew ? openAll : () => window.print() },
    isFew ? "Print with all items open" : "Print",
  );
  const answers = answersSection();
  const parts = [answers, overview(), contents(), print, groups, summary, reading()]; // the answer, why, the numbers
  page.append(...parts.filter(Boolean));
  if (REPORT.items.length === 1) summary.open(0);
}

addEventListener("beforeprint", () => layOut(true));
addEventListener("afterprint", () => layOut(false));
let lastWidth = innerWidth; // phones also tell of a change of height while they scroll
addEventListener("resize", () => {
  if (innerWidth !== lastWidth) layOut(false);
  lastWidth = innerWidth;
});
showPage();
