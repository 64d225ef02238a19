// Piano rolls: notes over time in lines like a score's, with curves of the sound beneath on the same time axis.

const LEFT = 42,
  RIGHT = 8,
  TOP = 20,
  AXIS = 18,
  CURVE = 54,
  CURVE_GAP = 6;
const LINE_SECONDS = { wide: 40, narrow: 15 };
const NARROW = 600;
const TOP_NATS = 16;
/** From light to dark with growing surprise: read by lightness alone, in print and by the colour-blind. */
const RAMP = [
  [255, 240, 150],
  [222, 196, 92],
  [150, 141, 116],
  [78, 87, 110],
  [0, 30, 80],
];

/** The colour of a surprise of 0 to `top` nats. */
function natsColour(nats, top = TOP_NATS) {
  const place = Math.min(1, Math.max(0, nats / top)) * (RAMP.length - 1);
  const below = Math.min(RAMP.length - 2, Math.floor(place));
  const channels = RAMP[below].map((low, i) => Math.round(low + (place - below) * (RAMP[below + 1][i] - low)));
  return `rgb(${channels.join(" ")})`;
}

/** The colours' legend. */
function natsLegend(top = TOP_NATS) {
  const steps = Array.from({ length: 9 }, (_, i) => (i * top) / 8);
  const boxes = steps.map((nats, i) =>
    svg("rect", { x: 1 + i * 24, y: 1, width: 24, height: 11, fill: natsColour(nats, top), stroke: "#555" }),
  );
  const labels = [
    [0, "0"],
    [4, number(top / 2, 0)],
    [8, `${top}+ nats`],
  ];
  return svg(
    "svg",
    { class: "legend", viewBox: "0 0 262 26", role: "img", "aria-label": "light: expected, dark: surprising" },
    ...boxes,
    ...labels.map(([i, label]) => svg("text", { x: 8 + i * 24, y: 23 }, label)),
  );
}

/**
 * @typedef {Object} Edit
 * @property {string} symbol drawn above the note
 * @property {string} text
 *
 * @typedef {Object} Roll
 * @property {string} name for those who cannot see it
 * @property {Notes} notes
 * @property {function(number): string} colour of a note
 * @property {function(number): string[]} tell lines of text on a note
 * @property {number} seconds
 * @property {{start: number, end: number, label: string}[]} [marks] spans to point at
 * @property {Set<number>} [flagged] notes with a thick border
 * @property {Map<number, Edit>} [edits]
 * @property {{onset: number, duration: number, pitch: number, text: string}[]} [ghosts] notes that are missing here
 * @property {{label: string, start: number[], end: (number[]|undefined), value: number[]}[]} [curves] a second each without ends
 * @property {function(number): void} [playFrom]
 */

/**
 * A figure with the roll in as many lines as its width asks for, empty where there is no room. Its `redraw(width)` lays
 * it out anew; `showTime(t)` moves the playhead, null hides it.
 * @param {function(): Roll} describe asked at every drawing
 */
function rollFigure(describe, width) {
  const figure = el("div", { class: "roll" });
  const tip = el("div", { class: "tip", hidden: "" });
  let lines = [];
  figure.redraw = (newWidth = width) => {
    width = newWidth;
    lines = width > LEFT + RIGHT ? rollLines(describe(), width) : []; // in a frame that is not shown yet
    figure.replaceChildren(...lines.map((line) => line.picture), tip);
  };
  figure.showTime = (time) => {
    for (const { start, end, scale, playhead } of lines) {
      const isHere = time !== null && time >= start && time < end;
      playhead.setAttribute("visibility", isHere ? "visible" : "hidden");
      if (isHere) playhead.setAttribute("transform", `translate(${LEFT + (time - start) * scale})`);
    }
  };
  const point = (event) => {
    const told = event.target.told;
    tip.hidden = !told;
    if (!told) return;
    tip.replaceChildren(...told().map((line) => el("div", {}, line)));
    const box = figure.getBoundingClientRect();
    const x = Math.min(event.clientX - box.left + 12, box.width - tip.offsetWidth - 4);
    tip.style.left = `${Math.max(0, x)}px`;
    tip.style.top = `${event.clientY - box.top + 16}px`;
  };
  figure.addEventListener("pointermove", point);
  figure.addEventListener("pointerdown", point);
  figure.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse") tip.hidden = true; // a finger that is lifted leaves what it tapped to be read
  });
  figure.redraw();
  return figure;
}

