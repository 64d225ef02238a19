// Two sounds, of which one plays: the other goes on from where it was. The markup is player.html's.
const parts = () => ({
  buttons: [...element.querySelectorAll("[data-side]")],
  sounds: [...element.querySelectorAll("audio")],
  place: element.querySelector("input"),
  clock: element.querySelector("output"),
});

function show(seconds) {
  const { buttons, sounds, place, clock } = parts();
  place.max = Math.max(...sounds.map((sound) => sound.duration || 0));
  place.value = seconds;
  clock.textContent = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  buttons.forEach((button, side) => button.setAttribute("aria-pressed", String(!sounds[side].paused)));
}

function play(side) {
  const { sounds, place } = parts();
  const seconds = Number(place.value);
  sounds[1 - side].pause();
  sounds[side].currentTime = Math.min(seconds, sounds[side].duration || seconds);
  sounds[side].play();
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.side === undefined) parts().sounds.forEach((sound) => sound.pause());
  else play(Number(button.dataset.side));
});
element.addEventListener("input", (event) => {
  const seconds = Number(event.target.value);
  for (const sound of parts().sounds) if (!sound.paused) sound.currentTime = seconds;
  show(seconds);
});
for (const name of ["timeupdate", "play", "pause", "loadedmetadata"]) // none of them bubbles
  element.addEventListener(name, (event) => show(event.target.currentTime), true);
