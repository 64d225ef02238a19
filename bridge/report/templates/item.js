// One item: its roll coloured by surprise over the curves of its phrases and sound, its least likely moments, its figures.

const DETAIL_PADDING = 12;
const CLIP_LEAD_IN = 1.5,
  CLIP_TAIL = 2;
const REASONS = {
  time: "◷ time",
  pitch: "♯ pitch",
  duration: "▬ duration",
  velocity: "◢ velocity",
  sound: "∿ sound",
};
const PHRASE_PART = "code";
const CURVES = {
  nll_nats_per_second: "nats/s, higher: less likely",
  llr_nats_per_second: "ratio in nats/s, lower: less musical",
};

/**
 * @param {Object} entry of the report
 * @param {ItemData} data
 * @param {number} width
 */
function itemView(entry, data, width) {
  const figure = data.notes || Object.keys(data.curves).length ? itemRoll(entry, data, width) : null;
  const heard = data.heard ? heardRoll(entry, data, width) : null;
  return el(
    "article",
    { "aria-label": entry.id },
    el("p", { class: "facts" }, el("b", {}, entry.id), ` · ${facts(entry).join(" · ")}`),
    ...remarksOf(entry).map((text) => el("p", { class: "remark" }, text === entry.error ? `✕ ${text}` : `⚠ ${text}`)),
    momentList(entry, data, figure),
    figure,
    heard,
    figureCards(entry),
    allFigures(entry),
  );
}

function facts(entry) {
  const told = [];
  const { symbolic, heard, audio, match } = entry;
  if (symbolic) told.push(`${symbolic.notes} notes in ${clock(symbolic.seconds)}`);
  if (heard) told.push(`${heard.notes} notes heard by ${heard.transcriber} ${heard.transcriber_version}`);
  if (audio?.seconds) told.push(`${soundKind(entry)}, ${clock(audio.seconds)}`);
  if (entry.wav && !entry.rendered) told.push(entry.wav);
  if (entry.heard_against_read) told.push(entry.heard_against_read.text);
  if (match) told.push(`notes and recording agree in ${number(100 * match.chroma_similarity, 0)} % of chroma`);
  const sequenced = symbolic?.sequenced;
  if (sequenced)
    told.push(
      `sequenced: ${number(100 * sequenced.share_on_grid, 0)} % of onsets on a grid of ` +
        `${number(sequenced.grid_seconds, 3)} s, ${sequenced.distinct_velocities} velocities`,
    );
  for (const [view, of] of [...Object.entries(symbolic ?? {}), ...Object.entries(heard ?? {})])
    if (of?.by_composer) told.push(`${view} finds it likeliest ${composersText(of.by_composer)}`);
  const repairs = Object.entries(symbolic?.repairs ?? {}).map(
    ([kind, count]) => `${kind.replaceAll("_", " ")} ${count}`,
  );
  if (repairs.length) told.push(`repaired: ${repairs.join(", ")}`);
  return told;
}

const LIKELIEST_COMPOSERS = 3;

/** The composers that notes are likeliest of, with their nats a note. */
function composersText(byComposer) {
  const likeliest = Object.entries(byComposer).sort(([, a], [, b]) => a - b).slice(0, LIKELIEST_COMPOSERS);
  return likeliest.map(([name, nats], i) => `${i ? "then " : "if by "}${name} (${number(nats)} nats a note)`).join(", ");
}

