// Lets a reporter tap a lamp instead of writing its number. The form works without it.
"use strict";

(() => {
  const box = document.getElementById("map");
  const place = document.getElementById("place");
  if (!box || !place || !window.fetch || !Element.prototype.replaceChildren) return;
  const words = box.dataset;
  const DOT = 5; // pixels
  const REACH = 28; // pixels around a finger
  const LEAST = 0.0004; // degrees of longitude across
  let lamps = []; // [longitude, latitude, id]
  let view = null; // {x, y: degrees of the middle, w: degrees of longitude across}
  let chosen = null;
  let asked = 0;

  const make = (name, text, act) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (act) {
      made.type = "button";
      made.addEventListener("click", act);
    }
    return made;
  };
  const canvas = make("canvas");
  const hint = make("p", words.hint);
  const row = make("div");
  row.className = "row";
  row.append(
    make("button", words.near, () => locate()),
    make("button", "+ " + words.in, () => zoom(0.5)),
    make("button", "− " + words.out, () => zoom(2)),
  );
  canvas.tabIndex = 0;
  hint.setAttribute("role", "status");

  const start = make("button", words.open, () => {
    box.replaceChildren(row, canvas, hint);
    canvas.focus({ preventScroll: true }); // the button that had it is gone
    ask(null);
    locate();
  });
  box.append(start);
  box.hidden = false;

  const narrow = () => Math.max(Math.cos((view.y * Math.PI) / 180), 0.01);
  const scale = () => canvas.width / view.w; // pixels of a degree of longitude
  const onScreen = ([x, y]) => [
    canvas.width / 2 + (x - view.x) * scale(),
    canvas.height / 2 - ((y - view.y) * scale()) / narrow(),
  ];

  function locate() {
    if (!navigator.geolocation) return;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        view = { x: coords.longitude, y: coords.latitude, w: 0.004 };
        load();
      },
      () => {},
      { enableHighAccuracy: true, timeout: 10000 },
    );
  }

  function zoom(by) {
    if (!view) return;
    view.w = Math.min(360, Math.max(LEAST, view.w * by));
    load();
  }

  function load() {
    draw();
    const w = view.w / 2;
    const h = ((view.w / 2) * canvas.height * narrow()) / canvas.width;
    const step = 2 ** Math.ceil(Math.log2(view.w)) / 4; // many phones ask for the same box, which is answered once
    const within = (value, most) => Math.max(-most, Math.min(most, value)).toFixed(6);
    const low = (value, most) => within(Math.floor(value / step) * step, most);
    const high = (value, most) => within(Math.ceil(value / step) * step, most);
    ask([low(view.x - w, 180), low(view.y - h, 90), high(view.x + w, 180), high(view.y + h, 90)].join());
  }

  async function ask(bbox) {
    const turn = ++asked;
    try {
      const answer = await fetch("/lapor/lamps" + (bbox ? "?bbox=" + bbox : ""));
      const found = await answer.json();
      if (turn !== asked) return;
      lamps = found.lamps || [];
      if (!view && found.bbox) {
        const [west, south, east, north] = found.bbox;
        view = { x: (west + east) / 2, y: (south + north) / 2, w: Math.max(LEAST, (east - west) * 1.1, (north - south) * 1.1) };
      }
      hint.textContent = lamps.length ? words.hint : words.none;
    } catch {
      hint.textContent = words.none;
    }
    draw();
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    if (!view) return;
    const ink = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    for (const lamp of lamps) {
      const [x, y] = onScreen(lamp);
      const isChosen = lamp[2] === chosen;
      ink.beginPath();
      ink.arc(x, y, (isChosen ? 2 : 1) * DOT * ratio, 0, 7);
      ink.fillStyle = isChosen ? style.outlineColor : style.color;
      ink.fill();
    }
    if (document.activeElement === canvas) cross(ink, style.color, ratio);
  }

  // what Enter chooses
  function cross(ink, colour, ratio) {
    const [x, y, arm] = [canvas.width / 2, canvas.height / 2, 3 * DOT * ratio];
    ink.strokeStyle = colour;
    ink.lineWidth = ratio;
    ink.beginPath();
    ink.moveTo(x - arm, y);
    ink.lineTo(x + arm, y);
    ink.moveTo(x, y - arm);
    ink.lineTo(x, y + arm);
    ink.stroke();
  }

  function choose(x, y, reach = REACH) {
    const ratio = window.devicePixelRatio || 1;
    let best = reach * ratio;
    let found = null;
    for (const lamp of lamps) {
      const [a, b] = onScreen(lamp);
      const away = Math.hypot(a - x * ratio, b - y * ratio);
      if (away < best) [best, found] = [away, lamp];
    }
    if (!found) return;
    chosen = found[2];
    place.value = chosen;
    hint.textContent = words.chosen.replace("{lamp_id}", chosen);
    draw();
  }

  let held = null; // where a finger came down: [x, y, view.x, view.y]
  canvas.addEventListener("pointerdown", (event) => {
    if (!view) return;
    held = [event.offsetX, event.offsetY, view.x, view.y];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return;
    const degrees = view.w / canvas.clientWidth;
    view.x = held[2] - (event.offsetX - held[0]) * degrees;
    view.y = held[3] + (event.offsetY - held[1]) * degrees * narrow();
    draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!held) return;
    const moved = Math.hypot(event.offsetX - held[0], event.offsetY - held[1]);
    held = null;
    if (moved < 8) choose(event.offsetX, event.offsetY);
    else load();
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 0.5 : 2);
    if (event.key === "Enter") choose(canvas.clientWidth / 2, canvas.clientHeight / 2, canvas.clientWidth / 2); // the nearest
    if (!step || !view) return;
    event.preventDefault();
    view.x += (step[0] * view.w) / 5;
    view.y += (step[1] * view.w) / 5;
    load();
  });
  canvas.addEventListener("focus", draw);
  canvas.addEventListener("blur", draw);
  addEventListener("resize", draw);
})();
