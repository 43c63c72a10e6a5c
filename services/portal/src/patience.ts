// Gives up a question that nobody answers. `AbortSignal.timeout` does so from Chrome 103 and Safari 16 on; phones in villages are older.

/** A signal for `fetch` that ends it after so many milliseconds. */
export function within(milliseconds: number): AbortSignal {
  const end = new AbortController();
  setTimeout(() => end.abort(new DOMException("nothing answered in time", "TimeoutError")), milliseconds);
  return end.signal;
}
