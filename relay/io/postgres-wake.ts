/**
 * Tells the other relays on one database what was committed, and hears it from them. Hints, never messages: one notice
 * stands for all that was committed in the meantime, sent after the commits and outside of them, because a transaction that
 * notifies holds up every other one. What a notice says is written and read in `postgres-notices.ts`.
 *
 * Listening can end without a word. So each relay also listens for itself: when it no longer hears what it says, it begins
 * anew, and has its relay look everywhere, since it cannot know what it missed.
 */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { News } from './postgres-notices.ts'
import { connection } from './postgres-open.ts'

const channel = 'linnet_mail'
/** A notice must be shorter than 8,000 bytes. */
const noticeCharactersMax = 7_900
/** News that waits to be told while the server is slow or gone; what comes beyond is not told. */
const newsMax = 50_000
const pulseMs = 5_000
const retryMs = 1_000

export interface WakeInit {
  readonly url: string
  readonly heard: (words: readonly string[]) => void
  /** Notices may have been missed. */
  readonly missed: () => void
}

export class Wake {
  readonly #init: WakeInit
  readonly #self = randomUUID()
  readonly #news = new Map<string, string>()
  #client: pg.Client | undefined
  #sending = false
  #heard = true
  #first = true
  #closed = false
  readonly #pulse: NodeJS.Timeout

  constructor(init: WakeInit) {
    this.#init = init
    this.#pulse = setInterval(() => this.#beat(), pulseMs)
    this.#pulse.unref()
  }

  /** Resolves when it listens. */
  async open(): Promise<void> {
    const client = new pg.Client(connection(this.#init.url))
    client.on('error', () => this.#lost(client))
    client.on('end', () => this.#lost(client))
    client.on('notification', ({ payload = '' }) => this.#received(payload))
    await client.connect()
    try {
      // A notice that is lost with the server is no loss: whoever reconnects looks everywhere.
      await client.query('SET synchronous_commit = off')
      await client.query(`LISTEN ${channel}`)
    } catch (error) {
      client.end().catch(() => undefined) // A server that only reads, most likely: asked again, on another connection.
      throw error
    }
    if (this.#closed) return client.end()
    this.#client = client
    this.#heard = true
    if (!this.#first) this.#init.missed()
    this.#first = false
    this.#send()
  }

  tell(all: Iterable<News>): void {
    for (const [about, word] of all) if (this.#news.size < newsMax || this.#news.has(about)) this.#news.set(about, word)
    this.#send()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#pulse)
    await this.#client?.end().catch(() => undefined) // Gone already: either way it is gone.
  }

  #received(payload: string): void {
    const [sender, ...words] = payload.split(' ')
    if (sender === this.#self) this.#heard = true
    else if (words.length > 0) this.#init.heard(words)
  }

  #send(): void {
    if (this.#sending || this.#client === undefined || this.#news.size === 0) return
    const words: string[] = []
    let characters = this.#self.length
    for (const [about, word] of this.#news) {
      characters += 1 + word.length
      if (characters > noticeCharactersMax) break
      words.push(word)
      this.#news.delete(about)
    }
    void this.#notify(words)
  }

  async #notify(words: readonly string[]): Promise<void> {
    const client = this.#client
    this.#sending = true
    try {
      await client?.query('SELECT pg_notify($1, $2)', [channel, [this.#self, ...words].join(' ')])
    } catch {
      if (client !== undefined) this.#lost(client)
    }
    this.#sending = false
    this.#send()
  }

  #beat(): void {
    if (this.#client === undefined) return
    if (!this.#heard) return this.#lost(this.#client)
    this.#heard = false
    if (!this.#sending) void this.#notify([])
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    client.end().catch(() => undefined) // It is given up in any case.
    this.#reopen()
  }

  #reopen(): void {
    if (this.#closed) return
    this.open().catch(() => setTimeout(() => this.#reopen(), retryMs).unref())
  }
}
