/** The service refuses; `problem` says what and why. */
export class Refused extends Error {
  constructor(readonly problem: unknown) {
    const told = problem as { type?: string; detail?: string };
    super(`${told.type}: ${told.detail}`);
  }
}

type Page<T> = { items: T[]; next_cursor?: string | null };
type Answer<T> = { data?: Page<T>; error?: unknown };

/** The objects of a collection one after the other; `ask` reads the page at a cursor, the first one without. */
export async function* every<T>(ask: (at: { cursor?: string }) => Promise<Answer<T>>): AsyncGenerator<T> {
  for (let at: { cursor?: string } = {}; ; ) {
    const { data, error } = await ask(at);
    if (!data) throw new Refused(error);
    yield* data.items;
    if (!data.next_cursor) return;
    at = { cursor: data.next_cursor };
  }
}
