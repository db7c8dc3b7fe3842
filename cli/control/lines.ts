/**
 * Lines on a byte stream: splits what arrives at each newline, whole characters only, and refuses a line longer than any
 * honest one. What a line says is `rpc.ts`.
 */

/** A text at its limit (64 KiB) with every byte written as `\u00XX`, its envelope, and room to grow. */
export const lineBytesMax: number = 1 << 20

class LineTooLong extends Error {
  override readonly name = 'LineTooLong'
}

export class LineSplitter {
  #parts: Buffer[] = []
  #bytes = 0

  /** The lines completed by this chunk. Throws LineTooLong, after which the stream cannot be made sense of. */
  push(chunk: Buffer): string[] {
    const lines: string[] = []
    let from = 0
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      this.#keep(chunk.subarray(from, at))
      lines.push(Buffer.concat(this.#parts).toString('utf8'))
      this.#parts = []
      this.#bytes = 0
      from = at + 1
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from))
    return lines
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length
    if (this.#bytes > lineBytesMax) throw new LineTooLong(`a line may have ${lineBytesMax} bytes`)
    this.#parts.push(part)
  }
}
