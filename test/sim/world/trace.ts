/**
 * What happened, as one number: two runs of one seed that differ anywhere differ here. Lines are kept only on demand, to be
 * read when a seed has failed.
 */

/** How much of each goes into the number; and whether lines are kept. */
export type Detail = 'kinds' | 'everything' | 'kept'

export class Trace {
  readonly #detail: Detail
  readonly lines: string[] = []
  #high = 0x811c9dc5
  #low = 0x9e3779b9
  events = 0

  constructor(detail: Detail) {
    this.#detail = detail
  }

  /** `detailed` tells more than the kind of what happened, where more is wanted. */
  heard<Input extends { readonly kind: string }>(
    atMs: number,
    who: string,
    input: Input,
    detailed: (input: Input) => string,
  ): void {
    this.add(atMs, who, this.#detail === 'kinds' ? input.kind : detailed(input))
  }

  add(atMs: number, who: string, what: string): void {
    this.events++
    this.#text(who)
    this.#text(what)
    this.#word(Math.round(atMs * 16) | 0)
    if (this.#detail === 'kept') this.lines.push(`${clock(atMs)} ${who} ${what}`)
  }

  get hash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')
    return hex(this.#high) + hex(this.#low)
  }

  #text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#word(text.charCodeAt(i))
  }

  #word(word: number): void {
    this.#high = Math.imul(this.#high ^ word, 0x01000193)
    this.#low = Math.imul(this.#low ^ word, 0x85ebca6b) ^ (this.#low >>> 15)
  }
}

/** Virtual time as days, hours, minutes, seconds and milliseconds. */
export function clock(ms: number): string {
  const whole = Math.floor(ms)
  const part = (unitMs: number, modulo: number): string => String(Math.floor(whole / unitMs) % modulo).padStart(2, '0')
  const days = Math.floor(whole / 86_400_000)
  return `${days}d${part(3_600_000, 24)}:${part(60_000, 60)}:${part(1_000, 60)}.${String(whole % 1_000).padStart(3, '0')}`
}

/** With its stack: what was thrown is a bug. */
export function told(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
