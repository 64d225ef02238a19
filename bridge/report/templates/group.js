// Groups: which version each view prefers, by how much, and what was changed in each.

const VERDICTS = {
  reference: "◆ reference",
  likelier: "▲ likelier",
  "less likely": "▼ less likely",
  "not distinguishable": "≈ not distinguishable",
  "not ranked": "○ not ranked",
};
const EDIT_SYMBOLS = { added: "+", removed: "×", moved: "↔", changed: "~", transposed: "♯" };
const SOURCES = {
  given: "versions as given",
  stem: "versions by file name",
  reference: "versions of the reference given",
  all: "everything, as asked",
};
const OPEN_GROUPS = 1,
  OPEN_VERSIONS = 4;

const ANSWERS = {
  reference: "◆ reference",
  better: "▲ better",
  worse: "▼ worse",
  "cannot tell": "≈ cannot tell",
  "not ranked": "○ not ranked",
};

/** What each group comes to, a row a version; null where there is none. */
function answersSection() {
  const groups = (REPORT.groups ?? []).filter((group) => group.answers?.length);
  if (!groups.length) return null;
  const title = (group) => (groups.length === 1 ? "Which version is better?" : `Which is better of ${group.group}?`);
  return el("section", { id: "answer" }, ...groups.flatMap((group) => [el("h2", {}, title(group)), answerTable(group)]));
}

function answerTable(group) {
  const views = [...new Set(group.answers.map((row) => row.view).filter((view) => view !== null))];
  const others = group.answers.filter((row) => row.id !== group.reference);
  const why = others.length > 1 ? inEveryRow(others.map((row) => row.why)) : null;
  const heads = [
    ["version", null],
    ["", null],
    ["why", why && "minor"],
    [views.length === 1 ? group.views[views[0]].unit : "figure", "minor number"],
    ["nats more than the reference, 95\u00a0% interval", "minor number"],
    ...(views.length > 1 ? [["by", null]] : []),
  ];
  const rows = group.answers.map((row) => {
    const ranked = rankedRow(group, row);
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, shownName(row.id)),
      el("td", { class: "words answer" }, ANSWERS[row.answer] ?? row.answer),
      el("td", { class: "words why" }, row.why === why ? "" : row.why),
      el("td", { class: "minor" }, number(ranked?.compared_value ?? ranked?.value)),
      el("td", { class: "minor" }, ranked ? differenceText(ranked) : "–"),
      views.length > 1 ? el("td", { class: "words by" }, row.view ?? "") : null,
    );
  });
  const told = [views.length === 1 ? `By ${views[0]}.` : "", why ? `Each: ${why}.` : ""].filter(Boolean).join(" ");
  return el(
    "div",
    { class: "scroll" },
    told ? el("p", { class: "hint" }, told) : null,
    el(
      "table",
      { class: "ranking answers" },
      el("thead", {}, el("tr", {}, ...heads.map(([text, kind]) => el("th", { scope: "col", class: kind }, text)))),
      el("tbody", {}, ...rows),
    ),
  );
}

/** What all rows say; null where they do not say the same. */
function inEveryRow(texts) {
  return texts.length && texts.every((text) => text && text === texts[0]) ? texts[0] : null;
}

/** What the view that gave an answer says of the version; of the reference, what the first view says. */
function rankedRow(group, answer) {
  const view = answer.view ?? (answer.id === group.reference ? Object.keys(group.views)[0] : null);
  return group.views[view]?.items.find((item) => item.id === answer.id) ?? null;
}

function groupsSection() {
  const groups = REPORT.groups ?? [];
  if (!groups.length) return null;
  const parts = groups.map((group, i) => groupView(group, groupId(i), i < OPEN_GROUPS));
  const section = el("section", { id: "groups" }, el("h2", {}, "Versions of one piece"), agreement(), ...parts);
  section.openAll = () => Promise.all(parts.map((part) => part.openRolls()));
  return section;
}

/** How far the views agree on the order within groups. */
function agreement() {
  const told = REPORT.agreement;
  if (!told || typeof told.within_group_spearman !== "number") return null;
  const interval = told.interval ? ` (95 % interval ${told.interval.map((x) => number(x)).join(" to ")})` : "";
  return el(
    "p",
    {},
    `Within groups the views agree by a rank correlation of ${number(told.within_group_spearman)}` +
      `${interval}, over ${told.n} ${told.n === 1 ? "group" : "groups"}; 1 is the same order, 0 none.`,
  );
}

function groupId(index) {
  return `group-${index}`;
}

