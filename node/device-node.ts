/**
 * A running device: the rules, their store and the network put together, behind the library's face. Each method becomes an
 * input and waits for its answer; each effect goes to the network, to the caller or to the listeners. Decides nothing of
 * the rules; sees to it that everything ends when one part of it does.
 */
import { isAccountId, type DeviceId, type MessageId } from '../protocol/ids.ts'
import { Driver } from '../protocol/shell/driver.ts'
import { parseInvite } from '../protocol/wire/invite.ts'
import {
  NodeError,
  type ContactView,
  type LinnetNode,
  type MessageView,
  type NodeEvents,
  type NodeIdentity,
  type Why,
  type SafetyNumber,
} from './api.ts'
import type { Answer } from './core/answers.ts'
import type { Device } from './core/device.ts'
import type { Change, Effect } from './core/effects.ts'
import type { Input } from './core/inputs.ts'
import type { Contact, Message, StoredEvent } from './core/state.ts'
import { Telling } from './events.ts'
import type { Log } from './io/log.ts'
import { Network } from './io/network.ts'
import type { DeviceStore } from './io/store.ts'
import { cannotListen, checkRelays } from './options.ts'
import { Requests } from './requests.ts'
import { contactView, identityView, messageView, whyView } from './views.ts'
import { safetyNumbersWith } from './safety.ts'
import { Waiters } from './waiting.ts'

export interface DeviceNodeInit {
  readonly device: Device
  readonly store: DeviceStore
  readonly deviceSeed: Uint8Array
  readonly listen: readonly string[]
  /** Listened on when `listen` cannot be. */
  readonly instead?: readonly string[]
  readonly announce: readonly string[]
  readonly circuits?: boolean
  readonly lan?: boolean
  readonly log: Log
  /** Closes the store and lets go of the data directory. */
  readonly release: () => void
}

type Phase = 'made' | 'starting' | 'running' | 'stopping' | 'stopped'

export class DeviceNode implements LinnetNode {
  readonly #init: DeviceNodeInit
  readonly #driver: Driver<Input, Change, Effect>
  readonly #network: Network
  readonly #telling = new Telling()
  readonly #requests: Requests
  readonly #waiters: Waiters
  #phase: Phase = 'made'
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #ending: Promise<void> | undefined

