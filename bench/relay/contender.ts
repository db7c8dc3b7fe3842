/** What every server measured here is to the load: a place that takes messages for users, who are numbers. */
import type { ServerProcess } from './process.ts'

export interface Contender {
  readonly name: string
  /** What its acknowledgement of a message for somebody who is away is worth. */
  readonly promise: string
  /** What would have to be installed; undefined when it can run. */
  readonly missing: () => string | undefined
  readonly version: () => string
  /** `place` is an empty directory of its own. */
  readonly start: (place: string) => Promise<Server>
}

/** User numbers from `first` on. */
export interface Users {
  readonly first: number
  readonly count: number
}

export interface Server {
  readonly process: ServerProcess
  readonly port: number
  /** Gives these users a mailbox that keeps what comes while they are away. */
  readonly settle: (users: Users) => Promise<void>
  readonly connect: (options: ClientOptions) => Promise<Client>
  readonly stop: () => Promise<void>
}

export interface ClientOptions {
  readonly user: number
  /** Takes its mail and acknowledges it, instead of only sending. */
  readonly receives: boolean
  /** Another port than the server's own: a counting proxy in front of it. */
  readonly port?: number
  /** Something came for this user. */
  readonly received?: (tag: number) => void
  /** The server has answered for a message this client sent. */
  readonly acknowledged?: (tag: number) => void
}

export interface Client {
  /** `body` has to be of `bodyOf(tag)`, so that whoever receives it knows which one it is. */
  send(to: number, tag: number, body: Uint8Array): void
  close(): Promise<void>
}

export function numbersOf({ first, count }: Users): number[] {
  return Array.from({ length: count }, (_, i) => first + i)
}

const tagDigits = 8

/** Letters and digits, which every protocol here carries as they are; the tag first. */
export function bodyOf(tag: number, bytes: number): Buffer {
  return Buffer.from(tag.toString().padStart(tagDigits, '0').padEnd(bytes, 'x'), 'latin1')
}

/** The tag of a body that begins at `at`. */
export function tagAt(bytes: Uint8Array, at: number): number {
  let tag = 0
  for (let i = at; i < at + tagDigits; i++) tag = tag * 10 + ((bytes[i] ?? 0) - 48)
  return tag
}

/** At most `atOnce` at a time, in order. */
export async function inTurns<T, R>(items: readonly T[], atOnce: number, act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let i = 0; i < items.length; i += atOnce)
    results.push(...(await Promise.all(items.slice(i, i + atOnce).map(act))))
  return results
}

export function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Fails when `what` takes longer; a server that hangs must not hang the others' turns. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not done in ${ms / 1_000} s`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