function groupView(group, id, isOpen) {
  const isRanked = ([, ranking]) => ranking.items.some((item) => item.rank !== null);
  const ranked = Object.entries(group.views).filter(isRanked);
  const unranked = Object.entries(group.views).filter((of) => !isRanked(of));
  const rolls = el("details", { class: "rolls" }, el("summary", {}, "Piano rolls, with what was changed"));
  const part = el(
    "section",
    { class: "group", id },
    el("h3", {}, group.group, el("span", { class: "unit" }, ` ${SOURCES[group.source] ?? ""}`)),
    group.assumed ? el("p", { class: "hint" }, group.assumed) : null,
    ...group.verdict.split("\n").map((sentence) => el("p", { class: "lead-verdict" }, sentence)),
    el(
      "div",
      { class: "rankings" },
      ...ranked.map(([view, ranking]) => rankingCard(view, ranking)),
    ),
    unranked.length
      ? el("p", { class: "hint" }, `${unranked.map(([view]) => view).join(", ")}: none of them is ranked.`)
      : null,
    distanceTable(group),
    rolls,
  );
  let built = null;
  const build = () => (built ??= buildRolls(group, rolls));
  rolls.addEventListener("toggle", () => rolls.open && build());
  part.openRolls = () => {
    rolls.open = true;
    return build();
  };
  if (isOpen && versionsOf(group).length <= OPEN_VERSIONS) rolls.open = true;
  return part;
}

function rankingCard(view, ranking) {
  const reach = Math.max(
    1e-9,
    ...ranking.items.flatMap((item) =>
      [item.difference_nats, ...(item.interval ?? [])].filter((x) => x !== null).map(Math.abs),
    ),
  );
  const reason = inEveryRow(ranking.items.filter((item) => item.verdict === "not ranked").map((item) => item.reason));
  const byRank = [...ranking.items].sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity));
  const rows = byRank.map((item) =>
    el(
      "tr",
      {},
      el("td", {}, item.rank ?? "–"),
      el(
        "th",
        { scope: "row" },
        shownName(item.id),
        el("div", { class: "verdict" }, VERDICTS[item.verdict] ?? item.verdict),
        item.reason && item.reason !== reason ? el("div", { class: "hint" }, item.reason) : null,
      ),
      el("td", {}, number(item.compared_value ?? item.value)),
      el(
        "td",
        { class: "words beside" },
        differenceText(item),
        item.difference_nats === null ? null : differenceMark(item, reach),
      ),
    ),
  );
  const head = el(
    "tr",
    {},
    ...["", "version", "value", "more than the reference, 95\u00a0% interval"].map((text) =>
      el("th", { scope: "col" }, text),
    ),
  );
  return el(
    "div",
    { class: "card" },
    el("h4", {}, view, el("span", { class: "unit" }, ` ranks by ${ranking.unit}`)),
    el(
      "div",
      { class: "scroll" },
      el("table", { class: "ranking" }, el("thead", {}, head), el("tbody", {}, ...rows)),
    ),
    reason ? el("p", { class: "hint" }, `○ ${reason}`) : null,
  );
}

function differenceText(item) {
  if (item.difference_nats === null) return "–";
  const interval = item.interval ? ` [${item.interval.map((x) => signed(x, 0)).join(", ")}]` : "";
  return `${signed(item.difference_nats)} nats${interval}`;
}

/** The difference as a point with its interval as a line, about the reference's zero, by logarithms of both sides. */
function differenceMark(item, reach) {
  const x = (nats) => 70 + (64 * Math.sign(nats) * Math.log1p(Math.abs(nats))) / Math.log1p(reach);
  const [low, high] = item.interval ?? [item.difference_nats, item.difference_nats];
  return svg(
    "svg",
    { class: "difference", viewBox: "0 0 140 14", "aria-hidden": "true" },
    svg("line", { x1: 70, x2: 70, y1: 0, y2: 14, class: "zero" }),
    svg("line", { x1: x(low), x2: x(high), y1: 7, y2: 7, class: "whisker" }),
    svg("line", { x1: x(low), x2: x(low), y1: 3, y2: 11, class: "whisker" }),
    svg("line", { x1: x(high), x2: x(high), y1: 3, y2: 11, class: "whisker" }),
    svg("circle", { cx: x(item.difference_nats), cy: 7, r: 3.5, class: "dot" }),
  );
}

function distanceTable(group) {
  const known = Object.entries(group.distances ?? {}).filter(([, distance]) => distance);
  if (!known.length) return null;
  const rows = known.map(([id, distance]) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, shownName(id)),
      el("td", {}, number(distance.chroma, 3)),
      el("td", {}, number(distance.mfcc, 3)),
    ),
  );
  const head = el(
    "tr",
    {},
    ...["sound against the reference", "chroma distance", "MFCC distance in dB"].map((text) =>
      el("th", { scope: "col" }, text),
    ),
  );
  return el(
    "div",
    { class: "scroll" },
    el("table", { class: "ranking" }, el("thead", {}, head), el("tbody", {}, ...rows)),
  );
}

