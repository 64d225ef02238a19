// Building blocks of the page: elements, numbers and times as text, and the data that each item brings.
// What users named (ids, files, messages) only ever becomes text nodes, never markup.

/** What is not seen, or turns the direction of writing, as losscal/text.py has it. */
const CONTROL =
  /[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ud800-\udfff\ufeff]/gu;

/** Text with such characters escaped, so that no name passes for another. */
function inOneLine(text) {
  return text.replace(CONTROL, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length < 3 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

/**
 * An element; `on...` properties are listeners, all others attributes, those that are null left out.
 * @param {string} tag
 * @param {Object<string, any>} [properties]
 * @param {...(Node|string|number|null)} children
 */
function el(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** The same for SVG. */
function svg(tag, properties = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function filled(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, typeof value === "string" ? inOneLine(value) : value);
  }
  const shown = children.filter((child) => child !== null);
  node.append(...shown.map((child) => (typeof child === "string" ? inOneLine(child) : child)));
  return node;
}

/**
 * A number as text; a dash for none.
 * @param {?number} value
 * @param {?number} [digits] behind the point; null: four significant ones
 */
function number(value, digits = 2) {
  if (value === null || value === undefined) return "–";
  const text = digits === null ? String(Number(value.toPrecision(4))) : value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−"); // 0 has no sign
}

/** A number with its sign. */
function signed(value, digits = 1) {
  return (Number(value.toFixed(digits)) > 0 ? "+" : "") + number(value, digits);
}

/** Seconds as m:ss.s. */
function clock(seconds, digits = 1) {
  const rounded = Math.max(0, Number(seconds.toFixed(digits)));
  const minutes = Math.floor(rounded / 60);
  return `${minutes}:${(rounded - 60 * minutes).toFixed(digits).padStart(digits ? 3 + digits : 2, "0")}`;
}

const KEYS = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];

/** A MIDI pitch as a name; 60 is C4. */
function pitchName(pitch) {
  return KEYS[pitch % 12] + (Math.floor(pitch / 12) - 1);
}

/** The value at a path of keys, null where any part of it is missing. */
function lookUp(entry, keys) {
  return keys.reduce((value, key) => value?.[key] ?? null, entry);
}

/** A bar of 0 to 100 with its number, so that neither needs the other. */
function percentileBar(value) {
  if (value === null) return el("span", {}, "–");
  const filledPart = el("span", { class: "bar-fill" });
  filledPart.style.width = `${value}%`;
  return el(
    "span",
    { class: "percentile" },
    el("span", { class: "bar" }, filledPart),
    el("span", {}, number(value, 0)),
  );
}

/**
 * @typedef {Object} Layout what the views and the columns say of themselves
 * @property {{view: string, columns: SummaryColumn[], percentiles: string[][]}[]} sections
 * @property {Object<string, string>} units by the keys on the way to a figure, joined by dots
 * @property {[string, string][]} glossary of views
 * @property {string} note
 * @property {boolean} is_item whether the page is of its only item alone
 */

const REPORT = JSON.parse(document.getElementById("report").textContent);
/** @type {Layout} */
const LAYOUT = JSON.parse(document.getElementById("layout").textContent);
const INDEX_OF_ID = new Map(REPORT.items.map((entry, index) => [entry.id, index]));

/** The folder that all ids lie in, with its slash; it is left out where items are named. */
const COMMON_FOLDER = commonFolder(REPORT.items.map((entry) => entry.id));

function commonFolder(ids) {
  const folderOf = (id) => id.slice(0, id.lastIndexOf("/") + 1);
  let folder = ids.length ? folderOf(ids[0]) : "";
  while (folder && !ids.every((id) => id.startsWith(folder))) folder = folderOf(folder.slice(0, -1));
  return folder;
}

/** What an item is called in tables: its id below the folder of all, in full where the pointer rests. */
function shownName(id) {
  const name = id.slice(id.startsWith(COMMON_FOLDER) ? COMMON_FOLDER.length : 0);
  const parts = name.split(/(?<=[-_./ ])/); // where a long name may go on in the next line
  return el("span", { class: "name", title: id }, ...parts.flatMap((part) => [part, el("wbr")]));
}

/** Resolves once all items' data have been read. */
const documentRead = new Promise((resolve) => {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", resolve);
  else resolve();
});

/**
 * @typedef {Object} Notes columns of equal length, in order of onset
 * @property {number[]} onset seconds
 * @property {number[]} duration seconds
 * @property {number[]} pitch MIDI
 * @property {number[]} velocity MIDI
 *
 * @typedef {Object} OfNotes
 * @property {?Notes} notes
 * @property {Object<string, Object<string, number[]>>} nats by view and attribute, one for each note
 *
 * @typedef {Object} ItemData what stands in the tables and sound files of an item
 * @property {?Notes} notes of its file, else those heard in its recording, by the recording's time
 * @property {Object<string, Object<string, number[]>>} nats of them, as OfNotes
 * @property {?OfNotes} heard the notes heard beside those of a file, by the recording's time
 * @property {Object<string, Object<string, number[]>>} curves by view and column, one row a second
 * @property {number} sound_start seconds from the file's start at which its sound begins
 * @property {Object<string, string>} clips data addresses by the number of the moment, from 0
 * @property {Passage[]} passages of its recording, where it differs from what it is held against
 *
 * @typedef {Object} Passage
 * @property {number} start seconds from the file's start
 * @property {number} end
 * @property {string} address of its data
 */

const itemDataByIndex = new Map();

/** @returns {Promise<ItemData>} */
function itemData(index) {
  if (!itemDataByIndex.has(index))
    itemDataByIndex.set(
      index,
      documentRead.then(() => unpackedItem(index)),
    );
  return itemDataByIndex.get(index);
}

async function unpackedItem(index) {
  const block = document.getElementById(`item-${index}`);
  if (!block) return { notes: null, nats: {}, heard: null, curves: {}, sound_start: 0, clips: {}, passages: [] };
  const bytes = Uint8Array.from(atob(block.textContent), (character) => character.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = await new Response(inflated).json();
  unpackNotes(data);
  if (data.heard) unpackNotes(data.heard);
  return data;
}

/** @param {OfNotes} packed */
function unpackNotes({ notes, nats }) {
  if (notes) {
    let ticks = 0;
    notes.onset = notes.onset.map((step) => (ticks += step) / 100);
    notes.duration = notes.duration.map((length) => length / 100);
  }
  for (const attributes of Object.values(nats))
    for (const name in attributes) attributes[name] = attributes[name].map((hundredths) => hundredths / 100);
}

/** When the last of them ends, in seconds. */
function lastSecond(notes) {
  return notes.onset.reduce((last, onset, i) => Math.max(last, onset + notes.duration[i]), 0);
}
