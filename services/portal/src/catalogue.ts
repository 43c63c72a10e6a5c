// The page that lists the lessons.

import { h } from "./dom";
import { clock, type Lesson } from "./lessons";
import { language, texts } from "./texts";

function card(lesson: Lesson): HTMLElement {
  const picture = lesson.poster
    ? h("img", { src: lesson.poster, alt: "", loading: "lazy", width: 480, height: 270 })
    : h("span", { class: "no-picture", "aria-hidden": "true" }, "▶");
  const length = h("span", { class: "length", "aria-label": `${texts().duration} ${clock(lesson.seconds)}` }, clock(lesson.seconds));
  const facts = [lesson.subject, lesson.teacher].filter(Boolean).join(" · ");
  return h("li", {},
    h("a", { class: "card", href: `/?lesson=${encodeURIComponent(lesson.id)}`, "data-lesson": lesson.id },
      h("span", { class: "picture" }, picture, length),
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
  return [...heading, h("ul", { class: "grid", "data-count": lessons.length }, ...lessons.map(card))];
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
    ...fact(t.duration, clock(lesson.seconds)), ...fact(t.published, day), ...fact(t.licence, lesson.licence),
  );
}
