// Sound only: the same lesson without its picture. hls.js drops variants without a picture as soon as there is one with, so it is given
// a master playlist that has none with.

import type Hls from "hls.js";
import type { HlsConfig, LoaderCallbacks, LoaderConfiguration, PlaylistLoaderConstructor, PlaylistLoaderContext } from "hls.js";

const VARIANT = "#EXT-X-STREAM-INF:";
const PICTURE = /RESOLUTION=|CODECS="[^"]*(avc|hvc|hev|av01|vp0|vp9)/i;
const GUESS = 128_000; // bit/s, for a master that does not say what its sound takes

const attribute = (line: string, name: string): string | null => new RegExp(`[:,]${name}="([^"]*)"`).exec(line)?.[1] ?? null;

/** A variant made of the sound that belongs to the variants with a picture. */
function made(lines: string[]): string[] {
  const sound = lines.find((line) => line.startsWith("#EXT-X-MEDIA:") && line.includes("TYPE=AUDIO") && attribute(line, "URI"));
  const variant = lines.find((line) => line.startsWith(VARIANT));
  if (!sound || !variant) return [];
  const codec = (attribute(variant, "CODECS") ?? "").split(",").find((each) => !PICTURE.test(`CODECS="${each}"`));
  const captions = attribute(variant, "SUBTITLES");
  const facts = [`BANDWIDTH=${GUESS}`, codec ? `CODECS="${codec}"` : "", captions ? `SUBTITLES="${captions}"` : ""].filter(Boolean);
  return [VARIANT + facts.join(","), attribute(sound, "URI") ?? ""];
}

/** ``master`` without its pictures; null where there is no sound by itself. */
export function withoutPicture(master: string): string | null {
  const lines = master.split(/\r?\n/);
  const own: string[] = [];
  const rest: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    if (!line.startsWith(VARIANT)) {
      if (!line.startsWith("#EXT-X-I-FRAME-STREAM-INF:")) rest.push(line);
      continue;
    }
    at += 1;
    if (!PICTURE.test(line)) own.push(line, lines[at] ?? "");
  }
  const variants = own.length ? own : made(lines);
  return variants.length ? [...rest.filter((line) => line.startsWith("#")), ...variants, ""].join("\n") : null;
}

/** A loader of playlists that tells ``offered`` whether a master has sound by itself, and takes the pictures out when ``only`` says so. */
export function soundLoader(Library: typeof Hls, only: boolean, offered: (there: boolean) => void): PlaylistLoaderConstructor {
  return class extends (Library.DefaultConfig.loader as PlaylistLoaderConstructor) {
    constructor(config: HlsConfig) {
      super(config);
    }

    load(context: PlaylistLoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<PlaylistLoaderContext>): void {
      const done = callbacks.onSuccess;
      const first = (context.type as string) === "manifest";
      super.load(context, config, !first ? callbacks : {
        ...callbacks,
        onSuccess: (response, ...more) => {
          const bare = withoutPicture(String(response.data));
          offered(bare !== null && PICTURE.test(String(response.data)));
          done(only && bare !== null ? { ...response, data: bare } : response, ...more);
        },
      });
    }
  };
}
