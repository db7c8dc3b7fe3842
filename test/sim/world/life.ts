/**
 * One life of a device's process: the rules, driven, with links, mailbox lines, deposits and questions around them. It ends
 * once; whatever still arrives for it then falls on deaf ears.
 */
import type { DeviceId } from '../../../protocol/ids.ts'
import type { Journal } from '../../../protocol/shell/driver.ts'
import type { Core } from '../../../protocol/step.ts'
import type { Change, Effect } from '../../../node/core/effects.ts'
import type { Input } from '../../../node/core/inputs.ts'
import type { Carriage } from './carriage.ts'
import { Reservations } from './circuits.ts'
import type { Clock } from './clock.ts'
import { DepositLines } from './deposit-lines.ts'
import { DirectLinks } from './direct-links.ts'
import { SimDriver, type Break } from './driver.ts'
import { MailboxLines } from './mailbox-lines.ts'
import type { Host, Network } from './network.ts'
import { Questions } from './questions.ts'

export interface LifeInit {
  readonly network: Network
  readonly host: Host
  readonly clock: Clock
  readonly own: DeviceId
  readonly carriage: Carriage
  readonly core: Core<Input, Change, Effect>
  readonly journal: Journal<Change>
  readonly isFriend: (device: DeviceId) => boolean
  /** Relays through which it could be reached, as its card says. */
  readonly granted: readonly string[]
  /** It is reached through others. */
  readonly circuitsChanged: () => void
  readonly heard: (input: Input) => void
  readonly committed: (changes: readonly Change[]) => void
  readonly performed: (effect: Effect) => void
  readonly breaks: () => Break | undefined
  readonly broken: (how: Break) => void
  readonly failed: (error: unknown) => void
  readonly actsFirst?: (effect: Effect) => boolean
  readonly forgetsAlarm?: boolean
}

const tick: Input = { kind: 'tick' }

export class Life {
  readonly #init: LifeInit
  readonly #driver: SimDriver<Input, Change, Effect>
  readonly #links: DirectLinks
  readonly #mailboxes: MailboxLines
  readonly #deposits: DepositLines
  readonly #questions: Questions
  readonly #reservations: Reservations

  constructor(init: LifeInit) {
    this.#init = init
    this.#driver = new SimDriver<Input, Change, Effect>({
      ...init,
      world: init.network.world,
      tick,
      perform: (effect) => this.#perform(effect),
      settled: () => this.#mailboxes.flush(),
    })
    const parts = { ...init, push: (input: Input): void => this.push(input) }
    const reservations = (this.#reservations = new Reservations({ ...init, onChanged: init.circuitsChanged }))
    this.#links = new DirectLinks(parts)
    this.#mailboxes = new MailboxLines({ ...parts, reservations })
    this.#deposits = new DepositLines(parts)
    this.#questions = new Questions(parts)
  }

  get turns(): number {
    return this.#driver.turns
  }

  circuits(): readonly string[] {
    return this.#reservations.addresses()
  }

  push(input: Input): void {
    this.#driver.push(input)
  }

  /** The process is gone: the driver hears no more, and the kernel closes what was open. */
  end(): void {
    this.#driver.end()
    this.#init.network.hangUp(this.#init.host)
  }

  #perform(effect: Effect): void {
    this.#init.performed(effect)
    switch (effect.kind) {
      case 'dial':
        return this.#links.dial(effect.device, effect.addresses)
      case 'send':
        return this.#links.send(effect.link, effect.frame)
      case 'close-link':
        return this.#links.close(effect.link, effect.reason)
      case 'connect-relay':
        return this.#mailboxes.connect(effect.relay)
      case 'leave-relay':
        return this.#mailboxes.leave(effect.relay)
      case 'ack-mailbox':
        return this.#mailboxes.acknowledge(effect.relay, effect.ids)
      case 'deposit':
        return this.#deposits.deposit(effect.relay, effect.mailbox, effect.envelope)
      case 'ask-directory': {
        const { ask, at, frame } = effect
        const tell = (answer: Extract<Input, { kind: 'directory-answered' }>['answer']): void =>
          this.push({ kind: 'directory-answered', ask, answer })
        return this.#questions.ask(at, frame, undefined, tell)
      }
      case 'publish': {
        const { relay, frame } = effect
        return this.#questions.ask(relay, frame, this.#init.own, (answer) =>
          this.push({ kind: 'publish-answered', relay, answer }),
        )
      }
      case 'answer-asker':
        return this.#questions.answerAsker(effect.asker, effect.frame)
      case 'answer':
      case 'notify':
        return // For the person at the device, who looks on through `performed`.
    }
  }
}
