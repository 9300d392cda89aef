// Keeps the page as the register is: sections arrive over one stream, already escaped by the server.
"use strict";
(() => {
  const body = document.body;
  const text = body.dataset;
  const live = document.getElementById("live");
  const rows = () => [...document.querySelectorAll("#arrivals [data-id]")];
  let newest = Math.max(0, ...rows().map((row) => Number(row.dataset.id)));

  function show(sections) {
    for (const [name, html] of Object.entries(sections)) {
      const place = document.getElementById(name);
      if (place && place.innerHTML !== html) place.innerHTML = html;
    }
    if ("arrivals" in sections) {
      const before = newest;
      for (const row of rows()) {
        const id = Number(row.dataset.id);
        if (id > before) row.classList.add("new");
        newest = Math.max(newest, id);
      }
    }
    tellAges();
  }

  function connect() {
    const stream = new EventSource(text.live);
    stream.addEventListener("open", () => {
      live.className = "live on";
      live.textContent = text.textLive;
    });
    stream.addEventListener("sections", (event) => show(JSON.parse(event.data)));
    stream.addEventListener("error", () => {
      live.className = "live off";
      live.textContent = text.textLiveOff;
      if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
    });
  }

  function tellAges() {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const age = Math.max(0, Math.round((Date.now() - Date.parse(time.dateTime)) / 1000));
      const [words, count] =
        age < 90 ? [text.textAgoS, age] : age < 5400 ? [text.textAgoMin, Math.round(age / 60)] : [text.textAgoH, Math.round(age / 3600)];
      time.textContent = words.replace("{count}", count);
    }
  }

  const clock = document.getElementById("clock");
  const clockFormat = new Intl.DateTimeFormat("en-GB", { timeZone: text.zone, timeStyle: "medium" });
  function tick() {
    clock.textContent = clockFormat.format(new Date());
    tellAges();
    setTimeout(tick, 1000 - (Date.now() % 1000));
  }

  // The next picture is asked for when the last one has arrived: a slow link shows fewer, never a queue.
  const screen = document.getElementById("screen");
  if (screen) {
    const glass = screen.parentElement;
    const next = (wait) =>
      setTimeout(() => {
        if (document.hidden) return next(1000);
        screen.src = "/screen?" + Date.now();
      }, wait);
    screen.addEventListener("load", () => {
      glass.classList.add("on");
      next(120);
    });
    screen.addEventListener("error", () => {
      glass.classList.remove("on");
      next(1000);
    });
    if (screen.complete) screen.dispatchEvent(new Event(screen.naturalWidth ? "load" : "error"));
  }

  tick();
  connect();
})();
