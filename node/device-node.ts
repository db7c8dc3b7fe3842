/**
 * A running device: the rules, their store and the network put together, behind the library's face. Each method becomes an
 * input and waits for its answer; each effect goes to the network, to the caller or to the listeners. Decides nothing of
 * the rules; sees to it that everything ends when one part of it does.
 */
import { systemRandom } from '../protocol/crypto/primitives.ts'
import type { AccountId, MessageId } from '../protocol/ids.ts'
import { Driver } from '../protocol/shell/driver.ts'
import { parseInvite } from '../protocol/wire/invite.ts'
import {
  NodeError,
  type ContactView,
  type Diagnosis,
  type LinnetNode,
  type MessageView,
  type NodeEvents,
  type NodeIdentity,
  type Why,
  type SafetyNumber,
} from './api.ts'
import type { Answer } from './core/answers.ts'
import type { Change, Effect } from './core/effects.ts'
import type { Input } from './core/inputs.ts'
import { tokenFor } from './core/relay-tokens.ts'
import type { Contact, Message, StoredEvent } from './core/state.ts'
import type { DeviceNodeInit } from './device-parts.ts'
import { diagnose } from './doctor.ts'
import { Telling } from './events.ts'
import { Network } from './io/network.ts'
import type { DeviceStore } from './io/store.ts'
import { Lookups } from './lookups.ts'
import { cannotListen, checkRelays } from './options.ts'
import { Presence } from './presence.ts'
import { Requests } from './requests.ts'
import { contactView, identityView, messageView, whyView } from './views.ts'
import { safetyNumbersWith } from './safety.ts'
import { Waiters } from './waiting.ts'

type Phase = 'made' | 'starting' | 'running' | 'stopping' | 'stopped'

export class DeviceNode implements LinnetNode {
  readonly #init: DeviceNodeInit
  readonly #driver: Driver<Input, Change, Effect>
  readonly #network: Network
  readonly #telling = new Telling()
  readonly #requests: Requests
  readonly #find = new Lookups(() => this.#store())
  readonly #presence: Presence | undefined
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
    this.#waiters = new Waiters((id) => this.#find.outgoing(id)?.state)
    this.#network = new Network({
      ...init,
      seed: init.deviceSeed,
      granted: init.device.circuitRelays,
      push: (input) => this.#driver.push(input),
      backlog: () => this.#driver.backlog,
      isFriend: (device) => !this.#isOver() && this.#find.isFriend(device),
      tokenFor: (relay) => tokenFor(this.#isOver() ? undefined : init.store.fact('relay-tokens'), relay),
      ...(init.presence === true && {
        onGossip: (topic, data) => this.#presence?.heard(topic, data),
        onListener: (topic) => this.#presence?.greet(topic),
      }),
    })
    if (init.presence !== true) return
    this.#presence = new Presence({
      seed: init.deviceSeed,
      device: init.device.settings.device,
      friends: () => (this.#isOver() ? [] : this.#find.friends()),
      isLinked: (device) => init.device.linkTo(device) !== undefined,
      airwaves: this.#network,
      random: systemRandom,
      nowMs: Date.now,
      onChanged: (account) => this.#tellPresence(account),
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
    const { account } = this.#find.contact(who)
    const { id } = await this.#ask('submitted', (request) => ({ kind: 'text-submitted', request, to: account, text }))
    return { id, state: this.#find.outgoing(id)?.state ?? 'queued' }
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
    return this.#about(who, (named) => ({ kind: 'contact-accepted', ...named }))
  }

  async block(who: string): Promise<ContactView> {
    return this.#about(who, (named) => ({ kind: 'contact-blocked', ...named }))
  }

  safetyNumbers(who: string): readonly SafetyNumber[] {
    const contact = this.#find.contact(who)
    const { account, device } = this.#init.device.settings
    return safetyNumbersWith(contact, { account, device })
  }

  async verify(who: string): Promise<ContactView> {
    return this.#about(who, (named) => ({ kind: 'contact-verified', ...named }))
  }

  async rename(who: string, name: string): Promise<ContactView> {
    return this.#about(who, (named) => ({ kind: 'contact-renamed', ...named, name }))
  }

  contacts(): readonly ContactView[] {
    return this.#store()
      .contacts()
      .map((contact) => this.#view(contact))
  }

  async setRelays(relays: readonly string[]): Promise<void> {
    const chosen = checkRelays(relays)
    await this.#ask('done', (request) => ({ kind: 'relays-chosen', request, ...chosen }))
  }

  history(who: string, { limit = 50, before }: { limit?: number; before?: MessageId } = {}): readonly MessageView[] {
    const { account } = this.#find.contact(who)
    const position = before === undefined ? undefined : this.#find.message(before).position
    return this.#store()
      .history(account, limit, position)
      .map((message) => messageView(message, this.#store()))
  }

  why(id: MessageId): Why {
    const message = this.#find.message(id)
    return whyView(message, this.#store(), (messageId, device) => this.#init.device.nextTryMs(messageId, device))
  }

  events(after: number, limit: number): readonly StoredEvent[] {
    return this.#store().events(after, limit)
  }

  async acknowledge(upTo: number): Promise<void> {
    await this.#ask('done', (request) => ({ kind: 'events-shown', request, upTo }))
  }

  async doctor(): Promise<Diagnosis> {
    const { device, dataDir } = this.#init
    const relays = device.relayStandings().map(({ relay }) => relay)
    const health = await this.#network.health(relays, device.publication())
    return diagnose({ identity: this.identity(), health, outbox: device.outboxStanding(), dataDir })
  }

  typing(who: string, isTyping = true): void {
    this.#presence?.typing(this.#find.contact(who).account, isTyping)
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
    this.#presence?.start()
  }

  /** What the core was told before is kept; nothing is told it after. */
  async #stop(): Promise<void> {
    this.#driver.stop() // What it still does may wake whoever waits, and that reads what is kept.
    this.#phase = 'stopping'
    await this.#presence?.stop()
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
    try {
      await this.#network.stop()
    } finally {
      this.#init.release()
      this.#phase = 'stopped'
    }
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
    if (stored.event.type === 'status') this.#waiters.wake(stored.event.id)
    if (stored.event.type === 'contact') this.#presence?.refresh()
    this.#telling.tellStored(stored)
  }

  #about(who: string, input: (named: { request: number; account: AccountId }) => Input): Promise<ContactView> {
    const { account } = this.#find.contact(who)
    return this.#askContact((request) => input({ request, account }))
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

  #view(contact: Contact): ContactView {
    const signs = this.#presence?.of(contact.account)
    return contactView(contact, (device) => this.#init.device.linkTo(device), signs)
  }

  #tellPresence(account: AccountId): void {
    const contact = this.#isOver() ? undefined : this.#init.store.contact(account)
    if (contact === undefined) return
    const { name, online, typing } = this.#view(contact)
    this.#telling.tell('presence', { type: 'presence', account, name, online, typing: typing === true })
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
