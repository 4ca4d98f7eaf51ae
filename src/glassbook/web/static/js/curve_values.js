// Values of curves: smoothing, and the mean of several curves with the band that they lie in.

const MOST = 1000; // steps at which a mean is taken

// Points {step, value} smoothed by an exponential moving average: `weight`, below 1, is what each keeps of those before.
// It is corrected for its start, where little has been averaged yet. The value itself is kept as `raw`.
export function smoothed(points, weight) {
  if (!weight) return points;
  let [sum, mass] = [0, 0];
  return points.map((point) => {
    if (point.value === null) return { ...point, raw: null };
    sum = weight * sum + (1 - weight) * point.value;
    mass = weight * mass + (1 - weight);
    return { ...point, raw: point.value, value: sum / mass };
  });
}

// The value of a curve at a step, between two of its points on the line that joins them; null beyond its ends.
function at(points, step) {
  if (!points.length || step < points[0].step || step > points.at(-1).step) return null;
  let [low, high] = [0, points.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle].step <= step) low = middle;
    else high = middle;
  }
  const [a, b] = [points[low], points[high]];
  if (step === a.step || a.step === b.step) return a.value;
  if (step === b.step) return b.value;
  return a.value + ((b.value - a.value) * (step - a.step)) / (b.step - a.step);
}

// Curves {group, points} as rows {run, step, value, low, high, curves}: for each group the mean of its curves, and the
// lowest and highest of them, at the steps where any of them has a point.
export function bands(curves) {
  return [...new Set(curves.map((curve) => curve.group))].flatMap((group) => {
    const own = curves.filter((curve) => curve.group === group).map((curve) => curve.points.filter((point) => point.value !== null));
    const steps = [...new Set(own.flat().map((point) => point.step))].sort((a, b) => a - b);
    const every = Math.ceil(steps.length / MOST) || 1;
    const some = steps.filter((_, i) => i % every === 0 || i === steps.length - 1);
    return some.map((step) => {
      const values = own.map((points) => at(points, step)).filter((value) => value !== null);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return { run: group, step, value: mean, low: Math.min(...values), high: Math.max(...values), curves: values.length };
    });
  });
}
