// Large current values.

import { type City, type Drawn, judge, type Series } from "./boards";
import { h } from "./dom";
import { rule, shown } from "./format";
import { mark } from "./mark";
import { frame, type View } from "./panel";
import { instant, type Span } from "./prometheus";
import { say, texts } from "./texts";

async function value(series: Series, span: Span): Promise<number | null> {
  const [first] = await instant(series.expr, span);
  return first ? first.value : null;
}

function figure(panel: Drawn, series: Series, found: number | null): HTMLElement {
  const tone = found === null ? "unknown" : (series.tone ?? judge(found, panel.limit));
  const several = panel.series.length > 1;
  const word = several && series.title ? say(series.title) : undefined;
  return h(
    "div",
    // None of a kind is neither good nor bad news: only its badge keeps the colour.
    { class: `figure ${(series.tone && found === 0 ? null : tone) ?? "plain"}` },
    h("span", { class: found === null ? "value none" : panel.unit === "moment" ? "value long" : "value" }, shown(found, panel.unit)),
    several && series.title ? mark(tone ?? "unknown", word) : tone ? mark(tone) : null,
  );
}

/** A panel of one or more numbers. */
export function numberView(panel: Drawn, _city: City): View {
  const { element, body } = frame(panel);
  const aim = panel.limit ? h("p", { class: "aim" }, `${texts().target}${rule(panel.limit, panel.unit)}`) : null;
  return {
    element,
    async load(span) {
      const found = await Promise.all(panel.series.map((series) => value(series, span)));
      return () => body.replaceChildren(h("div", { class: "figures" }, ...panel.series.map((series, place) => figure(panel, series, found[place] ?? null))), ...(aim ? [aim] : []));
    },
    close: () => undefined,
  };
}