/** @param {Roll} roll */
function rollLines(roll, width) {
  const longest = width < NARROW ? LINE_SECONDS.narrow : LINE_SECONDS.wide;
  const count = Math.max(1, Math.ceil(roll.seconds / longest));
  const span = Math.max(4, roll.seconds / count);
  const range = pitchRange(roll);
  const limits = (roll.curves ?? []).map((curve) => usualRange(curve.value));
  return Array.from({ length: count }, (_, i) => rollLine(roll, i * span, (i + 1) * span, width, range, limits));
}

/** Between which most values lie: a second of silence would flatten all others. */
function usualRange(values) {
  const inOrder = [...values].sort((a, b) => a - b);
  const outside = Math.ceil(inOrder.length / 10);
  return inOrder.length > 4 ? [inOrder[outside], inOrder.at(-1 - outside)] : [inOrder[0], inOrder.at(-1)];
}

/** Lowest and highest pitch to draw, at least two octaves apart; null without notes. */
function pitchRange(roll) {
  const pitches = [...(roll.notes?.pitch ?? []), ...(roll.ghosts ?? []).map((ghost) => ghost.pitch)];
  if (!pitches.length) return null;
  const low = pitches.reduce((a, b) => Math.min(a, b)),
    high = pitches.reduce((a, b) => Math.max(a, b));
  const more = Math.max(0, 24 - (high - low));
  return [low - 1 - Math.floor(more / 2), high + 1 + Math.ceil(more / 2)];
}

function rollLine(roll, start, end, width, range, limits) {
  const scale = (width - LEFT - RIGHT) / (end - start);
  const place = { start, end, scale, width, x: (time) => LEFT + (time - start) * scale };
  const rowHeight = range && range[1] - range[0] > 50 ? 3 : 4;
  const floor = TOP + (range ? (range[1] - range[0] + 1) * rowHeight : 0);
  const y = (pitch) => TOP + (range[1] - pitch) * rowHeight;
  const curves = roll.curves ?? [];
  const height = floor + AXIS + curves.length * (CURVE + CURVE_GAP);
  const playhead = svg("line", { class: "playhead", y1: TOP, y2: height, visibility: "hidden" });
  const picture = svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `${roll.name}, ${clock(start)} to ${clock(end)}`,
    },
    ...(range ? keyboardRows(range, y, rowHeight, place) : []),
    ...timeTicks(place, floor, height),
    ...(range ? noteMarks(roll, place, y, rowHeight) : []),
    ...curves.flatMap((curve, i) => curvePanel(curve, limits[i], place, floor + AXIS + i * (CURVE + CURVE_GAP))),
    ...spanMarks(roll.marks ?? [], place, height),
    playhead,
  );
  if (roll.playFrom)
    picture.append(
      svg(
        "text",
        { class: "play-line", x: 2, y: 14, onclick: () => roll.playFrom(start) },
        "▶",
        svg("title", {}, `play from ${clock(start)}`),
      ),
    );
  return { start, end, scale, playhead, picture };
}

/** Black keys' rows shaded, a line and a name at every C. */
function keyboardRows([low, high], y, rowHeight, { width }) {
  const rows = [];
  for (let pitch = low; pitch <= high; pitch++) {
    const box = { x: LEFT, width: width - LEFT - RIGHT, y: y(pitch) };
    if ([1, 3, 6, 8, 10].includes(pitch % 12))
      rows.push(svg("rect", { ...box, height: rowHeight, class: "black-key" }));
    if (pitch % 12) continue;
    const below = y(pitch) + rowHeight;
    rows.push(svg("line", { x1: LEFT, x2: width - RIGHT, y1: below, y2: below, class: "octave" }));
    rows.push(svg("text", { x: LEFT - 5, y: below + 1, "text-anchor": "end" }, pitchName(pitch)));
  }
  return rows;
}