/** The roll with its choices of view and attribute. */
function itemRoll(entry, data, width) {
  const views = Object.keys(data.nats);
  const view = choice("surprise by", views);
  const parts = [...new Set(views.flatMap((name) => Object.keys(data.nats[name])))];
  const attribute = choice("of", ["all", ...parts]);
  const natsOf = (name, i) => Object.values(data.nats[name]).reduce((sum, nats) => sum + nats[i], 0);
  const top = () => (attribute.value === "all" ? TOP_NATS : TOP_NATS / 2);
  const colour = (i) => {
    if (!views.length) return "#bbb";
    const isWhole = attribute.value === "all";
    return natsColour(isWhole ? natsOf(view.value, i) : (data.nats[view.value][attribute.value]?.[i] ?? 0), top());
  };
  const tell = (i) => [
    noteText(data.notes, i),
    ...views.map(
      (name) =>
        `${name}: ${number(natsOf(name, i))} nats = ` +
        Object.entries(data.nats[name])
          .map(([key, nats]) => `${key} ${number(nats[i])}`)
          .join(" + "),
    ),
  ];
  const moments = entry.moments ?? [];
  const showTime = (time) => roll.showTime(time);
  const end = data.notes ? lastSecond(data.notes) : 0;
  const play = data.notes && notesButton("play the notes", data.notes, 0, end, showTime);
  const describe = () => ({
    name: `piano roll of ${entry.id}`,
    notes: data.notes,
    colour,
    tell,
    seconds: Math.max(end, (entry.audio?.seconds ?? 0) - data.sound_start),
    marks: moments.map((moment, i) => ({ ...noteTime(moment, data), label: String(i + 1) })),
    flagged: new Set(moments.flatMap((moment) => moment.notes ?? [])),
    curves: [...phraseCurves(data), ...curvesOf(data)],
    playFrom: play?.begin,
  });
  const roll = rollFigure(describe, width);
  let legend = natsLegend();
  const chosen = () => {
    const before = legend;
    before.replaceWith((legend = natsLegend(top())));
    roll.redraw();
  };
  view.addEventListener("change", chosen);
  attribute.addEventListener("change", chosen);
  const tools = el("p", { class: "tools" }, play, ...(views.length ? [view.parentNode, attribute.parentNode] : []));
  if (views.length) tools.append(legend);
  const box = el("div", { class: "figure" }, tools, roll);
  box.showTime = showTime;
  return box;
}

/** The notes heard in the recording of a pair, by its time, with what is otherwise than in the MIDI file. */
function heardRoll(entry, data, width) {
  const { notes, nats } = data.heard;
  const edits = entry.heard_against_read?.edits ?? [];
  const showTime = (time) => roll.showTime(time);
  const end = lastSecond(notes);
  const play = notesButton("play what was heard", notes, 0, end, showTime);
  const view = Object.keys(nats)[0];
  const cost = (i) => Object.values(nats[view] ?? {}).reduce((sum, ofNote) => sum + ofNote[i], 0);
  const roll = rollFigure(() => {
    const described = versionRoll(entry.id, data.heard, data, edits, end);
    return {
      ...described,
      name: `heard in ${entry.id}`,
      colour: (i) => natsColour(cost(i)),
      tell: (i) => [...described.tell(i), ...(view ? [`${view}: ${number(cost(i))} nats`] : [])],
      playFrom: play.begin,
    };
  }, width);
  const both = ({ seconds, reference_seconds: inFile }) =>
    inTurnButton(
      "recording, then file",
      secondsAbout(data.passages, notes, seconds),
      secondsAbout([], data.notes, inFile ?? seconds),
    );
  const title = `Heard in the recording: ${entry.heard_against_read?.text ?? ""}`;
  return el("div", { class: "figure" }, el("p", { class: "tools" }, play, title), roll, editList(edits, both));
}

/** A note in words. */
function noteText(notes, i) {
  return (
    `${pitchName(notes.pitch[i])} at ${clock(notes.onset[i], 2)}, ${number(notes.duration[i])} s, ` +
    `velocity ${notes.velocity[i]}`
  );
}

function choice(label, options) {
  const select = el("select", {}, ...options.map((option) => el("option", {}, option)));
  el("label", {}, `${label} `, select);
  return select;
}

/** What the code of each phrase cost, an equal share a note, where a view tells it: one step a phrase, on its notes. */
function phraseCurves(data) {
  return Object.entries(data.nats)
    .filter(([, parts]) => parts[PHRASE_PART])
    .map(([view, { [PHRASE_PART]: nats }]) => {
      const { onset } = data.notes;
      return {
        label: `${view}: code of each phrase in nats a note, higher: less likely where it stands`,
        start: onset,
        end: [...onset.slice(1), lastSecond(data.notes)],
        value: nats,
      };
    });
}

/** The curves of the sound, their times counted from the first sound, as those of the notes are from the first note. */
function curvesOf(data) {
  return Object.entries(data.curves).flatMap(([view, columns]) =>
    Object.keys(CURVES)
      .filter((name) => columns[name])
      .map((name) => ({
        label: `${view}: ${CURVES[name]}`,
        start: columns.start_seconds.map((seconds) => seconds - data.sound_start),
        value: columns[name],
      })),
  );
}

