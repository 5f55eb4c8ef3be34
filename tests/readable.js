// Run in a page: what keeps somebody from reading or using it, as a list of sentences; empty is good. After WCAG 2.2: 1.1.1, 1.3.1,
// 1.4.3, 2.4.1, 2.4.2, 2.4.4, 3.1.1, 3.3.2, 4.1.2.
const faults = [];
const visible = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0;
const said = (e) => (e.getAttribute("aria-label") || e.innerText || e.textContent || "").trim();
const where = (e) => `${e.tagName.toLowerCase()}.${e.className.baseVal ?? e.className} "${said(e).slice(0, 40)}"`;

// Text on its ground: 4.5 to 1, or 3 to 1 where it is large.
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const known = new Map();
const rgba = (colour) => {
  if (!known.has(colour)) known.set(colour, read(colour));
  return known.get(colour);
};
const read = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
const light = ([r, g, b]) => {
  const part = (c) => ((c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
};
const ground = (e) => {
  const layers = [];
  for (let at = e; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] > 0) layers.push(colour);
    if (colour[3] === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const e = texts.currentNode.parentElement;
  if (!texts.currentNode.textContent.trim() || !visible(e) || e.closest("svg, script")) continue;
  const style = getComputedStyle(e);
  const behind = ground(e);
  const [a, b] = [light(over(rgba(style.color), behind)), light(behind)];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5)) faults.push(`${where(e)} has a contrast of ${ratio.toFixed(2)}`);
}

for (const e of document.querySelectorAll("a[href], button, summary")) {
  if (visible(e) && !said(e)) faults.push(`${where(e)} has no name`);
}
for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
  if (visible(e) && !e.labels.length && !e.getAttribute("aria-label")) faults.push(`${where(e)} (${e.name}) has no label`);
}
for (const e of document.querySelectorAll("svg, img")) {
  if (e.getAttribute("aria-hidden") !== "true" && !(e.getAttribute("role") === "img" && said(e)) && !e.alt) faults.push(`${where(e)} says nothing`);
}
for (const e of document.querySelectorAll("[aria-describedby]")) {
  if (!document.getElementById(e.getAttribute("aria-describedby"))) faults.push(`${where(e)} is described by nothing`);
}
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
for (const id of ids.filter((id, n) => ids.indexOf(id) !== n)) faults.push(`two elements are called ${id}`);
for (const table of document.querySelectorAll("table")) {
  if (!table.querySelector("th[scope]")) faults.push(`${where(table)} has no heads`);
}
if (document.querySelectorAll("h1").length !== 1) faults.push("not exactly one h1");
let last = 1;
for (const e of document.querySelectorAll("h1, h2, h3")) {
  const level = Number(e.tagName[1]);
  if (level > last + 1) faults.push(`${where(e)} leaves out a level`);
  last = level;
}
if (document.documentElement.lang !== "en" || !document.title || !document.querySelector("main")) faults.push("no language, title or main");
return faults;
