// One page: the list of dashboards, and ?board=<id>. Links stay ordinary links, so that they open in tabs and survive a reload.

import "./style.css";
import { fetchBoard, fetchCity, fetchSchools, type Board, type City, type Panel, type Schools } from "./boards";
import { address, chosen, choices } from "./choices";
import { byId, h } from "./dom";
import { clock, setZone } from "./format";
import { graphView } from "./graph";
import { notice } from "./notice";
import { numberView } from "./number";
import { failed, type View } from "./panel";
import { Refused, type Span } from "./prometheus";
import { tableView } from "./table";
import { language, say, switchLanguage, texts } from "./texts";

let views: View[] = [];
let timer = 0;
let turn = 0;
/** Unix seconds of the values on the screen; null before there are any. */
let fresh: number | null = null;

function frame(city: City | null): void {
  const t = texts();
  const board = chosen().board;
  document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
  byId("brand-name").textContent = t.brand;
  byId("skip").textContent = t.skip;
  byId("footer").textContent = t.footer;
  byId("boards").setAttribute("aria-label", t.boards);
  byId("boards").replaceChildren(...(city?.dashboards ?? []).map((each) => h("a", { href: address(each.id), "aria-current": each.id === board ? "page" : null }, say(each.title))));
  const button = byId("language");
  button.textContent = t.other;
  button.lang = language() === "zh" ? "en" : "zh-CN";
}

function view(panel: Panel, city: City, schools: Schools): View {
  if (panel.kind === "table") return tableView(panel, city, schools);
  return panel.kind === "graph" ? graphView(panel, city) : numberView(panel, city);
}

function span(): Span {
  return { end: Math.floor(Date.now() / 1000), seconds: chosen().seconds };
}

/** Ask for everything; all or nothing comes to the screen, but for queries that are themselves refused. */
async function load(mine: number): Promise<void> {
  const asked = span();
  const found = await Promise.all(
    views.map((each) =>
      each.load(asked).catch((error: unknown) => {
        if (error instanceof Refused && error.trouble !== "query") throw error;
        return () => failed(each, error instanceof Error ? error.message : String(error));
      }),
    ),
  );
  if (mine !== turn) return;
  for (const show of found) show();
  fresh = asked.end;
}

async function refresh(mine: number, city: City, place: HTMLElement, grid: HTMLElement): Promise<void> {
  clearTimeout(timer);
  grid.setAttribute("aria-busy", "true");
  try {
    await load(mine);
    if (mine !== turn) return;
    place.replaceChildren();
    grid.classList.remove("old");
    grid.hidden = false;
  } catch (error) {
    if (mine !== turn) return;
    const kept = fresh !== null && error instanceof Refused && error.trouble === "down";
    place.replaceChildren(notice(error, city, () => void refresh(mine, city, place, grid)), ...(kept && fresh !== null ? [h("p", { class: "old-note" }, `${texts().old} ${clock(fresh)}`)] : []));
    grid.classList.toggle("old", kept);
    grid.hidden = !kept; // figures that can no longer be vouched for are marked as old, and gone once the reader may not see them
  }
  grid.removeAttribute("aria-busy");
  const updated = document.getElementById("updated");
  if (updated) updated.textContent = fresh ? `${texts().updated} ${clock(fresh)}` : "";
  const { pace } = chosen();
  if (pace) timer = window.setTimeout(() => (document.hidden ? undefined : void refresh(mine, city, place, grid)), pace * 1000);
}

function boardOf(kinds: Record<Panel["kind"], View[]>): HTMLElement[] {
  const side = (name: string, list: View[]): HTMLElement => h("div", { class: name }, ...list.map((each) => each.element));
  return [side("numbers", kinds.number), h("div", { class: "beside" }, side("graphs", kinds.graph), side("tables", kinds.table))];
}

function page(board: Board, city: City, schools: Schools): HTMLElement[] {
  const kinds: Record<Panel["kind"], View[]> = { number: [], graph: [], table: [] };
  for (const panel of board.panels) kinds[panel.kind].push(view(panel, city, schools));
  views = Object.values(kinds).flat();
  return boardOf(kinds);
}

/** The list: each dashboard with its first figure, so that a glance at it is already an answer. */
function cards(boards: Board[], city: City, schools: Schools): HTMLElement[] {
  const rows = boards.map((board) => {
    const first = board.panels[0];
    const figure = first ? view(first, city, schools) : null;
    if (figure) views.push(figure);
    return h("li", { class: "card" }, h("h2", {}, h("a", { href: address(board.id) }, say(board.title))), h("p", {}, say(board.help)), figure?.element ?? null);
  });
  return [h("ul", { class: "cards" }, ...rows)];
}

async function show(): Promise<void> {
  const mine = ++turn;
  clearTimeout(timer);
  views.splice(0).forEach((each) => each.close());
  fresh = null;
  const main = byId("main");
  frame(null);
  main.replaceChildren(h("p", { class: "loading", role: "status" }, texts().loading));
  try {
    const city = await fetchCity();
    const now = chosen();
    const wanted = city.dashboards.filter((each) => !now.board || each.id === now.board);
    const [schools, ...boards] = await Promise.all([fetchSchools(), ...wanted.map((each) => fetchBoard(each.id))]);
    if (mine !== turn) return;
    setZone(city.timezone);
    frame(city);
    const board = now.board ? boards[0] : undefined;
    if (now.board && !board) {
      main.replaceChildren(h("div", { class: "notice", role: "alert" }, h("h1", {}, texts().missing), h("p", {}, h("a", { href: "./" }, texts().all))));
      return;
    }
    const title = board ? say(board.title) : texts().page;
    document.title = `${title} · ${say(city.city)}`;
    const grid = h("div", { class: board ? "board" : "list" }, ...(board ? page(board, city, schools) : cards(boards, city, schools)));
    const place = h("div", { class: "trouble" });
    const again = (): void => void refresh(mine, city, place, grid);
    const changed = (): void => {
      frame(city);
      again();
    };
    const intro = board ? h("p", { class: "intro" }, say(board.help)) : null;
    main.replaceChildren(h("div", { class: "title" }, h("h1", {}, `${title} · ${say(city.city)}`), choices(now, changed, again)), ...(intro ? [intro] : []), place, grid);
    await refresh(mine, city, place, grid);
  } catch (error) {
    if (mine === turn) main.replaceChildren(notice(error, null, () => void show()));
  }
}

byId("language").addEventListener("click", () => {
  switchLanguage();
  void show();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && chosen().pace) document.querySelector<HTMLElement>(".again")?.click();
});
void show();
