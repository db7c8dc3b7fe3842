/**
 * Carries presence between people who share this relay: it listens to the topics its visitors listen to, so that gossipsub
 * passes on what is published there. Topics mean nothing to a relay, what is published on them can be read by two devices
 * only, and it is held for seconds, in memory. All of it is bounded, because none of it is needed.
 */
import { gossipsub, TopicValidatorResult, type GossipSub, type GossipSubComponents } from '@libp2p/gossipsub'
import type { Libp2pEvents, PeerId, TypedEventTarget } from '@libp2p/interface'
import { presencePrefix } from '../../protocol/wire/presence.ts'
import { GossipVisitors } from './gossip-visitors.ts'

export interface GossipLimits {
  /** Visitors whose signals are carried: each costs memory, and every topic is told to each. */
  readonly gossipPeersMax: number
  /** Topics listened to at one time; two for each pair of people would be many already. */
  readonly gossipTopicsMax: number
}

export interface GossipComponents extends GossipSubComponents {
  readonly events: TypedEventTarget<Libp2pEvents>
}

const messageBytesMax = 512
const heartbeatMs = 2_000
/** Of one visitor, on all topics together: signs of presence to a hundred contacts at once, then a few a second. */
const burstMax = 200
const perSecond = 5

export function gossip(
  limits: GossipLimits,
  reached: (limit: keyof GossipLimits) => void = () => undefined,
): (components: GossipComponents) => GossipSub {
  return ({ privateKey, peerId, peerStore, registrar, connectionManager, logger, events }) => {
    const rate = new Rate()
    const mayHear = (peer: PeerId): boolean => {
      const known = service.getPeers()
      const heard = known.length < limits.gossipPeersMax || known.some((other) => other.equals(peer))
      if (!heard) reached('gossipPeersMax')
      return heard
    }
    const visitors = new GossipVisitors(registrar, mayHear)
    events.addEventListener('peer:disconnect', ({ detail }) => visitors.left(detail))
    const service = gossipsub({
      globalSignaturePolicy: 'StrictNoSign',
      allowPublishToZeroTopicPeers: true,
      fallbackToFloodsub: false,
      tagMeshPeers: false,
      heartbeatInterval: heartbeatMs,
      maxInboundDataLength: messageBytesMax,
      scoreParams: { IPColocationFactorWeight: 0 }, // People behind one router are not one attacker.
    })({
      privateKey,
      peerId,
      peerStore,
      registrar: visitors as unknown as GossipSubComponents['registrar'], // Nothing else of it is used.
      connectionManager,
      logger,
    })
    service.addEventListener('subscription-change', ({ detail: { subscriptions } }) => {
      for (const { topic } of subscriptions) {
        if (topic.startsWith(presencePrefix) && !follow(service, topic, rate, limits)) reached('gossipTopicsMax')
      }
    })
    return service
  }
}

/** Listens where somebody does, and nowhere else. False when it ought to and may not. */
function follow(service: GossipSub, topic: string, rate: Rate, { gossipTopicsMax }: GossipLimits): boolean {
  const topics = service.getTopics()
  const [follows, wanted] = [topics.includes(topic), service.getSubscribers(topic).length > 0]
  if (wanted && !follows) {
    if (topics.length >= gossipTopicsMax) return false
    service.topicValidators.set(topic, (peer) =>
      rate.allows(peer) ? TopicValidatorResult.Accept : TopicValidatorResult.Ignore,
    )
    service.subscribe(topic)
  }
  if (!wanted && follows) {
    service.unsubscribe(topic)
    service.topicValidators.delete(topic)
  }
  return true
}

class Rate {
  readonly #left = new Map<string, { tokens: number; atMs: number }>()

  allows(peer: PeerId): boolean {
    const nowMs = performance.now()
    const key = peer.toString()
    const { tokens, atMs } = this.#left.get(key) ?? { tokens: burstMax, atMs: nowMs }
    const filled = Math.min(burstMax, tokens + ((nowMs - atMs) / 1_000) * perSecond)
    if (this.#left.size > visitorsMax) this.#left.clear()
    this.#left.set(key, { tokens: Math.max(0, filled - 1), atMs: nowMs })
    return filled >= 1
  }
}

const visitorsMax = 10_000
