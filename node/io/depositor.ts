/** Deposits at other people's relays: one line for each relay, so that a dead one never delays another. */
import type { DeviceId } from '../../protocol/ids.ts'
import type { Envelope } from '../../protocol/wire/mailbox.ts'
import { DepositLine, type DepositLineInit } from './deposit-line.ts'

export type DepositorInit = Omit<DepositLineInit, 'relay' | 'onIdle'>

export class Depositor {
  readonly #init: DepositorInit
  readonly #lines = new Map<string, DepositLine>()

  constructor(init: DepositorInit) {
    this.#init = init
  }

  deposit(relay: string, mailbox: DeviceId, envelope: Envelope): void {
    let line = this.#lines.get(relay)
    if (line === undefined) {
      line = new DepositLine({ ...this.#init, relay, onIdle: () => this.#lines.delete(relay) })
      this.#lines.set(relay, line)
    }
    line.deposit(mailbox, envelope)
  }

  close(): void {
    for (const line of this.#lines.values()) line.close()
  }
}
