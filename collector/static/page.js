// The one script. Every page works without it: it prints, counts down, copies, and asks again when something is new.
"use strict";
(() => {
  const all = (what, of = document) => [...of.querySelectorAll(what)];
  document.documentElement.classList.add("script");

  for (const button of all("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // A code is copied by a press on it.
  for (const code of all("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small plain";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent.trim());
      button.textContent = "Copied";
    });
    code.after(" ", button);
  }

  // A date is asked for only where it is needed.
  for (const form of all(".decide form")) {
    const when = form.querySelector(".when");
    const follow = () => {
      const chosen = form.querySelector("input[name=what]:checked");
      const wanted = Boolean(chosen && chosen.value === "accepted");
      when.hidden = !wanted;
      when.querySelector("input").required = wanted;
    };
    if (when) {
      form.addEventListener("change", follow);
      follow();
    }
  }

  const count = () => {
    for (const span of all("[data-until]")) {
      const left = Math.max(0, Math.floor((Date.parse(span.dataset.until) - Date.now()) / 1000));
      span.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")} minutes`;
    }
  };
  setInterval(count, 1000);
  count();

  // In a table of clinics j and k go down and up; enter follows the link, as everywhere.
  document.addEventListener("keydown", (press) => {
    const table = document.querySelector("[data-keys]");
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
    if (!table || typing || press.ctrlKey || press.metaKey || press.altKey || !/^[jk]$/.test(press.key)) return;
    const links = all("tbody th a", table);
    const at = links.indexOf(document.activeElement);
    const next = press.key === "j" ? Math.min(at + 1, links.length - 1) : Math.max(at - 1, 0);
    if (links[next]) links[next].focus();
  });

  // What is new is fetched through the same door as the page. A part that was made for it changes by itself; elsewhere a line says so,
  // and nothing moves under the pointer.
  const from = document.body.dataset.live;
  if (!from || !window.EventSource) return;
  const part = document.querySelector("[data-now]");
  const line = document.querySelector(".news");
  let shown = "";
  const renew = async () => {
    const answer = await fetch(part.dataset.now, { headers: { accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    // What says the same stays: a button is not taken from under a finger.
    const text = await answer.text();
    if (text === shown) return;
    shown = text;
    const fresh = new DOMParser().parseFromString(text, "text/html");
    part.replaceChildren(...fresh.body.childNodes);
    count();
  };
  const stream = new EventSource(from);
  stream.addEventListener("news", () => {
    if (part) {
      renew();
      return;
    }
    line.hidden = false;
    const link = document.createElement("a");
    link.href = window.location.href;
    link.textContent = "Show it";
    line.replaceChildren("There is something new. ", link);
  });
  window.addEventListener("pagehide", () => stream.close());
})();