function timeTicks({ start, end, scale, x }, floor, height) {
  const step = [1, 2, 5, 10, 20, 30].find((seconds) => seconds * scale >= 46) ?? 60;
  const ticks = [];
  for (let time = Math.ceil(start / step) * step; time < end - 0.2 * step; time += step) {
    ticks.push(svg("line", { x1: x(time), x2: x(time), y1: TOP, y2: height, class: "tick" }));
    ticks.push(svg("text", { x: x(time) + 3, y: floor + 12 }, clock(time, 0)));
  }
  return ticks;
}

function noteMarks(roll, place, y, rowHeight) {
  const { notes } = roll;
  const marks = [];
  const box = (onset, duration, pitch) => {
    const left = Math.max(LEFT, place.x(onset)),
      right = Math.min(place.width - RIGHT, place.x(onset + duration));
    return { x: left, y: y(pitch), width: Math.max(2, right - left - 0.5), height: rowHeight };
  };
  const isHere = (onset, duration) => onset < place.end && onset + duration > place.start;
  const symbol = (text, left, top) => svg("text", { x: left, y: top - 2, class: "edit-symbol" }, text);
  for (let i = 0; i < (notes?.onset.length ?? 0); i++) {
    if (!isHere(notes.onset[i], notes.duration[i])) continue;
    const at = box(notes.onset[i], notes.duration[i], notes.pitch[i]);
    const edit = roll.edits?.get(i);
    const kind = edit ? "note edited" : roll.flagged?.has(i) ? "note flagged" : "note";
    const mark = svg("rect", { ...at, class: kind, fill: roll.colour(i) });
    mark.told = () => roll.tell(i);
    marks.push(mark);
    if (edit && notes.onset[i] >= place.start) marks.push(symbol(edit.symbol, at.x, at.y));
  }
  for (const ghost of roll.ghosts ?? []) {
    if (!isHere(ghost.onset, ghost.duration)) continue;
    const at = box(ghost.onset, ghost.duration, ghost.pitch);
    const mark = svg("rect", { ...at, class: "note ghost" });
    mark.told = () => [ghost.text];
    marks.push(mark, symbol("×", at.x, at.y));
  }
  return marks;
}

/** Spans pointed at by a bracket and a label above the notes; a label stands on the line where its span begins. */
function spanMarks(marks, { start, end, x, width }, height) {
  const here = marks.filter((mark) => mark.start < end && mark.end > start).sort((a, b) => a.start - b.start);
  let free = 0; // from where on labels overlap none before
  return here.flatMap((mark) => {
    const left = Math.max(LEFT, x(mark.start));
    const right = Math.min(width - RIGHT, Math.max(x(mark.end), x(mark.start) + 8));
    const parts = [
      svg("rect", { x: left, width: Math.max(0, right - left), y: TOP, height: height - TOP, class: "moment" }),
      svg("path", { d: `M${left} ${TOP}v-4H${right}v4`, class: "bracket" }),
    ];
    if (mark.start < start) return parts;
    const labelX = Math.max(left, free);
    free = labelX + 11;
    return [...parts, svg("text", { x: labelX, y: TOP - 7, class: "mark-label" }, mark.label)];
  });
}

/** A curve of one value a second, or a span, as steps, with its name and limits. */
function curvePanel(curve, [low, high], { start, end, x, width }, top) {
  const share = (value) => Math.min(1.05, Math.max(-0.1, (value - low) / (high - low || 1)));
  const y = (value) => top + CURVE - 6 - share(value) * (CURVE - 22);
  const points = [];
  curve.start.forEach((second, i) => {
    const from = Math.max(start, second),
      to = Math.min(end, curve.end?.[i] ?? second + 1);
    if (to > from)
      points.push(
        `${x(from).toFixed(1)},${y(curve.value[i]).toFixed(1)}`,
        `${x(to).toFixed(1)},${y(curve.value[i]).toFixed(1)}`,
      );
  });
  const panel = svg("rect", { x: LEFT, y: top, width: width - LEFT - RIGHT, height: CURVE, class: "panel" });
  return [
    panel,
    svg("text", { x: LEFT - 4, y: y(high) + 4, "text-anchor": "end" }, number(high, null)),
    svg("text", { x: LEFT - 4, y: y(low), "text-anchor": "end" }, number(low, null)),
    svg("polyline", { points: points.join(" "), class: "curve" }),
    ...(start === 0 ? [svg("text", { x: LEFT + 4, y: top + 10, class: "curve-label" }, curve.label)] : []),
  ];
}
