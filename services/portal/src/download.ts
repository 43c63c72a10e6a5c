// Taking a lesson away, where its licence allows that. The service is asked when somebody wants the file, not when they look at the page:
// each permission is put on record, and one that nobody asked for would say what nobody did.

import { askToTake, inWords } from "./access";
import { h } from "./dom";
import type { Download, Lesson } from "./lessons";
import { texts } from "./texts";

const MB = 1_000_000;

/** Bytes as a reader counts them. */
const size = (bytes: number): string => (bytes < MB ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / MB).toFixed(bytes < 10 * MB ? 1 : 0)} MB`);

/** A name for the file that every file system takes. */
const fileName = (lesson: Lesson): string => `${lesson.title.replace(/[\\/:*?"<>|\u0000-\u001f]+/g, " ").trim().slice(0, 80) || lesson.id}.mp4`;

/** The button, and room for why not. */
export function download(lesson: Lesson, file: Download): HTMLElement {
  const t = texts();
  const button = h("button", { type: "button", id: "download" }, t.download.replace("{size}", size(file.bytes)));
  const why = h("p", { role: "alert", id: "not-taken", class: "notice", hidden: true });
  button.addEventListener("click", async () => {
    button.disabled = true;
    const leave = await askToTake(lesson.id);
    button.disabled = false;
    why.hidden = "path" in leave;
    if ("path" in leave) h("a", { href: leave.path, download: fileName(lesson) }).click();
    else {
      why.textContent = `${t.notTaken} ${inWords(leave.words)}`;
      why.dataset["reason"] = leave.reason;
    }
  });
  return h("div", { class: "away" }, button, why);
}
