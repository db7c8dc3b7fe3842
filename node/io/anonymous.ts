/**
 * How this device speaks to places that must not learn whose it is: other people's relays, and directories. Under a key
 * made for the purpose, replaced every hour, so that a relay cannot tell that today's depositor is yesterday's. The network
 * address still shows; hiding that is a matter for the network the user chooses.
 */
import type { DeviceId } from '../../protocol/ids.ts'
import { Unreachable } from './deadline.ts'
import { createAnonymousHost, stopHost, type AnonymousHost } from './host.ts'
import type { PulseInit } from './pulse.ts'
import type { Manner, ReachInit, Reached } from './reach.ts'

export interface AnonymousInit {
  readonly reach?: ReachInit
  readonly pulse?: PulseInit
  readonly keyLifeMs?: number
  /** A clock that is never set. */
  readonly nowMs?: () => number
}

const keyLifeMsDefault = 3_600_000
/** What is under way when the key changes has so long to end. */
const graceMs = 60_000
const stopMsMax = 1_000

/** A stream, and under which of the keys it was opened. */
export interface AnonymousStream extends Reached {
  readonly era: number
}

export class Anonymous {
  readonly #init: AnonymousInit
  readonly #retired = new Map<AnonymousHost, NodeJS.Timeout>()
  #host: Promise<AnonymousHost> | undefined
  #bornMs = 0
  #era = 0
  #stopped = false

  constructor(init: AnonymousInit) {
    this.#init = init
  }

  /** The number of the present key; changes when the key does. */
  era(): number {
    const ageMs = this.#nowMs() - this.#bornMs
    if (this.#host !== undefined && ageMs >= (this.#init.keyLifeMs ?? keyLifeMsDefault)) this.#retire(this.#host)
    return this.#era
  }

  async open(
    device: DeviceId,
    addresses: readonly string[],
    protocol: string,
    manner?: Pick<Manner, 'onSilent'>,
  ): Promise<AnonymousStream> {
    if (this.#stopped) throw new Unreachable('stopped')
    const era = this.era()
    const host = await this.#present()
    return { ...(await host.services.reach.open(device, addresses, protocol, manner)), era }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    const hosts = [...this.#retired.keys()]
    for (const timer of this.#retired.values()) clearTimeout(timer)
    this.#retired.clear()
    const present = await this.#host?.catch(() => undefined)
    if (present !== undefined) hosts.push(present)
    await Promise.all(hosts.map((host) => stopHost(host, stopMsMax)))
  }

  #present(): Promise<AnonymousHost> {
    if (this.#host !== undefined) return this.#host
    this.#bornMs = this.#nowMs()
    const host = createAnonymousHost(this.#init)
    this.#host = host
    host.catch(() => {
      if (this.#host === host) this.#host = undefined // Who asks next may be luckier.
    })
    return host
  }

  #nowMs(): number {
    return this.#init.nowMs?.() ?? performance.now()
  }

  #retire(old: Promise<AnonymousHost>): void {
    this.#host = undefined
    this.#era++
    old.then(
      (host) => {
        if (this.#stopped) return stopHost(host, stopMsMax)
        const timer = setTimeout(() => {
          this.#retired.delete(host)
          void stopHost(host, stopMsMax)
        }, graceMs)
        timer.unref()
        this.#retired.set(host, timer)
        return undefined
      },
      () => undefined, // There is none.
    )
  }
}
