/**
 * A relay as an operator runs it: with its settings, its log, its metrics and its health, started in the order in which each
 * needs the one before and stopped the other way round. What a relay does is `relay.ts`; which settings there are,
 * `settings-table.ts`.
 */
import type { DestinationStream } from 'pino'
import { createRelay, type Relay, type RelayLogEntry, type RelayStatus } from '../relay.ts'
import { openLog } from './log.ts'
import { openMetrics } from './metrics.ts'
import { openMonitor, type Monitor } from './monitor.ts'
import type { RelaySettings } from './settings.ts'

export interface OperateInit {
  readonly dataDir: string
  readonly settings: RelaySettings
  /** Where log lines go; by default stderr. */
  readonly logTo?: DestinationStream
  /** Remarks on the settings, for the log. */
  readonly warnings?: readonly string[]
}

export interface Operated {
  readonly relay: Relay
  /** Where metrics and health are, if anywhere. */
  readonly monitor: string | undefined
  readonly stop: () => Promise<void>
}

/** Not started: that is the caller's, who may want to listen to `fatal` first. */
export interface Operable extends Operated {
  readonly start: () => Promise<void>
}

/** How old a status may be that a scrape or a health check is answered from. */
const statusMsMax = 10_000
/** A store that does not answer within this is not ready. */
const answerMsMax = 5_000
/** How often it is said which limits were reached. */
const noticeEveryMs = 60_000

export async function operateRelay(init: OperateInit): Promise<Operable> {
  const { settings, dataDir } = init
  const log = openLog(settings.logLevel, init.logTo ?? process.stderr)
  for (const detail of init.warnings ?? []) log({ level: 'warn', event: 'setting', detail })
  let relay: Relay | undefined
  const status = remembered(async () => relay?.status())
  const reached = (): ReadonlyMap<string, number> => relay?.reached ?? new Map()
  const metrics = openMetrics({ limits: settings.limits, dataDir, status, reached, nowMs: Date.now })
  relay = await createRelay({ ...relayOptions(init), log, observer: metrics.tally })
  const running = relay
  let serving = false
  let monitor: Monitor | undefined
  let notices: NodeJS.Timeout | undefined
  running.on('fatal', () => (serving = false))
  return {
    relay: running,
    get monitor() {
      return monitor?.address
    },
    start: async () => {
      if (settings.monitor !== undefined) {
        const ready = async (): Promise<boolean> => serving && (await status()) !== undefined
        monitor = await openMonitor({
          ...settings.monitor,
          ready,
          metrics: () => metrics.text(),
          metricsType: metrics.contentType,
        })
      }
      await running.start()
      serving = true
      notices = setInterval(noticed(running, log), noticeEveryMs)
      notices.unref()
    },
    stop: async () => {
      serving = false
      clearInterval(notices)
      try {
        await running.stop()
      } finally {
        await monitor?.close()
      }
    },
  }
}

function relayOptions({ dataDir, settings }: OperateInit): Parameters<typeof createRelay>[0] {
  const { listen, announce, store, access, elsewhere, limits } = settings
  return {
    dataDir,
    store,
    access,
    elsewhere,
    limits,
    ...(listen === undefined ? {} : { listen }),
    ...(announce === undefined ? {} : { announce }),
  }
}

/** One question at a time, its answer good for a while; undefined when there is none in time. */
function remembered(ask: () => Promise<RelayStatus | undefined>): () => Promise<RelayStatus | undefined> {
  let askedMs = -Infinity
  let answer: Promise<RelayStatus | undefined> = Promise.resolve(undefined)
  return () => {
    if (performance.now() - askedMs < statusMsMax) return answer
    askedMs = performance.now()
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, answerMsMax, undefined).unref())
    answer = Promise.race([ask().catch(() => undefined), late]).then((status) => {
      if (status === undefined) askedMs = -Infinity
      return status
    })
    return answer
  }
}

/** Says which limits were reached since it was last called. */
function noticed(relay: Relay, log: (entry: RelayLogEntry) => void): () => void {
  const said = new Map<string, number>()
  return () => {
    for (const [limit, times] of relay.reached) {
      const more = times - (said.get(limit) ?? 0)
      if (more > 0) log({ level: 'warn', event: 'limit-reached', detail: limit, times: more })
      said.set(limit, times)
    }
  }
}
