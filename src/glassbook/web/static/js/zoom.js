// Zooming and panning of an SVG picture: wheel, drag, two fingers. Links in it still work: a drag is no click.
const NEAREST = 12;
const STEP = 1.4;

// `scene` is the group in `picture` that moves; `scaled(scale)` is told when its size has changed.
export function zoomable(picture, scene, { width, height, scaled }) {
  let [scale, x, y] = [1, 0, 0];
  const fingers = new Map();
  let dragged = false;

  // A point of the screen in the picture's own units.
  const at = (event) => {
    const box = picture.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  };

  function place() {
    x = Math.min(0, Math.max(width * (1 - scale), x));
    y = Math.min(0, Math.max(height * (1 - scale), y));
    scene.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
    picture.classList.toggle("zoomed", scale > 1);
  }

  // Zooms by a factor; the point (px, py) stays where it is.
  function zoom(factor, px = width / 2, py = height / 2) {
    const next = Math.min(NEAREST, Math.max(1, scale * factor));
    x = px - ((px - x) * next) / scale;
    y = py - ((py - y) * next) / scale;
    const changed = next !== scale;
    scale = next;
    place();
    if (changed) scaled(scale);
  }

  picture.addEventListener("wheel", (event) => {
    // At the whole picture the page scrolls on.
    if (event.deltaY > 0 && scale === 1) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / (event.deltaMode ? 12 : 300)), ...at(event));
  }, { passive: false });

  picture.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    if (!fingers.size) dragged = false;
    fingers.set(event.pointerId, at(event));
  });
  picture.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    if (!dragged && Math.hypot(now[0] - before[0], now[1] - before[1]) < 4) return;
    if (!dragged) picture.setPointerCapture(event.pointerId);
    dragged = true;
    const others = [...fingers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    fingers.set(event.pointerId, now);
    if (others.length) {
      const [ox, oy] = others[0];
      zoom(Math.hypot(now[0] - ox, now[1] - oy) / (Math.hypot(before[0] - ox, before[1] - oy) || 1), (now[0] + ox) / 2, (now[1] + oy) / 2);
    } else {
      x += now[0] - before[0];
      y += now[1] - before[1];
      place();
    }
  });
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, (event) => fingers.delete(event.pointerId));
  picture.addEventListener("dragstart", (event) => event.preventDefault());
  picture.addEventListener("click", (event) => dragged && event.preventDefault(), true);
  // A page that is reached by the keyboard is brought into the picture.
  picture.addEventListener("focusin", (event) => {
    if (scale === 1 || !event.target.matches(":focus-visible")) return;
    const circle = event.target.querySelector("circle");
    x = width / 2 - Number(circle.getAttribute("cx")) * scale;
    y = height / 2 - Number(circle.getAttribute("cy")) * scale;
    place();
  });

  return { nearer: () => zoom(STEP), farther: () => zoom(1 / STEP), whole: () => zoom(0) };
}