/** A moment's span on the notes' axis: moments of the sound count from the file's start. */
function noteTime(moment, data) {
  const shift = data.curves[moment.view] ? data.sound_start : 0;
  return { start: moment.start_seconds - shift, end: moment.end_seconds - shift };
}

function momentList(entry, data, figure) {
  const moments = entry.moments ?? [];
  if (!moments.length) return null;
  const lines = moments.map((moment, i) => {
    const { start, end } = noteTime(moment, data);
    return el(
      "li",
      {},
      ...momentButtons(data, i, start, end, figure),
      el("span", { class: "reason" }, REASONS[moment.reason] ?? moment.reason ?? ""),
      moment.text.charAt(0).toUpperCase() + moment.text.slice(1),
      el("span", { class: "hint" }, ` (${moment.view}, ${number(moment.nats, 1)} nats above the usual)`),
    );
  });
  return el("section", {}, el("h4", {}, "Least likely moments"), el("ol", { class: "moments" }, ...lines));
}

/** What plays a moment: the clip of the recording where the page has one, and the notes around it. */
function momentButtons(data, i, start, end, figure) {
  const clip = data.clips[i] && playButton("recording", (ended) => playClip(data.clips[i], ended));
  const from = Math.max(0, start - CLIP_LEAD_IN);
  const notes = data.notes && notesButton("notes", data.notes, from, end + CLIP_TAIL, figure.showTime);
  return [clip, notes].filter(Boolean);
}

/** A card for each view: its figures with unit, its place among real music, two sentences on it. */
function figureCards(entry) {
  const cards = LAYOUT.sections
    .filter((section) => section.view)
    .map((section) => {
      const rows = [...section.columns, ...section.percentiles.map((keys) => ({ keys }))]
        .map((column) => [column, lookUp(entry, column.keys)])
        .filter(([, value]) => value !== null)
        .map(([column, value]) =>
          el(
            "div",
            { class: "big" },
            isPercentile(column) ? percentileBar(value) : el("b", {}, number(value, column.digits)),
            el("span", { class: "unit" }, ` ${figureName(column)}`),
          ),
        );
      const said = entry.explanations?.[section.view];
      if (!rows.length && !said) return null;
      return el(
        "div",
        { class: "card" },
        el("h4", {}, section.view),
        el("div", { class: "bigs" }, ...rows),
        said ? el("p", {}, said) : null,
        el("p", { class: "hint" }, REPORT.units?.[section.view] ?? ""),
      );
    });
  return el("div", { class: "cards" }, ...cards.filter(Boolean));
}

/** What a column's figure is and its unit, where the header does not say it. */
function figureName({ header, keys }) {
  if (isPercentile({ keys })) {
    const of = keys.at(-1).replace(/_?percentile$/, "");
    return of ? `percentile of ${of}` : "percentile";
  }
  const unit = unitOf(keys);
  const isTold = unit === header || unit === REPORT.units?.[keys[1]]; // in the card's last line
  return unit && !isTold ? `${header}, ${unit}` : header;
}

/** Every figure of the report's entry, in full. */
function allFigures(entry) {
  const rows = [];
  const walk = (value, keys) => {
    if (typeof value === "number")
      rows.push(
        el(
          "tr",
          {},
          el("th", { scope: "row" }, keys.join(" · ")),
          el("td", {}, String(value)),
          el("td", { class: "words" }, unitOf(keys)),
        ),
      );
    else if (value !== null && typeof value === "object")
      for (const [key, inner] of Object.entries(value))
        walk(inner, [...keys, Array.isArray(value) ? Number(key) + 1 : key]);
  };
  const { edits, ...counts } = entry.heard_against_read ?? {};
  for (const half of ["symbolic", "heard", "audio", "match"]) walk(entry[half], [half]);
  walk(counts, ["heard_against_read"]);
  if (!rows.length) return null;
  return el(
    "details",
    {},
    el("summary", {}, "All figures"),
    el("div", { class: "scroll" }, el("table", { class: "figures" }, el("tbody", {}, ...rows))),
  );
}

/** The unit of a figure, or of the list or mapping that it stands in. */
function unitOf(keys) {
  if (!keys.length) return "";
  return LAYOUT.units[keys.join(".")] ?? unitOf(keys.slice(0, -1));
}
