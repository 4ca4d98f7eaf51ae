// Reading a chart: values of all curves at a crosshair, values of single marks, and zoom by dragging a frame.
import { el, number } from "./api.js";

const SVG = "http://www.w3.org/2000/svg";
const NEAR = 40; // pixels from the pointer to a point that is shown
const MOST = 12; // curves whose values are listed
const DRAGGED = 8; // pixels from which a frame is meant

let tip;
function tipOf() {
  tip ??= document.body.appendChild(el("div", { class: "chart-tip", "aria-hidden": "true", hidden: true }));
  return tip;
}

// A value as Vega wrote it, a long number shorter.
function short(value) {
  const text = String(value);
  return /^[-−]?\d[\d,]*\.\d{5,}$/.test(text) ? number(Number(text.replace("−", "-").replaceAll(",", ""))) : text;
}

// Shows `lines` at the pointer; a line is {colour, entries: [[title, value]]}.
function showTip(event, head, lines) {
  const place = tipOf();
  const row = ({ colour, entries }) => {
    const swatch = el("span", { class: "colour" });
    swatch.style.backgroundColor = colour ?? "transparent";
    // What has no title is the name of the curve.
    const cells = ([title, value]) => (title.trim() ? [el("td", {}, title), el("td", { class: "num" }, short(value))] : [el("td", {}, short(value))]);
    return el("tr", {}, el("td", {}, swatch), ...entries.flatMap(cells));
  };
  place.replaceChildren(
    ...head.map(([title, value]) => el("p", {}, `${title}: `, el("strong", {}, short(value)))),
    el("table", {}, el("tbody", {}, ...lines.map(row))),
  );
  place.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = place;
  const x = event.clientX + 16 + width > innerWidth ? event.clientX - 16 - width : event.clientX + 16;
  const y = Math.min(event.clientY + 16, innerHeight - height - 4);
  place.style.left = `${Math.max(4, x)}px`;
  place.style.top = `${Math.max(4, y)}px`;
}

const hideTip = () => { if (tip) tip.hidden = true; };

// The curves of a drawn chart that have values to show, in pixels, with the pane that each is in.
function curvesOf(view) {
  const found = [];
  const walk = (group, dx, dy, pane) => {
    const [x, y] = [dx + (group.x ?? 0), dy + (group.y ?? 0)];
    const here = group.width > 0 && group.height > 0 ? { x, y, width: group.width, height: group.height } : pane;
    for (const mark of group.items ?? []) {
      if (mark.marktype === "group") for (const inner of mark.items) walk(inner, x, y, here);
      else if (mark.marktype === "line" && mark.items.some((item) => item.tooltip)) {
        const points = mark.items.filter((item) => item.defined !== false).map((item) => ({ x: x + item.x, y: y + item.y, item }));
        found.push({ pane: here, points, colour: mark.items[0].stroke, forward: points.every((point, i) => !i || point.x >= points[i - 1].x) });
      }
    }
  };
  for (const group of view.scenegraph().root.items) walk(group, 0, 0, null);
  return found;
}

const inside = (pane, [x, y]) => x >= pane.x - 1 && x <= pane.x + pane.width + 1 && y >= pane.y - 1 && y <= pane.y + pane.height + 1;
const nearest = (points, distance) => points.reduce((best, point) => (distance(point) < distance(best) ? point : best));

// What the marks say by themselves: an object of titles and values, or a text.
const entriesOf = (value) => (value && typeof value === "object" ? Object.entries(value) : [["", value]]);

