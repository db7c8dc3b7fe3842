/** Whole things out of streams of bytes that somebody else decides the length of. Used with `pipe`. */

/** Passes chunks on up to `max` bytes in all; with the first byte too many, throws what `tooLong` makes. */
export function atMost(
  max: number,
  tooLong: () => Error,
): (source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array> {
  return async function* (source) {
    let length = 0
    for await (const chunk of source) {
      length += chunk.byteLength
      if (length > max) throw tooLong()
      yield chunk
    }
  }
}

/** All chunks as one UTF-8 text; what is not UTF-8 becomes U+FFFD. */
export async function wholeText(source: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let text = ''
  for await (const chunk of source) text += decoder.decode(chunk, { stream: true })
  return text + decoder.decode()
}
