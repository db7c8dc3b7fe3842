/**
 * Tells the other relays on one database that something was put into a mailbox, and hears it from them. A hint, never a
 * message: one notice stands for all that was stored in the meantime, sent after the commit and outside of it, because a
 * transaction that notifies holds up every other one.
 *
 * Listening can end without a word. So each relay also listens for itself: when it no longer hears what it says, it begins
 * anew, and has its relay look everywhere, since it cannot know what it missed.
 */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { DeviceId } from '../../protocol/ids.ts'
import { connection } from './postgres-open.ts'

const channel = 'linnet_mail'
/** A notice may be 8,000 bytes long; a device is 64 of them. */
const devicesMax = 100
const pulseMs = 5_000
const retryMs = 1_000

export interface WakeInit {
  readonly url: string
  readonly arrived: (mailboxes: readonly DeviceId[] | 'any') => void
}

export class Wake {
  readonly #init: WakeInit
  readonly #self = randomUUID()
  readonly #news = new Set<DeviceId>()
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
    // A notice that is lost with the server is no loss: whoever reconnects looks everywhere.
    await client.query('SET synchronous_commit = off')
    await client.query(`LISTEN ${channel}`)
    if (this.#closed) return client.end()
    this.#client = client
    this.#heard = true
    if (!this.#first) this.#init.arrived('any')
    this.#first = false
    this.#send()
  }

  tell(mailboxes: Iterable<DeviceId>): void {
    for (const mailbox of mailboxes) this.#news.add(mailbox)
    this.#send()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#pulse)
    await this.#client?.end().catch(() => undefined) // Gone already: either way it is gone.
  }

  #received(payload: string): void {
    const [sender, ...mailboxes] = payload.split(' ')
    if (sender === this.#self) this.#heard = true
    else if (mailboxes.length > 0) this.#init.arrived(mailboxes as DeviceId[])
  }

  #send(): void {
    if (this.#sending || this.#client === undefined || this.#news.size === 0) return
    const mailboxes = [...this.#news].slice(0, devicesMax)
    for (const mailbox of mailboxes) this.#news.delete(mailbox)
    void this.#notify(mailboxes)
  }

  async #notify(mailboxes: readonly DeviceId[]): Promise<void> {
    const client = this.#client
    this.#sending = true
    try {
      await client?.query('SELECT pg_notify($1, $2)', [channel, [this.#self, ...mailboxes].join(' ')])
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
