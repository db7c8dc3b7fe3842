/**
 * Which topics a relay listens to: those its visitors listen to, each of whom has a share. A visitor who leaves gives theirs
 * back, of which gossipsub says nothing: it forgets its own part and goes on listening.
 */
export interface GossipTopicsLimits {
  /** Topics listened to at one time; two for each pair of people would be many already. */
  readonly gossipTopicsMax: number
  /** Of one visitor: a hundred contacts, each with another topic tomorrow. */
  readonly gossipTopicsPerPeerMax: number
}

export interface GossipTopicsInit {
  readonly limits: GossipTopicsLimits
  /** Each topic that nobody else here listens to is told to everybody: whether this visitor may have that done now. */
  readonly mayBegin: (visitor: string) => boolean
  readonly listen: (topic: string) => void
  readonly leave: (topic: string) => void
}

export class GossipTopics {
  readonly #init: GossipTopicsInit
  readonly #byVisitor = new Map<string, Set<string>>()
  /** How many visitors listen to each. */
  readonly #listeners = new Map<string, number>()

  constructor(init: GossipTopicsInit) {
    this.#init = init
  }

  /** The limit that stands in the way, if one does. */
  wanted(visitor: string, topic: string): keyof GossipTopicsLimits | undefined {
    const { limits, mayBegin, listen } = this.#init
    const theirs = this.#byVisitor.get(visitor) ?? new Set()
    if (theirs.has(topic)) return undefined
    if (theirs.size >= limits.gossipTopicsPerPeerMax) return 'gossipTopicsPerPeerMax'
    const listeners = this.#listeners.get(topic) ?? 0
    if (listeners === 0 && this.#listeners.size >= limits.gossipTopicsMax) return 'gossipTopicsMax'
    if (listeners === 0 && !mayBegin(visitor)) return 'gossipTopicsPerPeerMax'
    this.#byVisitor.set(visitor, theirs.add(topic))
    this.#listeners.set(topic, listeners + 1)
    if (listeners === 0) listen(topic)
    return undefined
  }

  unwanted(visitor: string, topic: string): void {
    const theirs = this.#byVisitor.get(visitor)
    if (theirs?.delete(topic) !== true) return
    if (theirs.size === 0) this.#byVisitor.delete(visitor)
    this.#left(topic)
  }

  gone(visitor: string): void {
    const theirs = this.#byVisitor.get(visitor) ?? []
    this.#byVisitor.delete(visitor)
    for (const topic of theirs) this.#left(topic)
  }

  #left(topic: string): void {
    const others = (this.#listeners.get(topic) ?? 1) - 1
    if (others > 0) return void this.#listeners.set(topic, others)
    this.#listeners.delete(topic)
    this.#init.leave(topic)
  }
}
