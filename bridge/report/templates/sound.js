// Listening: notes are synthesised in the browser, recordings played from the clips in the page. One sound at a time.

const AHEAD_SECONDS = 0.6;
const HARMONICS = [0, 1, 0.55, 0.3, 0.18, 0.12, 0.07, 0.04, 0.02];
/** @type {?function(boolean): void} Stops what sounds now; told whether it is over. */
let silence = null;
let audio = null;

/** Stop whatever sounds; `isOver`: it has come to its end. */
function stopSound(isOver = false) {
  const stop = silence;
  silence = null;
  stop?.(isOver);
}

/** The audio context and what leads to the loudspeaker; browsers allow it only after a click. */
function audioOutput() {
  if (!audio) {
    const context = new AudioContext();
    const limiter = new DynamicsCompressorNode(context, { threshold: -18, ratio: 8 });
    limiter.connect(context.destination);
    const wave = context.createPeriodicWave(new Float32Array(HARMONICS.length), new Float32Array(HARMONICS));
    audio = { context, limiter, wave };
  }
  audio.context.resume();
  return audio;
}

/** One struck and decaying tone; returns a function that cuts it off. */
function strike(at, seconds, pitch, velocity) {
  const { context, limiter, wave } = audio;
  const frequency = 440 * 2 ** ((pitch - 69) / 12);
  const oscillator = new OscillatorNode(context, { frequency });
  oscillator.setPeriodicWave(wave);
  const loudness = new GainNode(context, { gain: 0 });
  const brightness = Math.min(12000, frequency * (2 + velocity / 16));
  const filter = new BiquadFilterNode(context, { type: "lowpass", frequency: brightness });
  oscillator.connect(filter).connect(loudness).connect(limiter);
  const decay = 0.25 + 1.5 * 2 ** ((40 - pitch) / 20); // bass strings ring on for longer
  loudness.gain.setValueAtTime(0, at);
  loudness.gain.linearRampToValueAtTime(0.5 * (velocity / 127) ** 1.5, at + 0.004);
  loudness.gain.setTargetAtTime(0, at + 0.004, decay);
  loudness.gain.setTargetAtTime(0, at + Math.max(0.05, seconds), 0.06);
  oscillator.start(at);
  oscillator.stop(at + seconds + 0.5);
  return () => oscillator.stop();
}

/**
 * Synthesise the notes that sound from `from` to `to`.
 * @param {Notes} notes
 * @param {number} from seconds
 * @param {number} to seconds
 * @param {function(?number, boolean=): void} atTime told the time while it plays, null when it stops, and if it is over
 */
function playNotes(notes, from, to, atTime) {
  stopSound();
  const { context } = audioOutput();
  const begin = context.currentTime + 0.1 - from;
  const cuts = [];
  let next = 0;
  const schedule = () => {
    const until = Math.min(to, context.currentTime - begin + AHEAD_SECONDS);
    for (; next < notes.onset.length && notes.onset[next] < until; next++) {
      const onset = Math.max(from, notes.onset[next]);
      const left = Math.min(to, notes.onset[next] + notes.duration[next]) - onset;
      if (left > 0) cuts.push(strike(begin + onset, left, notes.pitch[next], notes.velocity[next]));
    }
    const now = context.currentTime - begin;
    if (now > to + 0.5) stopSound(true);
    else atTime(Math.max(from, Math.min(now, to)));
  };
  const timer = setInterval(schedule, 50);
  silence = (isOver) => {
    clearInterval(timer);
    for (const cut of cuts) cut();
    atTime(null, isOver);
  };
  schedule();
}

/** Play a clip of a recording, its seconds from `from` to `to`; atEnd is told whether it has come to its end. */
function playClip(address, atEnd, from = 0, to = Infinity) {
  stopSound();
  const clip = new Audio(address);
  const stop = (isOver) => {
    clip.pause();
    atEnd(isOver);
  };
  const over = () => silence === stop && stopSound(true); // a clip that was stopped may still tell the time once
  silence = stop;
  if (from > 0) clip.currentTime = from;
  clip.addEventListener("timeupdate", () => clip.currentTime >= to && over());
  clip.addEventListener("ended", over);
  clip.addEventListener("error", over);
  clip.play();
}

/**
 * A button that starts a sound and, while it sounds, stops it; its `begin(...)` starts it from elsewhere.
 * @param {string} label
 * @param {function(function(): void, ...any): void} start given what to call when the sound has ended
 */
function playButton(label, start) {
  let sounds = false;
  const show = () => (button.textContent = `${sounds ? "■" : "▶"} ${label}`);
  const ended = () => {
    sounds = false;
    show();
  };
  const button = el("button", {
    type: "button",
    class: "play",
    onclick: () => {
      if (sounds) stopSound();
      else button.begin();
    },
  });
  button.begin = (...how) => {
    start(ended, ...how);
    sounds = true;
    show();
  };
  show();
  return button;
}

/** A button for the notes from `from`, or from where it is begun, to `to`; `showTime` as atTime of playNotes. */
function notesButton(label, notes, from, to, showTime) {
  return playButton(label, (ended, begin = from) =>
    playNotes(notes, begin, to, (time) => {
      showTime(time);
      if (time === null) ended();
    }),
  );
}

const BEFORE_SECONDS = 1,
  AFTER_SECONDS = 2;

/**
 * What plays the seconds about one of a recording, if the page has them, else of notes; null where there are none.
 * @param {Passage[]} passages
 * @param {?Notes} notes by the same clock
 * @param {number} second
 */
function secondsAbout(passages, notes, second) {
  const from = Math.max(0, second - BEFORE_SECONDS),
    to = second + AFTER_SECONDS;
  const passage = passages.find(({ start, end }) => start <= from && second < end);
  if (passage)
    return (atEnd) => playClip(passage.address, atEnd, from - passage.start, to - passage.start);
  return notes && ((atEnd) => playNotes(notes, from, to, (time, isOver) => time === null && atEnd(isOver)));
}

/** A button that plays the one and, when it is over, the other; null where one of the two cannot be played. */
function inTurnButton(label, one, other) {
  if (!one || !other) return null;
  return playButton(label, (ended) => one((isOver) => (isOver ? other(ended) : ended())));
}
