// A graph with a legend of its own: buttons, so that lines can be hidden by keyboard, each with its latest value.

import type { City, Drawn, Series } from "./boards";
import { Chart, type Stroke } from "./chart";
import { h } from "./dom";
import { rule, shown } from "./format";
import { frame, type View } from "./panel";
import { instant, type Labels, type Line, range, type Sample, type Span } from "./prometheus";
import { say, texts } from "./texts";

// Okabe and Ito's palette, which colour-blind readers can tell apart; beyond it the dashes differ too.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#8b5a2b"];
const TONES = { good: "#009e73", bad: "#d55e00", unknown: "#8e8e8e" };
const DASHES = ["solid", "dashed", "dotted"] as const;

interface Named extends Stroke {
  /** The value at the end of the span; null: nothing is known now. */
  now: number | null;
}

const key = (series: Series, labels: Labels): string => (series.by ? (labels[series.by] ?? "") : "");

function name(series: Series, line: Line, city: City): string {
  const value = key(series, line.labels);
  const known = series.by === "district" || series.by === "state" ? city.names[series.by][value] : undefined;
  return known ? say(known) : series.title ? say(series.title) : value || texts().unknown;
}

interface Answer {
  lines: Line[];
  now: Sample[];
}

function strokes(panel: Drawn, found: Answer[], city: City): Named[] {
  const lines = panel.series.flatMap((series, place) => (found[place]?.lines ?? []).map((line) => ({ series, line, now: found[place]?.now ?? [] })));
  return lines.map(({ series, line, now }, place) => {
    const tone = series.by === "state" ? city.names.state[line.labels["state"] ?? ""]?.tone : undefined;
    return {
      name: name(series, line, city),
      colour: tone ? TONES[tone] : (COLOURS[place % COLOURS.length] ?? "#000000"),
      dash: DASHES[Math.floor(place / COLOURS.length) % DASHES.length] ?? "solid",
      points: line.points,
      now: now.find((sample) => key(series, sample.labels) === key(series, line.labels))?.value ?? null,
    };
  });
}

/** A panel of lines over time. */
export function graphView(panel: Drawn, city: City): View {
  const { element, body } = frame(panel);
  const hidden = new Set<string>();
  let chart: Chart | null = null;

  function show(lines: Named[], span: Span): void {
    chart?.close();
    chart = null;
    if (!lines.some(({ points }) => points.length)) {
      body.replaceChildren(h("p", { class: "none-here" }, texts().noHistory));
      return;
    }
    const words = lines.map((stroke) => `${stroke.name} ${shown(stroke.now, panel.unit)}`).join(", ");
    const place = h("div", { class: "canvas", role: "img", "aria-label": `${texts().graph}${say(panel.title)}. ${texts().now}${words}` });
    const legend = h("div", { class: "legend", role: "group", "aria-label": texts().hide });
    body.replaceChildren(place, legend);
    const drawing = (chart = new Chart(place));
    const draw = (): void => drawing.draw({ unit: panel.unit, limit: panel.limit, span, strokes: lines.filter((each) => !hidden.has(each.name)) });
    if (panel.limit) legend.before(h("p", { class: "aim" }, h("span", { class: "swatch aim-line", "aria-hidden": "true" }), `${texts().target}${rule(panel.limit, panel.unit)}`));
    for (const stroke of lines) legend.append(entry(stroke, draw));
    draw();
  }

  function entry(stroke: Named, draw: () => void): HTMLElement {
    const swatch = h("span", { class: `swatch ${stroke.dash}`, "aria-hidden": "true" });
    swatch.style.setProperty("--stroke", stroke.colour);
    const button = h("button", { type: "button", "aria-pressed": String(!hidden.has(stroke.name)) }, swatch, `${stroke.name} `, h("b", {}, shown(stroke.now, panel.unit)));
    button.addEventListener("click", () => {
      if (!hidden.delete(stroke.name)) hidden.add(stroke.name);
      button.setAttribute("aria-pressed", String(!hidden.has(stroke.name)));
      draw();
    });
    return button;
  }

  return {
    element,
    async load(span) {
      const ask = async ({ expr }: Series): Promise<Answer> => {
        const [lines, now] = await Promise.all([range(expr, span), instant(expr, span)]);
        return { lines, now };
      };
      const found = await Promise.all(panel.series.map(ask));
      return () => show(strokes(panel, found, city), span);
    },
    close: () => chart?.close(),
  };
}
