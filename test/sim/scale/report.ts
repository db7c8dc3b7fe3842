/** A scale run told in numbers, for people and for programs. */
import { quantile } from './measures.ts'
import type { Town } from './town.ts'

export interface ScaleReport {
  readonly scenario: string
  readonly seed: number
  readonly nodes: number
  readonly relays: number
  readonly hours: number
  readonly said: number
  readonly shown: number
  readonly delivered: number
  readonly deliveredDirect: number
  readonly expired: number
  /** At the end, by whether the recipient's device runs: of one that does, it is on its way there, or waits for an earlier one. */
  readonly unshown: { readonly away: number; readonly here: number }
  /** Of what was shown; virtual, from the moment it was accepted. */
  readonly latencyMs: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number }
  readonly deposits: number
  /** Deposits of an envelope that had been offered before. */
  readonly retries: number
  readonly bytesPerDevice: number
  readonly worst: { readonly mailbox: number; readonly outboxes: number }
  readonly waiting: { readonly outbox: number; readonly mailbox: number }
  readonly relayLoad: readonly {
    readonly relay: string
    readonly deposits: number
    readonly pages: number
    readonly bytesOut: number
  }[]
  readonly complaints: readonly string[]
  readonly events: number
  readonly wallMs: number
  readonly eventsPerSecond: number
  readonly bytesOfMemoryPerNode: number
  readonly hash: string
}

export function reportOf(
  town: Town,
  seed: number,
  cost: { readonly wallMs: number; readonly bytes: number },
): ScaleReport {
  const { measures, scenario, story } = town
  const sorted = measures.latenciesMs.toSorted((a, b) => a - b)
  const at = (share: number): number => Math.round(quantile(sorted, share))
  const bytes = story.people.reduce((sum, { device }) => sum + device.host.bytesOut, 0)
  return {
    scenario: scenario.name,
    seed,
    nodes: scenario.nodes,
    relays: scenario.relays,
    hours: scenario.hours,
    said: measures.said,
    shown: measures.shown,
    unshown: measures.unshown(story.people),
    delivered: measures.delivered,
    deliveredDirect: measures.direct,
    expired: measures.expired,
    latencyMs: { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) },
    deposits: measures.deposits,
    retries: measures.retries,
    bytesPerDevice: Math.round(bytes / Math.max(1, scenario.nodes)),
    worst: { mailbox: measures.worstMailbox.count, outboxes: measures.outboxMax },
    waiting: measures.waiting,
    relayLoad: story.relays.map(({ name, deposits, pages, host }) => ({
      relay: name,
      deposits,
      pages,
      bytesOut: host.bytesOut,
    })),
    complaints: story.world.complaints.slice(0, 10).map(({ property, detail }) => `${property}: ${detail}`),
    events: story.world.happened,
    wallMs: Math.round(cost.wallMs),
    eventsPerSecond: Math.round(story.world.happened / (cost.wallMs / 1_000)),
    bytesOfMemoryPerNode: Math.round(cost.bytes / Math.max(1, scenario.nodes)),
    hash: story.world.trace.hash,
  }
}

export function tell(report: ScaleReport): string {
  const { latencyMs, unshown, waiting, worst } = report
  const share = (part: number, whole: number): string => (whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`)
  const lines: [string, string][] = [
    [
      'people',
      `${report.nodes} on ${report.relays} relays for ${report.hours} h (${report.scenario}, seed ${report.seed})`,
    ],
    ['said', `${report.said}`],
    ['shown', `${report.shown} (${share(report.shown, report.said)})`],
    ['not shown', `${unshown.away} for somebody away, ${unshown.here} for somebody who is there`],
    ['receipted', `${report.delivered}, of these directly ${share(report.deliveredDirect, report.delivered)}`],
    ['expired', `${report.expired}`],
    [
      'latency',
      `of what was shown p50 ${duration(latencyMs.p50)}, p90 ${duration(latencyMs.p90)}, p99 ${duration(latencyMs.p99)}, most ${duration(latencyMs.max)}`,
    ],
    ['deposits', `${report.deposits}, offered again ${report.retries}`],
    ['sent', `${kib(report.bytesPerDevice)} a device`],
    ['worst', `${worst.mailbox} in one mailbox, ${worst.outboxes} on their way at once`],
    ['at the end', `${waiting.outbox} on their way, ${waiting.mailbox} in mailboxes`],
    ...report.relayLoad.map((load): [string, string] => [
      load.relay,
      `${load.deposits} deposits, ${load.pages} pages, ${kib(load.bytesOut)} out`,
    ]),
    ['cost', `${report.events} events in ${duration(report.wallMs)}, ${report.eventsPerSecond} a second`],
    ['memory', `${kib(report.bytesOfMemoryPerNode)} a person`],
    ...report.complaints.map((complaint): [string, string] => ['COMPLAINT', complaint]),
  ]
  const width = Math.max(...lines.map(([name]) => name.length))
  return lines.map(([name, text]) => `${name.padEnd(width)}  ${text}`).join('\n')
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`
}

function kib(bytes: number): string {
  return bytes < 10_000_000 ? `${(bytes / 1_024).toFixed(0)} KiB` : `${(bytes / 1_048_576).toFixed(0)} MiB`
}
