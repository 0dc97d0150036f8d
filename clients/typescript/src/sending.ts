const REPEATED = ["GET", "HEAD", "POST"]; // whatever else is repeated may be told that it is done already
const AGAIN = [429, 500, 502, 503, 504];
const pause = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));

/**
 * A fetch that sends a read or a POST until it is answered: what was lost or is refused for the moment is sent again, a POST
 * with the same Idempotency-Key each time. So what was done is done once: a second answer is the first one.
 */
export const sending =
  (fetch: (request: Request) => Promise<Response>, attempts = 5, wait = pause) =>
  async (request: Request): Promise<Response> => {
    if (!REPEATED.includes(request.method)) return fetch(request);
    if (request.method === "POST" && !request.headers.has("Idempotency-Key"))
      request.headers.set("Idempotency-Key", Array.from(crypto.getRandomValues(new Uint32Array(4)), String).join("-"));
    for (let attempt = 1; ; attempt++) {
      let seconds = 0.25 * 2 ** attempt;
      try {
        const answer = await fetch(request.clone());
        if (attempt >= attempts || !AGAIN.includes(answer.status)) return answer;
        seconds = Number(answer.headers.get("Retry-After") ?? seconds);
      } catch (error) {
        if (attempt >= attempts || request.signal.aborted) throw error;
      }
      await wait(seconds);
    }
  };