/** A roll for each version that has notes, on one time axis, the reference first. */
async function buildRolls(group, place) {
  const ids = versionsOf(group);
  const data = await Promise.all(ids.map((id) => itemData(INDEX_OF_ID.get(id))));
  const reference = data[ids.indexOf(group.reference)];
  const lengthOf = ({ symbolic, heard, audio }) =>
    symbolic?.seconds ?? audio?.seconds ?? (heard ? heard.first_note_seconds + heard.seconds : 0);
  const seconds = Math.max(...ids.map((id) => lengthOf(REPORT.items[INDEX_OF_ID.get(id)])));
  const legend = Object.entries(EDIT_SYMBOLS)
    .map(([kind, symbol]) => `${symbol} ${kind}`)
    .join("   ");
  if (reference?.notes)
    place.append(el("p", { class: "hint" }, `Dark notes with a mark differ from the reference: ${legend}.`));
  ids.forEach((id, i) => {
    const curves = data[i].notes ? [] : curvesOf(data[i]);
    if (!data[i].notes && !curves.length) return;
    const edits = editsOf(group, id);
    const both = ({ seconds, reference_seconds: inReference }) =>
      inTurnButton(
        "this, then the reference",
        secondsAbout(ofRecording(id, data[i]), data[i].notes, seconds),
        secondsAbout(ofRecording(group.reference, reference), reference?.notes ?? null, inReference ?? seconds),
      );
    const showTime = (time) => roll.showTime(time);
    const play = data[i].notes && notesButton("play", data[i].notes, 0, seconds, showTime);
    const describe = () => ({
      ...versionRoll(id, data[i], reference, edits, seconds),
      curves,
      playFrom: play?.begin,
    });
    const roll = rollFigure(describe, place.clientWidth);
    const title = id === group.reference ? VERDICTS.reference : data[i].notes ? editCounts(edits) : "";
    place.append(
      el(
        "div",
        { class: "version" },
        el("p", { class: "tools" }, el("b", {}, shownName(id)), el("span", {}, title), play),
        roll,
        editList(edits, both),
      ),
    );
  });
}

/** The passages of a version that is compared by its recording; by its file's clock there are none. */
function ofRecording(id, data) {
  return REPORT.items[INDEX_OF_ID.get(id)]?.symbolic ? [] : (data?.passages ?? []);
}

/** The versions of a group, the reference first. */
function versionsOf(group) {
  const ids = new Set(group.reference === null ? [] : [group.reference]);
  for (const ranking of Object.values(group.views)) for (const item of ranking.items) ids.add(item.id);
  return [...ids].filter((id) => INDEX_OF_ID.has(id));
}

function editCounts(edits) {
  const counts = Object.keys(EDIT_SYMBOLS)
    .map((kind) => [kind, edits.filter((edit) => edit.kind === kind).length])
    .filter(([, count]) => count);
  return counts.length ? counts.map(([kind, count]) => `${count} ${kind}`).join(", ") : "no edits of notes";
}

function versionRoll(id, data, reference, edits, seconds) {
  const ofNote = new Map();
  const ghosts = [];
  for (const edit of edits) {
    if (edit.note !== null) ofNote.set(edit.note, { symbol: EDIT_SYMBOLS[edit.kind] ?? "?", text: edit.text });
    else if (reference?.notes)
      ghosts.push({
        onset: edit.seconds,
        text: edit.text,
        duration: reference.notes.duration[edit.reference_note],
        pitch: reference.notes.pitch[edit.reference_note],
      });
  }
  return {
    name: `piano roll of ${id}`,
    notes: data.notes,
    colour: (i) => (ofNote.has(i) ? natsColour(TOP_NATS) : "#cfcfcf"),
    tell: (i) => [noteText(data.notes, i), ...(ofNote.has(i) ? [ofNote.get(i).text] : [])],
    seconds,
    edits: ofNote,
    ghosts,
  };
}

const LISTED_EDITS = 200;

/** Edits in words, each with what `buttonOf` makes of it. */
function editList(edits, buttonOf) {
  if (!edits.length) return null;
  const more = edits.length - LISTED_EDITS;
  return el(
    "details",
    {},
    el("summary", {}, `${edits.length} edits in words`),
    el(
      "ol",
      {},
      ...edits
        .slice(0, LISTED_EDITS)
        .map((edit) => el("li", {}, `${clock(edit.seconds)} ${edit.kind}: ${edit.text} `, buttonOf(edit))),
    ),
    more > 0 ? el("p", { class: "hint" }, `… and ${more} more, in report.xlsx`) : null,
  );
}

/** The edits of a version, whose id may be called like what every object has, toString. */
function editsOf(group, id) {
  return Object.hasOwn(group.edits ?? {}, id) ? group.edits[id] : [];
}
