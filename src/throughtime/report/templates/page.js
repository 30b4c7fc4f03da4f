"use strict";
// Draws the figures that the page carries as JSON, in the colours of the page; no library but plotly.
const root = document.documentElement;
const figures = JSON.parse(document.getElementById("figures").textContent);
const system = matchMedia("(prefers-color-scheme: dark)");
const touch = matchMedia("(pointer: coarse)").matches;
const brighter = {"#0072b2": "#4aa8e0", "#d55e00": "#ee7f33", "#009e73": "#2fbf95", "#7a7a7a": "#9a9a9a"};
// The wheel scrolls the page, also above a figure in three dimensions.
const config = {responsive: true, displaylogo: false, scrollZoom: false};
const buttons = layout => layout.scene
  ? ["toImage", "tableRotation", "zoom3d", "pan3d", "resetCameraDefault3d"] : ["toImage", "resetScale2d"];
let printing = false;

const dark = () => !printing && (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
const colour = name => getComputedStyle(root).getPropertyValue(name).trim();

// Plotly writes into what it is given, so each drawing starts from a fresh copy.
function themed(figure) {
  const night = dark();
  const {data, layout} = JSON.parse(JSON.stringify(figure), (key, value) => {
    if (!night) return value;
    if (key === "color" && brighter[value]) return brighter[value];
    if (value === "#f7f7f5") return "#26272a";  // PAPER and INK of style.py
    if (value === "#1d1c1a") return "#e9e7e2";
    if (value === "#c9c9c4") return "#55565a";
    return value;
  });
  const lines = {gridcolor: colour("--rule"), linecolor: colour("--soft"), tickcolor: colour("--soft"),
                 zerolinecolor: colour("--rule")};
  for (const key of Object.keys(layout)) if (/^[xy]axis/.test(key)) Object.assign(layout[key], lines);
  const scene = layout.scene && {...layout.scene, dragmode: touch ? false : "turntable"};
  for (const key of ["xaxis", "yaxis", "zaxis"]) if (scene) scene[key] = {...scene[key], ...lines};
  return {data, layout: {
    ...layout, ...(scene && {scene}), ...(printing ? {width: 640, autosize: false} : {autosize: true}),
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: {...layout.font, color: colour("--ink")}, dragmode: touch ? false : "zoom",
    hoverlabel: {...layout.hoverlabel, bgcolor: colour("--panel"), font: {color: colour("--ink")}},
    modebar: {bgcolor: "rgba(0,0,0,0)", color: colour("--soft"), activecolor: colour("--accent")},
  }};
}

const choices = plot => [...document.querySelectorAll(`select[data-figure="${plot.id}"]`)];

function draw(plot) {
  const {data, layout} = themed(figures[plot.id]);
  const chosen = choices(plot);
  for (const trace of data) {
    if (trace.meta && chosen.length) {
      trace.visible = chosen.every(s => !(s.name in trace.meta) || trace.meta[s.name] === s.value);
    }
  }
  return Plotly.react(plot, data, layout, {...config, modeBarButtons: [buttons(layout)]});
}

// Arrow keys walk along a figure that has the focus, as the mouse would.
function walk(plot, step) {
  const shown = plot.data.findIndex(t => t.visible !== false && !/heatmap|3d/.test(t.type) && t.x.length > 1);
  if (shown < 0) return;
  const last = plot.data[shown].x.length - 1;
  plot.at = Math.min(Math.max((plot.at ?? -1) + step, 0), last);
  const axis = (plot.data[shown].xaxis || "x") + (plot.data[shown].yaxis || "y");
  Plotly.Fx.hover(plot, [{curveNumber: shown, pointNumber: plot.at}], axis);
}

// What is folded away has no width to draw in: it is drawn when it is opened.
const plots = [...document.querySelectorAll(".plot")];
const seen = plot => !plot.closest("details:not([open])");
const redraw = () => Promise.all(plots.filter(seen).map(draw));
redraw().then(() => { root.dataset.drawn = "yes"; });

for (const plot of plots) {
  for (const select of choices(plot)) select.addEventListener("change", () => draw(plot));
  plot.addEventListener("keydown", event => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (step) { event.preventDefault(); walk(plot, step); }
  });
}
for (const folded of document.querySelectorAll(".folded")) {
  folded.addEventListener("toggle", () => {
    if (folded.open) plots.filter(plot => folded.contains(plot)).forEach(draw);
  });
}
for (const link of document.querySelectorAll("nav a")) {
  link.addEventListener("click", () => {
    const folded = document.getElementById(link.hash.slice(1)).querySelector(".folded");
    if (folded) folded.open = true;
  });
}
system.addEventListener("change", redraw);
document.getElementById("theme").addEventListener("click", () => {
  root.dataset.theme = dark() ? "light" : "dark";
  redraw();
});

// On paper everything is open and in light colours.
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const d of closed) d.open = true;
  printing = true;
  redraw();
});
addEventListener("afterprint", () => {
  for (const d of closed) d.open = false;
  printing = false;
  redraw();
});
