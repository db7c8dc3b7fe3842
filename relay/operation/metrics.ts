/**
 * A relay's numbers in the form Prometheus reads. What is counted is in `tally.ts`; what a relay holds is asked of it when
 * somebody looks, at most every ten seconds, so that a scrape costs the store next to nothing.
 */
import { statfs } from 'node:fs/promises'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { AllLimits, RelayStatus } from '../relay.ts'
import { Tally } from './tally.ts'

export interface MetricsInit {
  readonly limits: AllLimits
  readonly dataDir: string
  /** Undefined while the relay cannot say. */
  readonly status: () => Promise<RelayStatus | undefined>
  readonly reached: () => ReadonlyMap<string, number>
  readonly nowMs: () => number
}

export interface Metrics {
  readonly tally: Tally
  /** In Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

export function openMetrics(init: MetricsInit): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const tally = countedIn(registry, init)
  counters(registry, tally, init.reached)
  const show = gauges(registry)
  limitGauges(registry, init.limits)
  return {
    tally,
    contentType: registry.contentType,
    text: async () => {
      const status = await init.status()
      show('up', status === undefined ? 0 : 1)
      if (status !== undefined) showStatus(show, status, init.nowMs())
      const disk = await statfs(init.dataDir).catch(() => undefined)
      if (disk !== undefined) show('disk_free_bytes', disk.bavail * disk.bsize)
      return registry.metrics()
    },
  }
}

/** From a person's patience to the life of a message. */
const deliveryBuckets = [0.01, 0.1, 1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000]
const storeBuckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5]

function countedIn(registry: Registry, { nowMs }: MetricsInit): Tally {
  const delivery = new Histogram({
    name: 'linnet_relay_delivery_seconds',
    help: 'From custody of a message to its acknowledgement by the recipient.',
    buckets: deliveryBuckets,
    registers: [registry],
  })
  const store = new Histogram({
    name: 'linnet_relay_store_seconds',
    help: 'From a question to the store to its answer, which is on disk.',
    labelNames: ['op'],
    buckets: storeBuckets,
    registers: [registry],
  })
  return new Tally({
    nowMs,
    delivered: (seconds) => delivery.observe(seconds),
    stored: (op, seconds) => store.observe({ op }, seconds),
  })
}

/** Read from the tally when somebody looks. */
function counters(registry: Registry, tally: Tally, reached: MetricsInit['reached']): void {
  const labelled = (name: string, help: string, label: string, counts: MetricsInit['reached']): void => {
    const counter: Counter = new Counter({
      name: `linnet_relay_${name}`,
      help,
      labelNames: [label],
      registers: [registry],
      collect: () => {
        counter.reset()
        for (const [word, times] of counts()) counter.inc({ [label]: word }, times)
      },
    })
  }
  const plain = (name: string, help: string, value: () => number): void => {
    const counter: Counter = new Counter({
      name: `linnet_relay_${name}`,
      help,
      registers: [registry],
      collect: () => {
        counter.reset()
        counter.inc(value())
      },
    })
  }
  labelled('frames_received_total', 'Frames from devices.', 'kind', () => tally.received)
  labelled('frames_sent_total', 'Frames to devices.', 'kind', () => tally.sent)
  labelled('deposits_total', 'Deposits, by what they were answered with.', 'answer', () => tally.deposits)
  labelled('directory_refusals_total', 'Directory questions refused.', 'reason', () => tally.refusals)
  labelled('lost_total', 'Messages dropped unread; both sides are told.', 'reason', () => tally.lost)
  labelled('turned_away_total', 'Connections refused at the door.', 'why', () => tally.turned)
  labelled('store_refusals_total', 'Calls the store did not carry out.', 'reason', () => tally.storeRefusals)
  labelled('limit_reached_total', 'How often each limit was reached.', 'limit', reached)
  plain('delivered_total', 'Messages acknowledged by their recipient.', () => tally.delivered)
  plain('duplicates_total', 'Deposits of a message that was held already.', () => tally.duplicates)
  plain('prekeys_taken_total', 'Bundles handed out with a one-time prekey.', () => tally.bundlesWithPreKey)
  plain('prekeys_missing_total', 'Bundles handed out without one.', () => tally.bundlesWithout)
  plain('prekey_pools_low_total', 'Devices told that few of their prekeys are left.', () => tally.poolsLow)
}

type Show = (name: GaugeName, value: number, word?: string) => void

const gaugeWords = {
  up: 'Whether the relay could say how it stands.',
  mailboxes: 'Devices with a mailbox.',
  active_mailboxes: 'Devices with a mailbox that have connected within a day, a week and thirty days.',
  messages: 'Messages waiting, by urgency; 0 is the most urgent.',
  message_bytes: 'Bytes of messages waiting.',
  oldest_message_age_seconds: 'How long the message that waits longest has waited.',
  tombstones: 'Notices of dropped messages that were not fetched yet.',
  cards: 'Cards in the directory.',
  prekeys: 'One-time prekeys in the directory.',
  store_bytes: 'Bytes of the store.',
  disk_free_bytes: 'Bytes free on the disk of the data directory.',
  connections: 'Connections open.',
  streams: 'Streams open.',
  subscriptions: 'Mailboxes listened to.',
  reservations: 'Peers that can be reached through this relay.',
  pending: 'Questions the store has not answered.',
} as const

type GaugeName = keyof typeof gaugeWords

const labels = { messages: 'urgency', active_mailboxes: 'within' } as const
const withinWords = ['1d', '7d', '30d']

function gauges(registry: Registry): Show {
  const all = new Map<string, Gauge>()
  for (const [name, help] of Object.entries(gaugeWords)) {
    all.set(name, gauge(registry, name, help, ...(name in labels ? [labels[name as keyof typeof labels]] : [])))
  }
  return (name, value, word) => {
    if (word === undefined) all.get(name)?.set(value)
    else if (name in labels) all.get(name)?.set({ [labels[name as keyof typeof labels]]: word }, value)
  }
}

function showStatus(show: Show, status: RelayStatus, nowMs: number): void {
  show('mailboxes', status.mailboxes)
  for (const [i, active] of status.active.entries()) show('active_mailboxes', active, withinWords[i])
  for (const [urgency, messages] of status.byUrgency.entries()) show('messages', messages, String(urgency))
  show('message_bytes', status.messageBytes)
  show('oldest_message_age_seconds', status.oldestMs === undefined ? 0 : Math.max(0, nowMs - status.oldestMs) / 1_000)
  show('tombstones', status.tombstones)
  show('cards', status.cards)
  show('prekeys', status.preKeys)
  show('store_bytes', status.diskBytes)
  show('connections', status.connections)
  show('streams', status.streams)
  show('subscriptions', status.subscriptions)
  show('reservations', status.reservations)
  show('pending', status.pending)
}

/** So that a dashboard can draw each number under its own ceiling. A rate is shown by what it comes to in a second. */
function limitGauges(registry: Registry, limits: AllLimits): void {
  const limit = gauge(registry, 'limit', 'The limits in force: counts, bytes, milliseconds or per second.', 'limit')
  for (const [name, value] of Object.entries(limits) as [string, AllLimits[keyof AllLimits]][]) {
    limit.set({ limit: name }, typeof value === 'number' ? value : value.perSecond)
  }
}

function gauge(registry: Registry, name: string, help: string, ...labelNames: string[]): Gauge {
  return new Gauge({ name: `linnet_relay_${name}`, help, labelNames, registers: [registry] })
}
