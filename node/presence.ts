/**
 * Who is here, and who is typing. Says so to the devices of accepted contacts and to nobody else, hears it from them, and
 * forgets it after a while. Nothing here is needed for a message to arrive, and nothing is kept.
 */
import type { Random } from '../protocol/crypto/random.ts'
import type { AccountId, DeviceId } from '../protocol/ids.ts'
import {
  openSignal,
  presencePair,
  presenceTopic,
  presenceTopics,
  sealSignal,
  type PresencePair,
  type Sign,
  type Signal,
} from '../protocol/wire/presence.ts'

/** What is used of gossipsub. */
export interface Airwaves {
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  publish(topic: string, data: Uint8Array): Promise<unknown>
}

export interface PresenceInit {
  /** Of this device, 32 bytes. */
  readonly seed: Uint8Array
  readonly device: DeviceId
  /** The devices of accepted contacts. */
  readonly friends: () => readonly Friend[]
  /** A connection to them stands, which is a sign of its own. */
  readonly isLinked: (device: DeviceId) => boolean
  readonly airwaves: Airwaves
  readonly random: Random
  readonly nowMs: () => number
  /** Somebody came, went, began or stopped to type. */
  readonly onChanged: (account: AccountId) => void
}

export interface Friend {
  readonly account: AccountId
  readonly device: DeviceId
}

const hereEveryMs = 120_000
/** Two signs may be lost before somebody is taken to have gone. */
const hereMsMax = 2 * hereEveryMs + 30_000
const typingEveryMs = 3_000
const typingMsMax = 8_000
const lookEveryMs = 2_000

interface Peer extends Friend {
  readonly pair: PresencePair
  topics: readonly string[]
  saidMs: number
  typedMs: number
  heardMs: number
  hereUntilMs: number
  typingUntilMs: number
  owesGreeting: boolean
}

export class Presence {
  readonly #init: PresenceInit
  readonly #peers = new Map<DeviceId, Peer>()
  readonly #byTopic = new Map<string, Peer>()
  readonly #told = new Map<AccountId, string>()
  #timer: NodeJS.Timeout | undefined

  constructor(init: PresenceInit) {
    this.#init = init
  }

  start(): void {
    this.refresh()
    this.#timer = setInterval(() => this.refresh(), lookEveryMs).unref()
  }

  /** Takes leave of everybody. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.allSettled([...this.#peers.values()].map((peer) => this.#say(peer, 'gone')))
  }

  of(account: AccountId): { readonly here: boolean; readonly typing: boolean } {
    const nowMs = this.#init.nowMs()
    const peers = [...this.#peers.values()].filter((peer) => peer.account === account)
    return {
      here: peers.some(({ device, hereUntilMs }) => hereUntilMs > nowMs || this.#init.isLinked(device)),
      typing: peers.some(({ typingUntilMs }) => typingUntilMs > nowMs),
    }
  }

  typing(account: AccountId, isTyping: boolean): void {
    const nowMs = this.#init.nowMs()
    for (const peer of this.#peers.values()) {
      if (peer.account !== account || (isTyping && nowMs - peer.typedMs < typingEveryMs)) continue
      peer.typedMs = isTyping ? nowMs : 0
      void this.#say(peer, isTyping ? 'typing' : 'silent')
    }
  }

  /** Contacts may have changed, a day may be over, a sign may be due or worn out. */
  refresh(): void {
    const nowMs = this.#init.nowMs()
    const friends = new Map(this.#init.friends().map((friend) => [friend.device, friend]))
    for (const [device, friend] of friends) if (!this.#peers.has(device)) this.#add(friend)
    for (const [device, peer] of this.#peers) {
      if (!friends.has(device)) {
        this.#peers.delete(device)
        this.#listen(peer, [])
        continue
      }
      this.#listen(peer, presenceTopics(peer.pair, nowMs))
      if (peer.owesGreeting || nowMs - peer.saidMs >= hereEveryMs) void this.#say(peer, 'here')
      peer.owesGreeting = false
      this.#tell(peer.account)
    }
  }

  /** Something was published. Who published it shows in whether it opens. */
  heard(topic: string, data: Uint8Array): void {
    const peer = this.#byTopic.get(topic)
    if (peer === undefined) return
    const nowMs = this.#init.nowMs()
    const signal = openSignal(peer.pair, peer.device, data, nowMs)
    if (signal === undefined || signal.atMs <= peer.heardMs) return // Also when it is an old one played again.
    peer.heardMs = signal.atMs
    const cameBack = peer.hereUntilMs <= nowMs
    this.#note(peer, signal, nowMs)
    if (cameBack && signal.sign !== 'gone') this.greet(topic)
    this.#tell(peer.account)
  }

  /** Somebody listens who did not a moment ago. */
  greet(topic: string): void {
    const peer = this.#byTopic.get(topic)
    if (peer !== undefined) peer.owesGreeting = true // Gossip needs a moment to find its ways.
  }

  #note(peer: Peer, { sign }: Signal, nowMs: number): void {
    peer.hereUntilMs = sign === 'gone' ? 0 : nowMs + hereMsMax
    if (sign === 'typing') peer.typingUntilMs = nowMs + typingMsMax
    else if (sign !== 'here') peer.typingUntilMs = 0
  }

  /** Only what is new. */
  #tell(account: AccountId): void {
    const { here, typing } = this.of(account)
    const state = `${here} ${typing}`
    if ((this.#told.get(account) ?? 'false false') === state) return
    this.#told.set(account, state)
    this.#init.onChanged(account)
  }

  #add(friend: Friend): void {
    const pair = presencePair(this.#init.seed, friend.device)
    if (pair === undefined) return
    const never = { saidMs: 0, typedMs: 0, heardMs: 0, hereUntilMs: 0, typingUntilMs: 0, owesGreeting: false }
    this.#peers.set(friend.device, { ...friend, pair, topics: [], ...never })
  }

  #listen(peer: Peer, topics: readonly string[]): void {
    for (const topic of peer.topics) {
      if (topics.includes(topic)) continue
      this.#byTopic.delete(topic)
      this.#init.airwaves.unsubscribe(topic)
    }
    for (const topic of topics) {
      if (peer.topics.includes(topic)) continue
      this.#byTopic.set(topic, peer)
      this.#init.airwaves.subscribe(topic)
    }
    peer.topics = topics
  }

  async #say(peer: Peer, sign: Sign): Promise<void> {
    const { airwaves, device, random } = this.#init
    // Two signs within a millisecond still come one after the other.
    const atMs = Math.max(this.#init.nowMs(), peer.saidMs + 1)
    peer.saidMs = atMs
    try {
      await airwaves.publish(presenceTopic(peer.pair, atMs), sealSignal(peer.pair, device, { sign, atMs }, random))
    } catch {
      // Nobody heard it: the next one may be.
    }
  }
}
