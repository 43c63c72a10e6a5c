// The signs on the player's buttons, drawn on a field of 24 by 24; every button has a name besides.

const PATHS = {
  play: "M7 4l13 8-13 8z",
  pause: "M6 4h4v16H6zM14 4h4v16h-4z",
  loud: "M3 9h4l5-5v16l-5-5H3zM15 8.5a5 5 0 010 7l-1.2-1.2a3.2 3.2 0 000-4.6zM17.6 5.9a8.6 8.6 0 010 12.2l-1.3-1.3a6.8 6.8 0 000-9.6z",
  muted: "M3 9h4l5-5v16l-5-5H3zM15 9.4L16.4 8l2.3 2.3L21 8l1.4 1.4-2.3 2.3 2.3 2.3L21 15.4l-2.3-2.3-2.3 2.3L15 14l2.3-2.3z",
  full: "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z",
  small: "M8 4h2v6H4V8h4zM14 4h2v4h4v2h-6zM4 14h6v6H8v-4H4zM14 14h6v2h-4v4h-2z",
  captions: "M2 4h20v16H2zM4 6v12h16V6zM6 13h6v2H6zM14 13h4v2h-4zM6 9.5h3v2H6zM11 9.5h7v2h-7z",
  sound: "M12 3a8 8 0 00-8 8v7a2 2 0 002 2h3v-8H6v-1a6 6 0 0112 0v1h-3v8h3a2 2 0 002-2v-7a8 8 0 00-8-8z",
  edge: "M4 5l9 7-9 7zM15 5h4v14h-4z",
} as const;

const SPACE = "http://www.w3.org/2000/svg";

export type Icon = keyof typeof PATHS;

/** The sign, hidden from screen readers. */
export function icon(name: Icon): SVGSVGElement {
  const picture = document.createElementNS(SPACE, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: "22", height: "22", "aria-hidden": "true", focusable: "false" })) {
    picture.setAttribute(key, value);
  }
  const path = document.createElementNS(SPACE, "path");
  path.setAttribute("d", PATHS[name]);
  path.setAttribute("fill", "currentColor");
  path.setAttribute("fill-rule", "evenodd");
  picture.append(path);
  return picture;
}
