// One row per school or district of the catalog: who was never heard from has a row too, and it says unknown.

import { type City, type Column, judge, type Schools, type Tabled, type Tone } from "./boards";
import { h } from "./dom";
import { shown } from "./format";
import { mark } from "./mark";
import { frame, type View } from "./panel";
import { instant, type Sample } from "./prometheus";
import { say, texts, type Words } from "./texts";

interface Cell {
  value: number | null;
  /** The value of the label that the column shows. */
  word: string | null;
  tone: Tone | null;
}
export interface Row {
  id: string;
  name: Words;
  district: string | null;
  cells: Cell[];
}

const FIRST = 12; // more than that is a list to search, not to read
const RANK: Record<Tone, number> = { bad: 0, unknown: 1, good: 2 };

function cell(column: Column, sample: Sample | undefined, city: City): Cell {
  if (!column.label) {
    const value = sample?.value ?? null;
    return { value, word: null, tone: column.limit ? judge(value, column.limit) : value === null ? "unknown" : null };
  }
  const word = sample?.labels[column.label] ?? null;
  return { value: null, word, tone: (word && city.names.state[word]?.tone) || "unknown" };
}

/** Rows of the whole catalog, joined with what was measured. */
function join(panel: Tabled, found: Sample[][], city: City, schools: Schools): Row[] {
  const names: Record<string, Words & { district?: string }> = panel.key === "school" ? schools : city.names.district;
  const by = found.map((samples) => new Map(samples.map((sample) => [sample.labels[panel.key] ?? "", sample])));
  return Object.entries(names).map(([id, name]) => ({
    id,
    name,
    district: name.district ?? null,
    cells: panel.columns.map((column, place) => cell(column, by[place]?.get(id), city)),
  }));
}

/** What needs attention first: the first column decides, the worst tone before the worst value. */
function urgency(panel: Tabled): (a: Row, b: Row) => number {
  const falls = panel.columns[0]?.limit?.at_least === false ? -1 : 1;
  const tone = (row: Row): number => RANK[row.cells[0]?.tone ?? "good"];
  return (a, b) => tone(a) - tone(b) || falls * ((a.cells[0]?.value ?? 0) - (b.cells[0]?.value ?? 0));
}

function bySort(place: number, up: boolean): (a: Row, b: Row) => number {
  const sign = up ? 1 : -1;
  return (a, b) => {
    if (place < 0) return sign * say(a.name).localeCompare(say(b.name));
    const [one, two] = [a.cells[place], b.cells[place]];
    if (one?.word || two?.word) return sign * (RANK[one?.tone ?? "unknown"] - RANK[two?.tone ?? "unknown"]);
    // Unknown stays at the end whichever way the rest is turned.
    if (one?.value == null || two?.value == null) return Number(one?.value == null) - Number(two?.value == null);
    return sign * (one.value - two.value);
  };
}

/** A panel of rows that can be searched and sorted. */
export function tableView(panel: Tabled, city: City, schools: Schools): View {
  const { element, body } = frame(panel);
  const t = texts();
  let rows: Row[] = [];
  let sort: { place: number; up: boolean } | null = null;
  let all = false;
  const search = h("input", { type: "search", placeholder: t.search, "aria-label": t.search });
  const choice = h("select", { "aria-label": t.district }, h("option", { value: "" }, t.allDistricts), ...Object.entries(city.names.district).map(([id, name]) => h("option", { value: id }, say(name))));
  const place = h("div", { class: "rows" });
  const find = panel.key === "school" ? h("div", { class: "find" }, search, choice) : null;

  function wanted(): Row[] {
    const words = search.value.trim().toLowerCase();
    const fits = (row: Row): boolean => (!choice.value || row.district === choice.value) && (!words || `${row.id} ${row.name.zh} ${row.name.en}`.toLowerCase().includes(words));
    return rows.filter(fits).sort(sort ? bySort(sort.place, sort.up) : urgency(panel));
  }

  function head(title: string, at: number): HTMLElement {
    const mine = sort?.place === at;
    const button = h("button", { type: "button" }, title, h("span", { "aria-hidden": "true", class: "arrow" }, mine ? (sort?.up ? " ↑" : " ↓") : ""));
    button.addEventListener("click", () => {
      sort = { place: at, up: mine ? !sort?.up : true };
      draw();
      place.querySelectorAll<HTMLElement>("th button")[at + 1]?.focus();
    });
    return h("th", { scope: "col", "aria-sort": mine ? (sort?.up ? "ascending" : "descending") : null }, button);
  }

  function line(row: Row): HTMLElement {
    const home = row.district ? city.names.district[row.district] : undefined;
    const below = panel.key === "school" ? h("small", {}, `${row.id}${home ? ` · ${say(home)}` : ""}`) : null;
    const cells = panel.columns.map((column, at) => data(column, row.cells[at]));
    return h("tr", { "data-row": row.id }, h("th", { scope: "row" }, say(row.name), below), ...cells);
  }

  function data(column: Column, found: Cell | undefined): HTMLElement {
    const label = { "data-label": say(column.title) };
    if (!found || (found.value === null && found.word === null)) return h("td", label, mark("unknown"));
    if (column.label) return h("td", label, mark(found.tone ?? "unknown", found.word ? say(city.names.state[found.word] ?? { zh: found.word, en: found.word }) : undefined));
    const text = shown(found.value, column.unit);
    return h("td", { ...label, class: found.tone ?? "" }, found.tone ? mark(found.tone, text) : text);
  }

  function draw(): void {
    const found = wanted();
    const now = all ? found : found.slice(0, FIRST);
    const columns = [say(panel.title), ...panel.columns.map((column) => say(column.title))];
    const table = h("table", { "aria-labelledby": `panel-${panel.id}` }, h("thead", {}, h("tr", {}, ...columns.map((title, at) => head(title, at - 1)))), h("tbody", {}, ...now.map(line)));
    place.replaceChildren(found.length ? table : h("p", { class: "none-here" }, t.none));
    if (now.length < found.length) {
      const more = h("button", { type: "button", class: "more" }, `${t.more} (${found.length} ${t.rows})`);
      more.addEventListener("click", () => {
        all = true;
        draw();
      });
      place.append(more);
    }
  }

  search.addEventListener("input", draw);
  choice.addEventListener("change", draw);
  return {
    element,
    async load(span) {
      const found = await Promise.all(panel.columns.map((column) => instant(column.expr, span)));
      return () => {
        rows = join(panel, found, city, schools);
        // What is being typed into must stay where it is when values change.
        if (!place.isConnected) body.replaceChildren(...(find ? [find] : []), place);
        draw();
      };
    },
    close: () => undefined,
  };
}
