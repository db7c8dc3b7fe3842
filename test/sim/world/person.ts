/**
 * A person at a device: says things, lets people in, and looks at what the device tells. What they saw is kept as they saw
 * it, event by event; the device may be restarted under their hands.
 */
import type { AccountId, MessageId } from '../../../protocol/ids.ts'
import { parseInvite } from '../../../protocol/wire/invite.ts'
import type { Answer } from '../../../node/core/answers.ts'
import type { Message, NodeEvent } from '../../../node/core/state.ts'
import type { SimDevice } from './device.ts'
import type { World } from './world.ts'

/** A person glances at the screen so soon after it lights up. */
const glanceMs = 50

export class Person {
  readonly device: SimDevice
  readonly #world: World
  /** Every event once, in the order it was told, unless they keep no diary. */
  readonly saw: NodeEvent[] = []
  keepsDiary = true
  #sawUpTo = 0
  #lookDue = false
  /** Whether they look at the screen when something comes. */
  attentive = true
  glanceMs: number = glanceMs
  /** What the screen lights up for. The rest is seen when they look. */
  lightsUpFor: (event: NodeEvent) => boolean = () => true
  /** Told of each event as the person first sees it. */
  onSaw: ((event: NodeEvent, seq: number) => void) | undefined

  constructor(world: World, device: SimDevice) {
    this.#world = world
    this.device = device
    device.onStart = () => this.lit()
  }

  get name(): string {
    return this.device.name
  }

  get account(): AccountId {
    return this.device.account
  }

  /** To be called when the device tells something: the screen lights up. */
  lit(): void {
    if (!this.attentive || this.#lookDue) return
    this.#lookDue = true
    this.#world.after(this.glanceMs, () => {
      this.#lookDue = false
      this.look()
    })
  }

  /** Looks at the screen now, and what was shown is acknowledged. */
  look(): void {
    if (!this.device.running) return
    const events = this.device.store.events(this.#sawUpTo, 1_000)
    for (const { seq, event } of events) {
      this.#sawUpTo = seq
      if (this.keepsDiary) this.saw.push(event)
      this.onSaw?.(event, seq)
    }
    const waiting = this.device.store.events(0, 1)
    if (waiting.length === 0) return
    const upTo = this.#sawUpTo
    this.device.ask((request) => ({ kind: 'events-shown', request, upTo }))
  }

  /** Answers with the id once the device has accepted it. */
  says(to: Person, text: string): MessageId {
    const answer = this.#done(this.device.ask((request) => ({ kind: 'text-submitted', request, to: to.account, text })))
    if (!answer.ok || answer.kind !== 'submitted')
      throw new Error(`${this.name} could not say it: ${JSON.stringify(answer)}`)
    return answer.id
  }

  /** An invite link. */
  invites(): string {
    const answer = this.#done(this.device.ask((request) => ({ kind: 'invite-requested', request })))
    if (!answer.ok || answer.kind !== 'invited') throw new Error(`no invite: ${JSON.stringify(answer)}`)
    return answer.link
  }

  opens(link: string): Answer {
    const invite = parseInvite(link)
    if (invite === undefined) throw new Error('not an invite')
    return this.#done(this.device.ask((request) => ({ kind: 'invite-opened', request, invite })))
  }

  accepts(other: Person): Answer {
    return this.#done(this.device.ask((request) => ({ kind: 'contact-accepted', request, account: other.account })))
  }

  blocks(other: Person): Answer {
    return this.#done(this.device.ask((request) => ({ kind: 'contact-blocked', request, account: other.account })))
  }

  chooses(relays: readonly string[]): Answer {
    return this.#done(this.device.ask((request) => ({ kind: 'relays-chosen', request, relays })))
  }

  /** What became of something they said. */
  fateOf(to: Person, id: MessageId): Message['state'] | undefined {
    return this.device.store.message(to.account, true, id)?.state
  }

  knows(other: Person): string | undefined {
    return this.device.store.contact(other.account)?.state
  }

  /** Texts seen from one person, in order. */
  heard(from: Person): string[] {
    return this.saw.flatMap((event) =>
      event.type === 'message' && event.conversation === from.account ? [event.text ?? '?'] : [],
    )
  }

  /** What they were told of one message they sent. */
  toldOf(id: MessageId): string[] {
    return this.saw.flatMap((event) => (event.type === 'status' && event.id === id ? [event.state] : []))
  }

  #done(request: number): Answer {
    this.#world.until(() => this.device.answer(request) !== undefined, 120_000)
    const answer = this.device.answer(request)
    if (answer === undefined) throw new Error(`${this.name}'s device did not answer`)
    return answer
  }
}