  constructor(init: DeviceNodeInit) {
    this.#init = init
    this.#driver = new Driver({
      core: init.device,
      journal: init.store,
      perform: (effect) => this.#perform(effect),
      tick: { kind: 'tick' },
      nowMs: () => Date.now(),
      failed: (error) => this.#fail(error),
    })
    this.#requests = new Requests((input) => this.#driver.push(input))
    this.#waiters = new Waiters((id) => this.#outgoing(id)?.state)
    this.#network = new Network({
      ...init,
      seed: init.deviceSeed,
      push: (input) => this.#driver.push(input),
      backlog: () => this.#driver.backlog,
      isFriend: (device) => this.#isFriend(device),
    })
  }

  start(): Promise<void> {
    if (this.#phase === 'stopping' || this.#phase === 'stopped') return Promise.reject(stopped())
    this.#starting ??= this.#start()
    return this.#starting
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  identity(): NodeIdentity {
    const { settings } = this.#init.device
    return identityView(settings, this.#network.addresses(), this.#init.device.relayStandings())
  }

  async send(who: string, text: string): Promise<{ readonly id: MessageId; readonly state: Message['state'] }> {
    const { account } = this.#resolve(who)
    const { id } = await this.#ask('submitted', (request) => ({ kind: 'text-submitted', request, to: account, text }))
    return { id, state: this.#outgoing(id)?.state ?? 'queued' }
  }

  waitFor(
    id: MessageId,
    state: 'stored' | 'delivered' | 'read',
    timeoutMs: number,
  ): Promise<Message['state'] | undefined> {
    if (this.#isOver()) return Promise.reject(stopped())
    return this.#waiters.wait(id, state, timeoutMs)
  }

  async invite(): Promise<string> {
    const { link } = await this.#ask('invited', (request) => ({ kind: 'invite-requested', request }))
    return link
  }

  async add(link: string, name?: string): Promise<ContactView> {
    const invite = parseInvite(link)
    if (invite === undefined) throw new NodeError('invalid-invite', 'this is not an invite link, or not all of one')
    return this.#askContact((request) => ({
      kind: 'invite-opened',
      request,
      invite,
      ...(name !== undefined && { name }),
    }))
  }

  async accept(who: string): Promise<ContactView> {
    const { account } = this.#resolve(who)
    return this.#askContact((request) => ({ kind: 'contact-accepted', request, account }))
  }

  async block(who: string): Promise<ContactView> {
    const { account } = this.#resolve(who)
    return this.#askContact((request) => ({ kind: 'contact-blocked', request, account }))
  }

  safetyNumbers(who: string): readonly SafetyNumber[] {
    const contact = this.#resolve(who)
    const { account, device } = this.#init.device.settings
    return safetyNumbersWith(contact, { account, device })
  }

  async verify(who: string): Promise<ContactView> {
    const { account } = this.#resolve(who)
    return this.#askContact((request) => ({ kind: 'contact-verified', request, account }))
  }

  async rename(who: string, name: string): Promise<ContactView> {
    const { account } = this.#resolve(who)
    return this.#askContact((request) => ({ kind: 'contact-renamed', request, account, name }))
  }

  contacts(): readonly ContactView[] {
    return this.#store()
      .contacts()
      .map((contact) => this.#view(contact))
  }

  async setRelays(relays: readonly string[]): Promise<void> {
    const chosen = checkRelays(relays)
    await this.#ask('done', (request) => ({ kind: 'relays-chosen', request, relays: chosen }))
  }

  history(who: string, { limit = 50, before }: { limit?: number; before?: MessageId } = {}): readonly MessageView[] {
    const { account } = this.#resolve(who)
    const position = before === undefined ? undefined : this.#find(before).position
    return this.#store()
      .history(account, limit, position)
      .map((message) => messageView(message, this.#store()))
  }

  why(id: MessageId): Why {
    const message = this.#find(id)
    return whyView(message, this.#store(), (messageId, device) => this.#init.device.nextTryMs(messageId, device))
  }

  events(after: number, limit: number): readonly StoredEvent[] {
    return this.#store().events(after, limit)
  }

  async acknowledge(upTo: number): Promise<void> {
    await this.#ask('done', (request) => ({ kind: 'events-shown', request, upTo }))
  }

  on<K extends keyof NodeEvents>(kind: K, listener: (event: NodeEvents[K]) => void): () => void {
    return this.#telling.on(kind, listener)
  }

  async #start(): Promise<void> {
    this.#phase = 'starting'
    try {
      await this.#network.start()
    } catch (error) {
      this.#starting = undefined
      if (this.#phase === 'starting') this.#phase = 'made'
      throw cannotListen(error)
    }
    if (this.#phase !== 'starting') throw stopped() // `stop` was called meanwhile, and sees to the rest.
    this.#phase = 'running'
  }

  /** What the core was told before is kept; nothing is told it after. */
  async #stop(): Promise<void> {
    this.#phase = 'stopping'
    this.#driver.stop()
    await this.#end()
  }

  #end(): Promise<void> {
    this.#ending ??= this.#letGo()
    return this.#ending
  }

  async #letGo(): Promise<void> {
    this.#requests.failAll(stopped())
    this.#waiters.failAll(stopped())
    await this.#starting?.catch(() => undefined)
    await this.#network.stop()
    this.#init.release()
    this.#phase = 'stopped'
  }

  /** The driver has ended: what is in memory may be ahead of what is on disk, so nothing here may go on. */
  #fail(cause: unknown): void {
    const error = cause instanceof Error ? cause : new Error('the node failed', { cause })
    this.#init.log('error', 'the node failed', { error: error.name })
    this.#phase = 'stopping'
    this.#stopping ??= this.#end()
    this.#telling.tellFatal(error)
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'answer':
        return this.#requests.answered(effect.request, effect.answer)
      case 'notify':
        return this.#notify(effect.stored)
      default:
        return this.#network.perform(effect)
    }
  }

  #notify(stored: StoredEvent): void {
    const { event } = stored
    this.#telling.tell('event', stored)
    switch (event.type) {
      case 'message':
        return this.#telling.tell('message', event)
      case 'status':
        this.#waiters.wake(event.id)
        return this.#telling.tell('status', event)
      case 'contact':
        return this.#telling.tell('contact', event)
      case 'gap':
        return this.#telling.tell('gap', event)
    }
  }

  async #askContact(input: (request: number) => Input): Promise<ContactView> {
    const { contact } = await this.#ask('contact', input)
    return this.#view(contact)
  }

  #ask<K extends (Answer & { ok: true })['kind']>(
    kind: K,
    input: (request: number) => Input,
  ): Promise<Extract<Answer, { kind: K }>> {
    if (this.#phase !== 'running') return Promise.reject(stopped())
    return this.#requests.ask(kind, input)
  }

  #resolve(who: string): Contact {
    const store = this.#store()
    // The account first: a contact may have taken another's account id for a name.
    const contact = (isAccountId(who) ? store.contact(who) : undefined) ?? store.contactNamed(who)
    if (contact === undefined) throw new NodeError('not-found', `no contact is called ${who}`)
    return contact
  }

  #find(id: MessageId): Message {
    const message = this.#store().findMessage(id)
    if (message === undefined) throw new NodeError('not-found', `no message has the id ${id}`)
    return message
  }

  #outgoing(id: MessageId): Message | undefined {
    const message = this.#store().findMessage(id)
    return message?.outgoing === true ? message : undefined
  }

  #isFriend(device: DeviceId): boolean {
    if (this.#isOver()) return false
    const state = this.#init.store.contactOfDevice(device)?.state
    return state === 'added' || state === 'adding'
  }

  #view(contact: Contact): ContactView {
    return contactView(contact, (device) => this.#init.device.linkTo(device))
  }

  #store(): DeviceStore {
    if (this.#isOver()) throw stopped()
    return this.#init.store
  }

  #isOver(): boolean {
    return this.#phase === 'stopping' || this.#phase === 'stopped'
  }
}

function stopped(): NodeError {
  return new NodeError('stopped', 'the node is not running')
}
