// What every client is given, and what it says in the end: one line of JSON.
export const { LISTING_URL: url, BODY: body } = process.env;

/** `receipt` is the header as it came. */
export function report(status, answer, receipt) {
  console.log(JSON.stringify({ status, answer, receipt: receipt ?? null }));
}
