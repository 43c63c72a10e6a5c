// The page that lists the lessons.

import { h } from "./dom";
import { clock, type Lesson } from "./lessons";
import { language, texts } from "./texts";

/** When a live lesson began, by the clock on the wall. */
function since(lesson: Lesson): string | null {
  const began = new Date(lesson.live?.started ?? NaN);
  if (Number.isNaN(began.getTime())) return null;
  const time = began.toLocaleTimeString(language() === "zh" ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit" });
  return texts().since.replace("{time}", time);
}

function card(lesson: Lesson): HTMLElement {
  const picture = lesson.poster
    ? h("img", { src: lesson.poster, alt: "", loading: "lazy", width: 480, height: 270 })
    : h("span", { class: "no-picture", "aria-hidden": "true" }, "▶");
  const live = lesson.live?.going ?? false;
  const sign = live
    ? h("span", { class: "badge", "data-state": "live" }, h("span", { class: "dot", "aria-hidden": "true" }), h("span", {}, texts().liveNow))
    : h("span", { class: "length", "aria-label": `${texts().duration} ${clock(lesson.seconds)}` }, clock(lesson.seconds));
  const facts = [live ? since(lesson) : null, lesson.subject, lesson.teacher].filter(Boolean).join(" · ");
  return h("li", {},
    h("a", { class: "card", href: `/?lesson=${encodeURIComponent(lesson.id)}`, "data-lesson": lesson.id },
      h("span", { class: "picture" }, picture, sign),
      h("span", { class: "title" }, lesson.title),
      h("span", { class: "school" }, lesson.school),
      facts ? h("span", { class: "facts" }, facts) : null,
    ),
  );
}

/** The list, or an honest word when it is empty. */
export function catalogue(lessons: Lesson[]): Node[] {
  const heading = [h("h1", {}, texts().lessons), h("p", { class: "intro" }, texts().intro)];
  if (!lessons.length) {
    return [...heading, h("div", { class: "notice" }, h("p", {}, h("strong", {}, texts().empty)), h("p", {}, texts().emptyHint))];
  }
  const [live, rest] = [lessons.filter((each) => each.live?.going), lessons.filter((each) => !each.live?.going)];
  const grid = h("ul", { class: "grid", "data-count": rest.length }, ...rest.map(card));
  if (!live.length) return [...heading, grid];
  const now = h("section", { id: "live-now", "aria-labelledby": "live-now-title" },
    h("h2", { id: "live-now-title" }, texts().liveNow), h("ul", { class: "grid", "data-count": live.length }, ...live.map(card)));
  return rest.length ? [...heading, now, h("section", {}, h("h2", {}, texts().recordedLessons), grid)] : [...heading, now];
}

function fact(name: string, value: string | null): Node[] {
  return value ? [h("dt", {}, name), h("dd", {}, value)] : [];
}

/** What is known of one lesson, beside the player. */
export function facts(lesson: Lesson): HTMLElement {
  const day = lesson.published ? new Date(lesson.published).toLocaleDateString(language() === "zh" ? "zh-CN" : "en-GB") : null;
  const t = texts();
  return h("dl", { class: "lesson-facts" },
    ...fact(t.school, lesson.school), ...fact(t.teacher, lesson.teacher), ...fact(t.subject, lesson.subject),
    ...fact(t.duration, lesson.seconds ? clock(lesson.seconds) : null), ...fact(t.published, day), ...fact(t.licence, lesson.licence),
  );
}
