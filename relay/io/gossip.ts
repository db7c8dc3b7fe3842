/**
 * Carries presence between people who share this relay: it listens to the topics its visitors listen to, so that gossipsub
 * passes on what is published there. Topics mean nothing to a relay, what is published on them can be read by two devices
 * only, and it is held for seconds, in memory. All of it is bounded, because none of it is needed.
 */
import { gossipsub, TopicValidatorResult, type GossipSub, type GossipSubComponents } from '@libp2p/gossipsub'
import type { Libp2pEvents, PeerId, TypedEventTarget } from '@libp2p/interface'
import { presencePrefix } from '../../protocol/wire/presence.ts'
import { GossipTopics, type GossipTopicsLimits } from './gossip-topics.ts'
import { GossipVisitors } from './gossip-visitors.ts'

export interface GossipLimits extends GossipTopicsLimits {
  /** Visitors whose signals are carried: each costs memory, and every topic is told to each. */
  readonly gossipPeersMax: number
}

export interface GossipComponents extends GossipSubComponents {
  readonly events: TypedEventTarget<Libp2pEvents>
}

const messageBytesMax = 512
/** Ours take 51. */
const topicCharactersMax = 64
/** What gossipsub reckons for one topic of one visitor, and twice that. */
const topicBytes = 2 * (1_024 + topicCharactersMax)
/** Whoever comes names all topics in one frame: a thousand of them. What is more than their share is passed over. */
const frameBytesMax = 65_536
const heartbeatMs = 2_000
/** Of one visitor, on all topics together: signs of presence to a hundred contacts at once, then a few a second. */
const signs = { burstMax: 200, perSecond: 5 }
/** Of one visitor, topics that are new here: two shares at once, for who comes and comes again, and then slowly. */
const changes = { burstMax: 500, perSecond: 1 }

export function gossip(
  limits: GossipLimits,
  reached: (limit: keyof GossipLimits) => void = () => undefined,
): (components: GossipComponents) => GossipSub {
  return ({ privateKey, peerId, peerStore, registrar, connectionManager, logger, events }) => {
    const mayHear = (peer: PeerId): boolean => {
      const known = service.getPeers()
      const heard = known.length < limits.gossipPeersMax || known.some((other) => other.equals(peer))
      if (!heard) reached('gossipPeersMax')
      return heard
    }
    const visitors = new GossipVisitors(registrar, mayHear)
    const [signRate, changeRate] = [new Rate(signs), new Rate(changes)]
    const topics = new GossipTopics({
      limits,
      mayBegin: (visitor) => changeRate.allows(visitor),
      listen: (topic) => {
        service.topicValidators.set(topic, (peer, { data }) =>
          data.length <= messageBytesMax && signRate.allows(peer.toString())
            ? TopicValidatorResult.Accept
            : TopicValidatorResult.Ignore,
        )
        service.subscribe(topic)
      },
      leave: (topic) => {
        service.unsubscribe(topic)
        service.topicValidators.delete(topic)
      },
    })
    events.addEventListener('peer:disconnect', ({ detail }) => {
      visitors.left(detail)
      if ((service as Started).started) topics.gone(detail.toString())
    })
    const service = gossipsub({
      globalSignaturePolicy: 'StrictNoSign',
      allowPublishToZeroTopicPeers: true,
      fallbackToFloodsub: false,
      tagMeshPeers: false,
      heartbeatInterval: heartbeatMs,
      maxInboundDataLength: frameBytesMax,
      maxTopicBytesPerPeer: limits.gossipTopicsPerPeerMax * topicBytes,
      scoreParams: { IPColocationFactorWeight: 0 }, // People behind one router are not one attacker.
    })({
      privateKey,
      peerId,
      peerStore,
      registrar: visitors as unknown as GossipSubComponents['registrar'], // Nothing else of it is used.
      connectionManager,
      logger,
    })
    service.addEventListener('subscription-change', ({ detail: { peerId: visitor, subscriptions } }) => {
      if (!service.getPeers().some((other) => other.equals(visitor))) return // Gone meanwhile.
      for (const { topic, subscribe } of subscriptions) {
        if (!topic.startsWith(presencePrefix) || topic.length > topicCharactersMax) continue
        if (!subscribe) topics.unwanted(visitor.toString(), topic)
        const limit = subscribe ? topics.wanted(visitor.toString(), topic) : undefined
        if (limit !== undefined) reached(limit)
      }
    })
    return service
  }
}

/** It is, and does not say so in its type. */
type Started = GossipSub & { readonly started: boolean }

/** What one visitor may do: so much at once, and then so often. */
class Rate {
  readonly #left = new Map<string, { tokens: number; atMs: number }>()
  readonly #burstMax: number
  readonly #perSecond: number

  constructor({ burstMax, perSecond }: { readonly burstMax: number; readonly perSecond: number }) {
    this.#burstMax = burstMax
    this.#perSecond = perSecond
  }

  allows(visitor: string): boolean {
    const nowMs = performance.now()
    const { tokens, atMs } = this.#left.get(visitor) ?? { tokens: this.#burstMax, atMs: nowMs }
    const filled = Math.min(this.#burstMax, tokens + ((nowMs - atMs) / 1_000) * this.#perSecond)
    if (this.#left.size > visitorsMax) this.#left.clear()
    this.#left.set(visitor, { tokens: Math.max(0, filled - 1), atMs: nowMs })
    return filled >= 1
  }
}

const visitorsMax = 10_000