export class Reading {
  constructor(chart) {
    this.chart = chart;
    const { box } = chart;
    box.addEventListener("pointermove", (event) => this.move(event));
    box.addEventListener("pointerleave", () => this.hide());
    box.addEventListener("pointerdown", (event) => this.begin(event));
    box.addEventListener("pointerup", (event) => this.end(event));
    box.addEventListener("pointercancel", () => this.stop());
    box.addEventListener("dblclick", () => chart.zoom && chart.zoomTo(null));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.hide());
  }

  // What was known of the picture is no longer true.
  forget() {
    this.known = null;
    this.marks?.remove();
    this.marks = null;
  }

  get curves() {
    this.known ??= curvesOf(this.chart.view);
    return this.known;
  }

  // The group of the picture whose coordinates are those of Vega, and a pointer in them.
  get root() {
    return this.chart.box.querySelector("svg > g");
  }

  at(event) {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.root.getScreenCTM().inverse());
    return [x, y];
  }

  // The pane under the pointer whose axes can be cut, with its scales; null where there is none.
  plane(point) {
    const { view } = this.chart;
    const scale = (name) => {
      try {
        const found = view.scale(name);
        return typeof found.invert === "function" ? found : null;
      } catch {
        return null; // a chart of several panes has no such scale
      }
    };
    const x = scale("x");
    if (!x) return null;
    const pane = this.curves.find((curve) => curve.pane && inside(curve.pane, point))?.pane ?? { x: 0, y: 0, width: Math.max(...x.range()), height: view.height() };
    return inside(pane, point) ? { pane, x, y: scale("y") } : null;
  }

  draw(name, attributes) {
    if (!this.marks?.isConnected) {
      this.marks = document.createElementNS(SVG, "g");
      this.marks.setAttribute("class", "reading");
      this.root.append(this.marks);
    }
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    this.marks.append(node);
    return node;
  }

  hide() {
    this.marks?.replaceChildren();
    hideTip();
  }

  move(event) {
    if (!this.chart.view || !this.root) return;
    const point = this.at(event);
    if (this.from) return this.frame(point);
    const curves = this.curves.filter((curve) => curve.pane && inside(curve.pane, point) && curve.points.length);
    if (!curves.length) return;
    this.hide();
    if (curves.every((curve) => curve.forward)) this.cross(event, point, curves);
    else this.single(event, point, curves);
  }

  // All curves at the x of the nearest point.
  cross(event, [px, py], curves) {
    const { x } = nearest(curves.flatMap((curve) => curve.points), (point) => Math.abs(point.x - px));
    const there = curves.map((curve) => ({ curve, point: nearest(curve.points, (point) => Math.abs(point.x - x)) })).filter(({ point }) => Math.abs(point.x - x) < 1.5);
    const { pane } = curves[0];
    this.draw("line", { x1: x, x2: x, y1: pane.y, y2: pane.y + pane.height });
    const few = there.sort((a, b) => Math.abs(a.point.y - py) - Math.abs(b.point.y - py)).slice(0, MOST).sort((a, b) => a.point.y - b.point.y);
    this.tell(event, few);
  }

  // The one point that is nearest: these curves go back and forth.
  single(event, [px, py], curves) {
    const distance = (point) => Math.hypot(point.x - px, point.y - py);
    const best = curves.map((curve) => ({ curve, point: nearest(curve.points, distance) })).sort((a, b) => distance(a.point) - distance(b.point))[0];
    if (distance(best.point) < NEAR) this.tell(event, [best]);
    else hideTip();
  }

  tell(event, there) {
    for (const { curve, point } of there) this.draw("circle", { cx: point.x, cy: point.y, r: 3.5 }).style.fill = curve.colour;
    const entries = there.map(({ point }) => entriesOf(point.item.tooltip));
    const shared = entries[0].filter(([title, value]) => entries.every((other) => other.some(([t, v]) => t === title && v === value)));
    const own = (list) => list.filter(([title]) => !shared.some(([t]) => t === title));
    if (there.length === 1) return showTip(event, [], shared.map((entry) => ({ entries: [entry] })));
    showTip(event, shared, there.map(({ curve }, i) => ({ colour: curve.colour, entries: own(entries[i]) })));
  }

  // Vega's own tooltip, of marks other than curves.
  told(event, item, value) {
    if (this.from) return;
    if (value == null || value === "") {
      if (!this.marks?.hasChildNodes()) hideTip();
    } else if (item?.mark?.marktype !== "line" && !this.marks?.hasChildNodes()) {
      showTip(event, [], entriesOf(value).map((entry) => ({ entries: [entry] })));
    }
  }

  // --- zoom ---------------------------------------------------------------------------------------------------------

  begin(event) {
    if (event.button || event.pointerType === "touch" || !this.chart.view || !this.root) return;
    const point = this.at(event);
    this.from = this.plane(point) ? point : null;
  }

  // The frame from where the pointer went down; along the whole height unless it is drawn as a rectangle.
  area([x, y]) {
    const { pane } = this.plane(this.from) ?? {};
    if (!pane) return null;
    const cut = (value, low, size) => Math.min(low + size, Math.max(low, value));
    const xs = [this.from[0], cut(x, pane.x, pane.width)].sort((a, b) => a - b);
    const ys = [this.from[1], cut(y, pane.y, pane.height)].sort((a, b) => a - b);
    return { pane, xs, ys: ys[1] - ys[0] < 24 ? [pane.y, pane.y + pane.height] : ys };
  }

  frame(point) {
    const area = this.area(point);
    this.hide();
    if (!area || area.xs[1] - area.xs[0] < DRAGGED) return;
    this.draw("rect", { x: area.xs[0], y: area.ys[0], width: area.xs[1] - area.xs[0], height: area.ys[1] - area.ys[0] });
  }

  stop() {
    this.from = null;
    this.hide();
  }

  end(event) {
    if (!this.from) return;
    const area = this.area(this.at(event));
    const { x, y } = this.plane(this.from) ?? {};
    const { pane, xs, ys } = area ?? {};
    this.stop();
    if (!area || xs[1] - xs[0] < DRAGGED) return;
    const domain = (scale, ends, start) => ends.map((end) => scale.invert(end - start)).sort((a, b) => a - b);
    const whole = ys[1] - ys[0] >= pane.height;
    this.chart.zoomTo({ ...this.chart.zoom, x: domain(x, xs, pane.x), ...(y && !whole ? { y: domain(y, ys, pane.y) } : {}) });
  }

  // Zooms about the middle: a factor above 1 comes nearer. Whether there are axes for it: `canZoom`.
  canZoom() {
    return this.plane([1, 1]) !== null;
  }

  scale(factor) {
    const plane = this.plane([1, 1]);
    if (!plane) return;
    const [low, high] = [Math.min(...plane.x.range()), Math.max(...plane.x.range())];
    const half = (high - low) / factor / 2;
    const x = [plane.x.invert((low + high) / 2 - half), plane.x.invert((low + high) / 2 + half)].sort((a, b) => a - b);
    if (!this.chart.zoom) this.whole = plane.x.domain();
    const beyond = factor < 1 && (!this.chart.zoom || (this.whole && x[0] <= Math.min(...this.whole) && x[1] >= Math.max(...this.whole)));
    this.chart.zoomTo(beyond ? null : { ...this.chart.zoom, x });
  }
}
